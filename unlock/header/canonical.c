// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/canonical.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 40 };

static int write_value(FILE *out, struct json_object *value, int depth);

static int write_scalar(FILE *out, struct json_object *value)
{
	int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text = json_object_to_json_string_ext(value, flags);

	return text && fputs(text, out) >= 0 ? 0 : -ENOMEM;
}

static int write_key(FILE *out, const char *key)
{
	struct json_object *text = json_object_new_string(key);
	int r = text ? write_scalar(out, text) : -ENOMEM;

	json_object_put(text);
	if (r == 0 && fputc(':', out) == EOF)
		r = -ENOMEM;
	return r;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int write_members(FILE *out, struct json_object *object, const char **keys, size_t count,
			 int depth)
{
	int r = 0;

	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < count && r == 0; i++) {
		if (i > 0)
			fputc(',', out);
		r = write_key(out, keys[i]);
		if (r == 0)
			r = write_value(out, json_object_object_get(object, keys[i]), depth);
	}
	return r;
}

static int write_object(FILE *out, struct json_object *object, int depth)
{
	const char **keys = calloc((size_t)json_object_object_length(object) + 1, sizeof(*keys));
	size_t count = 0;
	int r;

	if (!keys)
		return -ENOMEM;
	json_object_object_foreach(object, key, value) {
		(void)value;
		keys[count++] = key;
	}
	fputc('{', out);
	r = write_members(out, object, keys, count, depth);
	fputc('}', out);
	free(keys);
	return r;
}

static int write_array(FILE *out, struct json_object *array, int depth)
{
	size_t count = json_object_array_length(array);
	int r = 0;

	fputc('[', out);
	for (size_t i = 0; i < count && r == 0; i++) {
		if (i > 0)
			fputc(',', out);
		r = write_value(out, json_object_array_get_idx(array, i), depth);
	}
	fputc(']', out);
	return r;
}

static int write_value(FILE *out, struct json_object *value, int depth)
{
	if (depth == 0)
		return -ELOOP;
	switch (json_object_get_type(value)) {
	case json_type_object:
		return write_object(out, value, depth - 1);
	case json_type_array:
		return write_array(out, value, depth - 1);
	case json_type_double:
		return -EDOM;
	default:
		return write_scalar(out, value);
	}
}

/* json-c leaves out pieces of text where memory is short, and says nothing: is all of it there? */
static bool says_all_of(const char *text, size_t length, struct json_object *value)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
	struct json_object *again = NULL;
	bool equal = false;

	if (tokener) {
		again = json_tokener_parse_ex(tokener, text, (int)length + 1);
		equal = json_tokener_get_error(tokener) == json_tokener_success &&
			json_object_equal(value, again);
		json_tokener_free(tokener);
	}
	json_object_put(again);
	return equal;
}

int canonical_json(struct json_object *value, char **text, size_t *length)
{
	FILE *out = open_memstream(text, length);
	int r;

	if (!out)
		return -ENOMEM;
	r = write_value(out, value, DEPTH);
	if (ferror(out) && r == 0)
		r = -ENOMEM;
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r == 0 && !says_all_of(*text, *length, value))
		r = -ENOMEM;
	if (r < 0) {
		free(*text);
		*text = NULL;
	}
	return r;
}
