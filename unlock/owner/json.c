// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/json.h"

#include <stdio.h>

#include "lib/text.h"

void json_print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
}

struct json_object *json_text(const char *text)
{
	return text ? json_object_new_string(ESCAPED(slice_of(text))) : NULL;
}
