/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_DEVICE_H
#define COCOSECRET_DEVICE_H

#include <stdbool.h>

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

#endif
