// SPDX-License-Identifier: GPL-2.0-or-later
/* Any JSON has one canonical form or none, and that form is its own canonical form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "header/canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *canonical_of(const char *json, size_t *length)
{
	struct json_object *object = json_tokener_parse(json);
	char *text = NULL;

	if (canonical_json(object, &text, length) < 0)
		text = NULL;
	json_object_put(object);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *json = strndup((const char *)data, size);
	size_t length = 0, again_length = 0;
	char *text = canonical_of(json, &length);
	char *again = text ? canonical_of(text, &again_length) : NULL;

	if (text && (!again || again_length != length || strlen(text) != length ||
		     memcmp(text, again, length) != 0))
		abort();
	free(json);
	free(text);
	free(again);
	return 0;
}
