/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_BASE64_H
#define COCOSECRET_BASE64_H

#include "lib/text.h"

/* RFC 4648: section 4, in whole groups of four; and section 5, without padding. */
enum base64_alphabet { BASE64, BASE64URL };

#define BASE64_TEXT_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1)

/*
 * Decodes all of @text into at most @size bytes: their number, or -EINVAL where it is not what an
 * encoder writes, also where it holds more.
 */
int base64_decode(struct slice text, enum base64_alphabet alphabet, void *bytes, size_t size);

/* The text of @size bytes, terminated: BASE64_TEXT_SIZE(size) of them. */
void base64_encode(const void *bytes, size_t size, enum base64_alphabet alphabet, char *text);

#endif
