/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_VERIFY_MOUNT_H
#define COCOSECRET_VERIFY_MOUNT_H

#include "lib/text.h"

/* One line of /proc/self/mountinfo; see proc(5). */
struct verify_mount {
	unsigned int id;
	unsigned int major;
	unsigned int minor; /* of the file system's device; major 0 where it has none */
	char *point;
	char *type;
	char *options; /* of the file system, escaped still: a comma in a path is \054 */
	bool needed;   /* must be verified */
	bool verified;
	bool is_root;  /* at the folder itself, or a layer of what is there */
	bool on_root;  /* lies on the volume that the root must lie on, at least in part */
};

struct verify_mounts {
	struct verify_mount *list;
	size_t count;
};

int verify_mounts_parse(struct slice text, struct verify_mounts *mounts, struct fault *fault);
void verify_mounts_free(struct verify_mounts *mounts);

/* Calls @use with each layer of an overlay, a path; false where it or a layer is not as it must be. */
typedef bool verify_layer_use(void *context, const char *path);
bool verify_mount_layers(const struct verify_mount *overlay, verify_layer_use *use, void *context);

/* @path is @folder or below it. */
bool path_is_within(const char *path, const char *folder);

#endif
