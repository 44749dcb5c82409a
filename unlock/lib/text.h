/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TEXT_H
#define COCOSECRET_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* A piece of somebody else's text: not terminated, may hold any byte. */
struct slice {
	const char *at;
	size_t length;
};

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })

struct slice slice_of(const char *text);
bool slice_is(struct slice s, const char *text);
bool slice_skip_prefix(struct slice *s, const char *prefix);
bool slice_cut(struct slice *rest, char separator, struct slice *piece);
/* The next field of a line, between blanks; empty at its end. */
struct slice slice_field(struct slice *line);

/* What is wrong with an input, where, and what to do: one line, fit for a log. */
struct fault {
	char text[640];
};

int fault_set(struct fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fault_prefix(struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Untrusted text for a message: whatever is not plain printable ASCII becomes \xNN. */
enum { ESCAPED_MAX = 160 };
char *text_escape(char out[ESCAPED_MAX], struct slice text);
#define ESCAPED(slice) text_escape((char[ESCAPED_MAX]){ 0 }, (slice))

#endif
