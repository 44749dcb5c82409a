/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_CANONICAL_H
#define COCOSECRET_CANONICAL_H

#include <json-c/json.h>
#include <stddef.h>

/*
 * JSON in one form only: no white space, the keys of an object in the order of their bytes,
 * integers in decimal. Allocates @text. -EDOM for a number that is no integer, -ELOOP for
 * something nested too deep.
 */
int canonical_json(struct json_object *value, char **text, size_t *length);

#endif
