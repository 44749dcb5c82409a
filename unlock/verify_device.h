/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_VERIFY_DEVICE_H
#define COCOSECRET_VERIFY_DEVICE_H

#include "text.h"

/*
 * Whether a block device, given by its folder in sysfs, is a mapping on record in @state, or lies
 * wholly on such mappings: LVM, md and other mappings by their slaves, a partition by its disk.
 */
bool verify_device(int state, const char *folder, struct fault *why);
/* The same of each device that has an entry in @folder; there must be one. */
bool verify_devices(int state, const char *folder, struct fault *why);

#endif
