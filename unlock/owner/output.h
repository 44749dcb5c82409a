/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_OUTPUT_H
#define COCOSECRET_OUTPUT_H

#include <stdbool.h>

#include "lib/secret.h"

/*
 * Writes a file of secrets, which only its owner may read: a new one, which must not be there yet,
 * or one in place of an old one, which a failure leaves whole. Negative errno; -EEXIST also
 * if the file to replace is not a regular file.
 */
int output_new(const char *path, const struct secret *bytes);
int output_replace(const char *path, const struct secret *bytes);


/* Whether nothing is there, or a regular file: a device, a pipe or a folder is nobody's to replace. */
bool output_may_replace(const char *path);

#endif
