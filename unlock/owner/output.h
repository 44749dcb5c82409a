/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_OUTPUT_H
#define COCOSECRET_OUTPUT_H

#include <limits.h>
#include <stdbool.h>

#include "lib/secret.h"

/*
 * Where -o leads: to a regular file, which is replaced at once when all is well, or to standard
 * output. That is "-", and whatever else is standard output, as /dev/stdout is. A link stays a link:
 * what it leads to is replaced. A device, a pipe or a folder is nobody's to replace.
 */
struct output {
	char path[PATH_MAX];   /* what is replaced; empty: standard output */
	char beside[PATH_MAX]; /* what takes its place; empty: nothing is there */
	int fd;                /* of that: all is written here */
};

#define OUTPUT_INIT { .fd = -1 }

/* 0 where something may be written there; else negative errno, for output_explain(). */
int output_check(const char *name);
bool output_is_stdout(const char *name);
const char *output_explain(int r);

/* Opens what only its owner may read; what was written there is then put into its place. */
int output_begin(struct output *output, const char *name);
int output_finish(struct output *output);
void output_free(struct output *output);

/*
 * A file of secrets, which only its owner may read: one that must not be there yet, or one in place
 * of an old one, which a failure leaves whole. Neither leaves a copy beside standard output.
 */
int output_new(const char *name, const struct secret *bytes);
int output_replace(const char *name, const struct secret *bytes);

#endif
