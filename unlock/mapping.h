/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_MAPPING_H
#define COCOSECRET_MAPPING_H

/* The device-mapper UUID of the active mapping @name, from sysfs; -ENOENT where there is none. */
enum { DM_UUID_SIZE = 129 };
int mapping_uuid(const char *name, char uuid[DM_UUID_SIZE]);

/* Within a bounded time; a mapping that is in use is left to go when it no longer is. */
int mapping_close(const char *name);

#endif
