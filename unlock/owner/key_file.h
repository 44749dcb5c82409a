/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_KEY_FILE_H
#define COCOSECRET_KEY_FILE_H

#include <stdbool.h>

#include "lib/secret.h"

/* In place of a path: ask for a passphrase at the terminal. */
extern const char key_file_asked[];

/* The key files of one command line: standard input, "-", can be one of them only. */
struct key_files {
	const char *command; /* for messages */
	bool stdin_used;
};

/* All bytes of @path, or the passphrase, into locked memory. An exit code; it reports any fault. */
int key_file_read(struct key_files *files, const char *path, struct secret *key);

#endif
