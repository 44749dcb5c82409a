/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SOURCE_H
#define COCOSECRET_SOURCE_H

/* Where a boot takes its secrets from: the words of rd.cocosecret.source=. */
enum source {
	SOURCE_SECURITYFS, /* the launch secrets */
	SOURCE_RUN,        /* what an agent of the owner's put there */
};

/*
 * The folders that secrets are in. Nothing is mounted or loaded here. Descriptors, or negative
 * errno: -ENOENT where there is no such folder, -ENOTTY where it is not what it must be.
 */
#define SOURCE_SECURITYFS_PATH "/sys/kernel/security"
#define SOURCE_LAUNCH_PATH "secrets/coco"
#define SOURCE_RUN_PATH "/run/cocosecret/secrets"

/* securityfs, without doubt. */
int source_open_securityfs(void);

/* Of the launch secrets, below it. */
int source_open_launch(int securityfs);

/* The agent's: on ramfs, which is never swapped, and root's alone. */
int source_open_run(void);

/* The same, whatever it is like: to wipe it. */
int source_open_run_anyway(void);

/* The first of the two in which a file @secret is. */
int source_find(const char *secret);

#endif
