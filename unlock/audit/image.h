/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_IMAGE_H
#define COCOSECRET_IMAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/text.h"

enum { IMAGE_PATH_SIZE = 1024 };

/*
 * The files of a root that is not ours, and that nobody has looked at: links are followed as if it
 * were /, only regular files are opened, and no more than so much is read of each.
 */
struct image {
	int root;
	struct json_object *unread; /* an array: what is there, but could not be looked at */
};

/* Paths; what one call adds is in the order of its last parts. */
struct names {
	char **list;
	size_t count;
};

/* 0 or negative errno. Whatever becomes of it, @image can be closed. */
int image_open(struct image *image, const char *root);
void image_close(struct image *image);

/* Notes that something there was not looked at. */
void image_tell(struct image *image, const char *path, const char *why);

/* Whether there is anything at that path. */
bool image_has(struct image *image, const char *path);

/* Whether systemd takes it for a mask: a link to /dev/null, or an empty file. */
bool image_is_mask(struct image *image, const char *path);

/* Whether there is an entry of that name, be it a link that leads nowhere. */
bool image_has_entry(struct image *image, const char *path);

/* A file's text, NUL added, which the caller frees; NULL where there is none, or it is unread. */
char *image_read(struct image *image, const char *path, size_t *length);

/* Adds the entries of a folder that match a pattern of the shell's. */
void image_list(struct image *image, const char *folder, const char *pattern, struct names *names);

/* The same for several: of those that are called alike, the first folder's counts. */
void image_list_each(struct image *image, const char *const *folders, const char *pattern,
		     struct names *names);
void names_free(struct names *names);

/* Its last part. */
const char *path_name(const char *path);

#endif
