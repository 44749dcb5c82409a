/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_LOCK_H
#define COCOSECRET_LOCK_H

#include "lib/text.h"

/*
 * The lock that cryptsetup takes for a device, so that of its commands and ours one writes at a time:
 * flock on the file, or, for a block device, on a file in /run that is named after its number. Where
 * it is held from before a header is read, what another one read before that is too old to be
 * written: cryptsetup compares sequence numbers once it has the lock.
 */
struct lock {
	int fd;
	char file[32]; /* in the folder of locks; empty where the device itself is locked */
};

#define LOCK_INIT { .fd = -1 }

/*
 * Waits for the lock of the device or file @fd, which is open for writing; says so, once, and gives
 * up in the end. @name is for messages. An exit code, with the reason in @fault.
 */
int lock_take(struct lock *lock, int fd, const char *name, struct fault *fault);
void lock_release(struct lock *lock);

#endif
