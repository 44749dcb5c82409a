/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SECRET_H
#define COCOSECRET_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/text.h"

/* The largest secret area a firmware may offer is 64 KiB, so no secret is larger. */
enum { SECRET_MAX = 65536 };

/* Bytes in pages of their own: locked, in no core dump, in no child, wiped where the scope ends. */
struct secret {
	unsigned char *bytes;
	size_t size;
	size_t capacity;
};

int secret_allocate(struct secret *secret, size_t capacity);
int secret_read_fd(struct secret *secret, int fd);
int secret_read(struct secret *secret, int folder, const char *name);
/* The same for whoever ends there: an exit code, with the reason in @fault. An empty one is none. */
int secret_fetch(struct secret *secret, int folder, const char *name, struct fault *fault);
void secret_wipe(struct secret *secret);

int secret_present(int folder, const char *name);
int secret_unlink(int folder, const char *name);
int secret_unlink_all(int folder);
bool secret_any(int folder);

/* For a message, which secrets are there: "none", or UUIDs, of many the first ones. */
enum { SECRET_LIST = 4 * 40 };
char *secret_list(int folder, char text[SECRET_LIST]);

#endif
