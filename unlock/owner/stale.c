// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/stale.h"

#include "header/document.h"
#include "header/token.h"

bool token_is_stale(struct json_object *document, int id)
{
	struct json_object *metadata = document_member(document, "metadata", json_type_object);
	struct json_object *keyslots = document_member(metadata, "keyslots", json_type_object);
	struct json_object *names = document_member(token_json(document, id), "keyslots",
						    json_type_array);
	size_t count = names ? json_object_array_length(names) : 0;

	for (size_t i = 0; i < count; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));

		if (!name || json_object_object_get_ex(keyslots, name, NULL))
			return false;
	}
	return names != NULL;
}
