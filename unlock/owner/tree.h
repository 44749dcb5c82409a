/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TREE_H
#define COCOSECRET_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What an initramfs will hold, by paths that begin with no slash. */
struct tree_entry {
	char *path;
	char *source; /* a file to copy; NULL: a folder, or @text */
	char *text;
	const char *why; /* the caller's, who keeps it */
	uint32_t mode;
	uint64_t size;
};

struct tree {
	struct tree_entry *entries;
	size_t count;
	uint32_t time; /* of all of them, in seconds */
};

/* Each adds the folders above, too; what is there already stays. Negative errno. */
int tree_add_folder(struct tree *tree, const char *path, const char *why);
int tree_add_file(struct tree *tree, const char *path, const char *source, uint32_t mode,
		  const char *why);
int tree_add_text(struct tree *tree, const char *path, const char *text, const char *why);

/* An archive as the kernel takes it (newc), the same for the same tree. Negative errno. */
int tree_write(struct tree *tree, FILE *out);
void tree_list(struct tree *tree, FILE *out);
void tree_free(struct tree *tree);

#endif
