/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_JSON_H
#define COCOSECRET_JSON_H

#include <json-c/json.h>

/* On standard output, for programs; members are in the order in which they were added. */
void json_print(struct json_object *object);

/* A text that may be a host's, as messages have it: plain ASCII. NULL is null. */
struct json_object *json_text(const char *text);

#endif
