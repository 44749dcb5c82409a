/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_KIND_H
#define COCOSECRET_KIND_H

#include <stdint.h>

#include "lib/text.h"

enum { KIND_TEXT = 64 };

/* What @size bytes at @start of @fd hold, in a word or two, for messages: "ext4", or "nothing known". */
void kind_name(int fd, uint64_t start, uint64_t size, char name[KIND_TEXT]);

/*
 * No LUKS2 header could be loaded from there, with exit code @code and @fault. If the content is the
 * reason, EXIT_HEADER, and @fault says what it is and which command helps.
 */
int kind_explain(int fd, uint64_t start, uint64_t size, int code, struct fault *fault);

#endif
