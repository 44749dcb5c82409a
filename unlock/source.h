/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SOURCE_H
#define COCOSECRET_SOURCE_H

/*
 * The folders that secrets are in. Nothing is mounted or loaded here. Descriptors, or negative
 * errno: -ENOENT where there is no such folder, -EACCES where it is not what it must be.
 */
#define SOURCE_SECURITYFS "/sys/kernel/security"
#define SOURCE_LAUNCH "secrets/coco"
#define SOURCE_RUN "/run/cocosecret/secrets"

/* securityfs, without doubt: -ENOTTY where something else is in its place. */
int source_open_securityfs(void);

/* Of the launch secrets, below it. */
int source_open_launch(int securityfs);

/* Of what an agent of the owner's put there: on ramfs, which is never swapped, and root's alone. */
int source_open_run(void);

/* The first of the two in which a file @secret is. */
int source_find(const char *secret);

#endif
