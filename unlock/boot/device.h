/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_DEVICE_H
#define COCOSECRET_DEVICE_H

#include <libudev.h>

#include "config/volume.h"

/*
 * Keeps udev away from the disk that @node is, or is a partition of, until the returned descriptor
 * is closed. Negative where that cannot be had, which only makes things slower.
 */
int device_lock(const char *node);

/* What udev knows of a block device; any of it may be NULL, all but node is text of the disk. */
struct device_properties {
	const char *node;
	const char *links; /* separated by blanks */
	const char *fs_type;
	const char *fs_uuid;
	const char *fs_label_enc;
	const char *part_uuid;
	const char *part_name;
};

bool device_matches(const struct device_spec *spec, const struct device_properties *properties);

enum { DEVICE_NAME_SIZE = 256 }; /* NAME_MAX, and its NUL */
struct device_entry {
	char name[DEVICE_NAME_SIZE]; /* the kernel's */
	bool ready;                  /* udev has looked at it */
};

/* Block devices, those there and those to come; listening starts before the first look. */
struct devices {
	struct udev *udev;
	struct udev_monitor *monitor;
	struct device_entry *list; /* those that were seen */
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
