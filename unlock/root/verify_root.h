/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_VERIFY_ROOT_H
#define COCOSECRET_VERIFY_ROOT_H

#include "root/verify_mount.h"

/* The decision looks at this; the tests show it something other than the machine. */
struct verify_view {
	const char *sysfs;
	const char *journals; /* jbd2's folder in procfs */
	int state; /* folder of this boot's records */
	const char *root; /* the volume that the root must lie on, at least in part; empty: any */
	bool (*btrfs_id)(const struct verify_mount *mount, char id[37]);
	char *(*resolve)(const char *path); /* as realpath(path, NULL) */
};

/*
 * Whether everything reachable at @dir lies on mappings of this boot or in memory, and the file
 * system at @dir itself on the volume that its owner meant. If that already runs as the root,
 * another folder may lie on any of them.
 */
bool verify_tree(const struct verify_view *view, struct verify_mounts *mounts, const char *dir,
		 struct fault *why);

/* The same of this machine, as an exit status, with the reason of a failure in @fault. */
int verify_root(const char *dir, struct fault *fault);

#endif
