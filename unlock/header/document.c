// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/document.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/exitcode.h"

void document_free(struct json_object **document)
{
	json_object_put(*document);
}

static void free_tokener(struct json_tokener **tokener)
{
	if (*tokener)
		json_tokener_free(*tokener);
}

/* The NUL at its end tells json-c that no more will come. */
struct json_object *document_object(const char *text)
{
	CLEANUP(free_tokener) struct json_tokener *tokener = json_tokener_new_ex(DOCUMENT_DEPTH);
	size_t length = text ? strnlen(text, DOCUMENT_MAX + 1) : 0;
	struct json_object *object;

	if (!tokener || !text || length > DOCUMENT_MAX)
		return NULL;
	object = json_tokener_parse_ex(tokener, text, (int)length + 1);
	if (json_tokener_get_error(tokener) == json_tokener_success &&
	    json_tokener_get_parse_end(tokener) >= length &&
	    json_object_is_type(object, json_type_object))
		return object;
	json_object_put(object);
	return NULL;
}

bool document_add(struct json_object *object, const char *name, struct json_object *value)
{
	if (object && value && json_object_object_add(object, name, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

bool document_add_text(struct json_object *object, const char *name, const char *text)
{
	return document_add(object, name, json_object_new_string(text ? text : ""));
}

struct json_object *document_parse(const char *metadata, const char *label, const char *subsystem,
				   const char *uuid)
{
	struct json_object *document = json_object_new_object();

	if (document_add(document, "metadata", document_object(metadata)) &&
	    document_add_text(document, "label", label) &&
	    document_add_text(document, "subsystem", subsystem) &&
	    document_add_text(document, "uuid", uuid))
		return document;
	json_object_put(document);
	return NULL;
}

/*
 * json-c continues if memory is short: it leaves a member out, or a piece of text, and says nothing.
 * So the text is asked for twice, and what was parsed must give the same text again.
 */
static int copy_metadata(struct crypt_device *cd, char **copy)
{
	const char *metadata = NULL;

	if (crypt_dump_json(cd, &metadata, 0) < 0 || !metadata)
		return -ENOMEM;
	*copy = strdup(metadata);
	if (!*copy || crypt_dump_json(cd, &metadata, 0) < 0 || strcmp(*copy, metadata) != 0)
		return -ENOMEM;
	return 0;
}

/* libcryptsetup writes with the first of these flags, and to the disk with the second. */
static bool holds_all_of(struct json_object *document, const char *metadata)
{
	static const int styles[] = { JSON_C_TO_STRING_PRETTY, JSON_C_TO_STRING_PLAIN };
	struct json_object *taken = document_member(document, "metadata", json_type_object);

	for (size_t i = 0; i < sizeof(styles) / sizeof(*styles); i++) {
		int flags = styles[i] | JSON_C_TO_STRING_NOSLASHESCAPE;
		const char *text = json_object_to_json_string_ext(taken, flags);

		if (text && strcmp(text, metadata) == 0)
			return true;
	}
	return false;
}

int document_take(struct crypt_device *cd, struct json_object **document, struct fault *fault)
{
	CLEANUP(free_text) char *metadata = NULL;
	int r = copy_metadata(cd, &metadata);

	if (r == 0)
		*document = document_parse(metadata, crypt_get_label(cd), crypt_get_subsystem(cd),
					   crypt_get_uuid(cd));
	if (r == 0 && !*document) {
		if (strlen(metadata) > DOCUMENT_MAX)
			fault_set(fault, "its metadata is longer than %d MiB as text, the most that "
				  "is read", DOCUMENT_MAX >> 20);
		else
			fault_set(fault, "its metadata cannot be read as JSON");
		return EXIT_HEADER;
	}
	if (r == 0 && holds_all_of(*document, metadata))
		return EXIT_OPENED;
	fault_set(fault, "out of memory");
	return EXIT_IO;
}

struct json_object *document_member(struct json_object *object, const char *name,
				    enum json_type type)
{
	struct json_object *member;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &member) || !json_object_is_type(member, type))
		return NULL;
	return member;
}

/* A text with a NUL is refused: some programs would read what follows the NUL, and others not. */
const char *document_text(struct json_object *object, const char *name)
{
	struct json_object *member = document_member(object, name, json_type_string);
	const char *text = member ? json_object_get_string(member) : NULL;

	return text && strlen(text) == (size_t)json_object_get_string_len(member) ? text : NULL;
}
