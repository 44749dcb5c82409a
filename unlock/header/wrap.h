/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_WRAP_H
#define COCOSECRET_WRAP_H

#include <stddef.h>

/* Of RFC 3394: what is wrapped is two or more, and becomes one more. */
enum { WRAP_BLOCK = 8, WRAP_KEY_SIZE = 32 };

enum wrap_direction { UNWRAP, WRAP };

/*
 * AES-256 key wrap. @out has room for a block more than what goes in. The number of bytes; or
 * -EPERM where they were not wrapped with this key, -ENOMEM where libcrypto cannot.
 */
int wrap_run(const unsigned char key[WRAP_KEY_SIZE], enum wrap_direction direction,
	     const unsigned char *in, size_t size, unsigned char *out);

#endif
