/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_AUDIT_SETTINGS_H
#define COCOSECRET_AUDIT_SETTINGS_H

#include "audit/image.h"

/* What files of lines set. A comment is no line, and a setting reads "key = value" or "key=value". */

/* The next line that is no comment, without the blanks around it. */
bool settings_line(struct slice *rest, struct slice *line);
struct slice settings_trim(struct slice text);

/* Splits it; false where it is no setting. The value has no quotes around it. */
bool settings_split(struct slice line, struct slice *key, struct slice *value);

/* The next word between blanks. */
bool settings_word(struct slice *rest, struct slice *word);

/* The value of a key that counts, the last; whoever asks frees it. @source: its place in @files. */
char *settings_last(struct image *image, const struct names *files, const char *key, size_t *source);

/* The first file one of whose lines has the key (or any key, for NULL) and, in its value, a word. */
const char *settings_with(struct image *image, const struct names *files, const char *key,
			  const char *word);

/* Whether the file has a line of these first words, whatever the blanks between them. */
bool settings_has_words(struct image *image, const struct names *files, const char *const *words);

#endif
