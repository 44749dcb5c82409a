// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

struct slice settings_trim(struct slice text)
{
	while (text.length && isspace((unsigned char)text.at[0])) {
		text.at++;
		text.length--;
	}
	while (text.length && isspace((unsigned char)text.at[text.length - 1]))
		text.length--;
	return text;
}

bool settings_line(struct slice *rest, struct slice *line)
{
	while (slice_cut(rest, '\n', line)) {
		*line = settings_trim(*line);
		if (line->length && line->at[0] != '#' && line->at[0] != ';')
			return true;
	}
	return false;
}

static struct slice without_quotes(struct slice text)
{
	if (text.length > 1 && (text.at[0] == '"' || text.at[0] == '\'') &&
	    text.at[text.length - 1] == text.at[0])
		return (struct slice){ text.at + 1, text.length - 2 };
	return text;
}

bool settings_split(struct slice line, struct slice *key, struct slice *value)
{
	const char *equals = memchr(line.at, '=', line.length);

	if (!equals)
		return false;
	*key = settings_trim((struct slice){ line.at, (size_t)(equals - line.at) });
	*value = settings_trim((struct slice){ equals + 1, (size_t)(line.at + line.length - equals - 1) });
	*value = without_quotes(*value);
	return true;
}

bool settings_word(struct slice *rest, struct slice *word)
{
	while (slice_cut(rest, ' ', word)) {
		*word = settings_trim(*word);
		if (word->length)
			return true;
	}
	return false;
}

/* sysctl.d(5): a slash for a dot, and a minus before a key that may be missing. */
static bool is_key(struct slice key, const char *name)
{
	slice_skip_prefix(&key, "-");
	if (key.length != strlen(name))
		return false;
	for (size_t i = 0; i < key.length; i++)
		if (key.at[i] != name[i] && !(key.at[i] == '/' && name[i] == '.'))
			return false;
	return true;
}

static bool find_last(struct slice text, const char *name, struct slice *found)
{
	struct slice line, key, value;
	bool is_there = false;

	while (settings_line(&text, &line))
		if (settings_split(line, &key, &value) && is_key(key, name)) {
			*found = value;
			is_there = true;
		}
	return is_there;
}

char *settings_last(struct image *image, const struct names *files, const char *key, size_t *source)
{
	char *last = NULL;

	for (size_t i = 0; i < files->count; i++) {
		struct slice text = { 0 }, value;
		CLEANUP(free_text) char *read = image_read(image, files->list[i], &text.length);

		text.at = read;
		if (!read || !find_last(text, key, &value))
			continue;
		free(last);
		last = strndup(value.at, value.length);
		*source = i;
	}
	return last;
}

static bool line_has(struct slice line, const char *name, const char *word)
{
	struct slice key = { 0 }, value = line;

	if (name && (!settings_split(line, &key, &value) || !is_key(key, name)))
		return false;
	return memmem(value.at, value.length, word, strlen(word)) != NULL;
}

const char *settings_with(struct image *image, const struct names *files, const char *key,
			  const char *word)
{
	for (size_t i = 0; i < files->count; i++) {
		struct slice text = { 0 }, line;
		CLEANUP(free_text) char *read = image_read(image, files->list[i], &text.length);

		text.at = read;
		while (read && settings_line(&text, &line))
			if (line_has(line, key, word))
				return files->list[i];
	}
	return NULL;
}

static bool begins(struct slice line, const char *const *words)
{
	struct slice word;

	for (; *words; words++)
		if (!settings_word(&line, &word) || !slice_is(word, *words))
			return false;
	return true;
}

bool settings_has_words(struct image *image, const struct names *files, const char *const *words)
{
	for (size_t i = 0; i < files->count; i++) {
		struct slice text = { 0 }, line;
		CLEANUP(free_text) char *read = image_read(image, files->list[i], &text.length);

		text.at = read;
		while (read && settings_line(&text, &line))
			if (begins(line, words))
				return true;
	}
	return false;
}
