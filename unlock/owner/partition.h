/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_PARTITION_H
#define COCOSECRET_PARTITION_H

#include <stdint.h>

#include "lib/text.h"

enum { PARTITION_NAME = 48 };

/* Where a LUKS2 volume lies in a disk image, in bytes; @name empty: it is the whole file. */
struct partition {
	uint64_t start, size;
	char name[PARTITION_NAME]; /* "partition 2", for messages */
};

/*
 * The partition of an image file, open as @fd, that @wanted names, by number, label or UUID; with NULL the only
 * one that holds LUKS, if the file itself does not. What is no image of a disk is taken whole.
 * Exit codes, with the reason in @fault.
 */
int partition_find(int fd, const char *image, const char *wanted, struct partition *found,
		   struct fault *fault);

#endif
