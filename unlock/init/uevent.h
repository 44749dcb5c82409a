/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_UEVENT_H
#define COCOSECRET_UEVENT_H

#include <stddef.h>

enum { UEVENT_SIZE = 8192 };

/* What the kernel says of a device; the texts are the event's own, empty where it says nothing. */
struct uevent {
	char text[UEVENT_SIZE];
	const char *action, *subsystem, *name, *modalias;
};

/* A descriptor that tells of all devices from now on; negative errno. The caller's. */
int uevent_listen(void);

/* The next event that the kernel itself sent. -EAGAIN where there is none. */
int uevent_receive(int fd, struct uevent *event);

/* The words of the first @size bytes of its text, fewer than UEVENT_SIZE. */
void uevent_split(struct uevent *event, size_t size);

#endif
