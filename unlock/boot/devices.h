/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_DEVICES_H
#define COCOSECRET_DEVICES_H

#include <stddef.h>

#include "boot/device.h"

struct udev;
struct udev_monitor;

enum { DEVICES_NAME_SIZE = 256 }; /* NAME_MAX, and its NUL */
struct devices_entry {
	char name[DEVICES_NAME_SIZE]; /* the kernel's */
	bool ready;                  /* udev has looked at it */
};

/* Block devices, those there and those to come; listening starts before the first look. */
struct devices {
	struct udev *udev;
	struct udev_monitor *monitor;
	int socket; /* of the kernel's own events, where there is no udev */
	struct devices_entry *list; /* those that were seen */
	size_t count;
};

typedef void device_found(void *context, const struct device_properties *properties);

int devices_listen(struct devices *devices);
int devices_descriptor(const struct devices *devices);

/* Reports those that are there, and not again those that it saw before. */
int devices_enumerate(struct devices *devices, device_found *found, void *context);
void devices_receive(struct devices *devices, device_found *found, void *context);
bool devices_waiting(const struct devices *devices); /* to be received */
bool devices_queued(const struct devices *devices);  /* to be looked at by udev first */
bool devices_unready(const struct devices *devices); /* has udev still to look at one of them? */
void devices_close(struct devices *devices);

#endif
