/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_AUDIT_DISKS_H
#define COCOSECRET_AUDIT_DISKS_H

#include "audit/doors.h"

/*
 * Whether a host may answer to that name of a device: any name is his, but for that of a mapping
 * that an unlocker makes.
 */
bool disks_is_hosts(struct audit *audit, const char *device);

/* Whether fstab puts what a host brings at a folder of the root, or above it. */
bool disks_holds(struct audit *audit, const char *folder);

#endif
