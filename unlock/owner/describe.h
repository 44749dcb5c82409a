/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_DESCRIBE_H
#define COCOSECRET_DESCRIBE_H

#include "owner/owner.h"

/* Prints the contents of a header: before it is sealed, or to whoever has no key. */
void describe(const struct owner *owner, struct json_object *document);

/* Adds the same to a JSON object, for programs; the members are documented in cocosecret-show(1). */
void describe_into(struct json_object *result, struct json_object *document);

#endif
