/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_DOCUMENT_H
#define COCOSECRET_DOCUMENT_H

#include <json-c/json.h>
#include <libcryptsetup.h>
#include <stdbool.h>

#include "lib/text.h"

/*
 * All that libcryptsetup holds of a LUKS2 header, as one JSON object: "label", "metadata",
 * "subsystem" and "uuid". Taken once; policy, token, seal and key slot are decided on it alone.
 */
enum { DOCUMENT_MAX = 4 << 20, DOCUMENT_DEPTH = 32 };

int document_take(struct crypt_device *cd, struct json_object **document, struct fault *fault);
void document_free(struct json_object **document);

/* One JSON object that is all of the text, within the bounds; NULL where it is not. */
struct json_object *document_object(const char *text);

/* The same of metadata in text; NULL where that is not one JSON object. */
struct json_object *document_parse(const char *metadata, const char *label, const char *subsystem,
				   const char *uuid);

/*
 * Adds a member, taking @value over in any case; false where one of them is NULL, or memory is
 * short. A text that is NULL is an empty one.
 */
bool document_add(struct json_object *object, const char *name, struct json_object *value);
bool document_add_text(struct json_object *object, const char *name, const char *text);

/* A member, where it is of that type; NULL otherwise. */
struct json_object *document_member(struct json_object *object, const char *name,
				    enum json_type type);
const char *document_text(struct json_object *object, const char *name);

#endif
