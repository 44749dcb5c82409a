/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_VERIFY_DEVICE_H
#define COCOSECRET_VERIFY_DEVICE_H

#include "lib/text.h"

/* What a device may lie on, and whether a part of it lies on one volume of that. */
struct verify_ground {
	int state;        /* folder of this boot's records */
	const char *part; /* name of the volume */
	bool on_part;     /* set where one was found to */
};

/*
 * Whether a block device, given by its folder in sysfs, is a mapping on record, or lies wholly on
 * such mappings: LVM, md and other mappings by their slaves, a partition by its disk.
 */
bool verify_device(struct verify_ground *ground, const char *folder, struct fault *why);
/* The same of each device that has an entry in @folder; there must be one. */
bool verify_devices(struct verify_ground *ground, const char *folder, struct fault *why);

#endif
