/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_MAPPING_H
#define COCOSECRET_MAPPING_H

/* The device-mapper UUID of the active mapping @name, from sysfs; -ENOENT where there is none. */
enum { DM_UUID_SIZE = 129 };
int mapping_uuid(const char *name, char uuid[DM_UUID_SIZE]);
int mapping_deactivate(const char *name);

#endif
