/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_MAPPING_H
#define COCOSECRET_MAPPING_H

enum { DM_UUID_SIZE = 129, DISKSEQ_SIZE = 24, MAPPING_DEVICE_SIZE = 16 };

/*
 * What tells a mapping from one that another program puts into its place: name and UUID may come
 * again, but the kernel gives each disk a sequence number of its own.
 */
struct mapping_id {
	char dm_uuid[DM_UUID_SIZE];
	char diskseq[DISKSEQ_SIZE];
	char device[MAPPING_DEVICE_SIZE]; /* the kernel's name for it, "dm-0" */
};

/* Of the active mapping @name, from sysfs; -ENOENT where there is none. */
int mapping_find(const char *name, struct mapping_id *id);

/* udev will do this, too: /dev/mapper/@name is there when this returns. */
int mapping_link(const char *name, const struct mapping_id *id);

/* The same for the device between the volume @name and its disk, if it has integrity. */
void mapping_link_integrity(const char *name);

/* Within a bounded time; a mapping still in use is removed once it is free. */
int mapping_close(const char *name);

#endif
