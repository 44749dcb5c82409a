// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/tokens.h"

#include <stdio.h>
#include <string.h>

#include "lib/exitcode.h"
#include "owner/commands.h"

static bool lists(struct json_object *token, const char *slot)
{
	struct json_object *slots = document_member(token, "keyslots", json_type_array);
	size_t count = slots ? json_object_array_length(slots) : 0;

	for (size_t i = 0; i < count; i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(slots, i)), slot) == 0)
			return true;
	return false;
}

int tokens_check_sole_use(const struct owner *owner, struct json_object *document,
			  const struct token *token)
{
	struct json_object *metadata = document_member(document, "metadata", json_type_object);
	struct json_object *tokens = document_member(metadata, "tokens", json_type_object);
	char slot[16], own[16];

	snprintf(slot, sizeof(slot), "%d", token->slot);
	snprintf(own, sizeof(own), "%d", token->id);
	json_object_object_foreach(tokens, id, other) {
		if (strcmp(id, own) == 0 || !lists(other, slot))
			continue;
		complain("%s: %s: key slot %s is also that of token %s; nothing was changed; remove "
			 "that token with cryptsetup token remove, and seal", owner->command,
			 owner->device, slot, ESCAPED(slice_of(id)));
		return EXIT_HEADER;
	}
	return EXIT_OPENED;
}

int tokens_set(const struct owner *owner, struct crypt_device *cd, int id, const char *json)
{
	int r = crypt_token_json_set(cd, id, json);

	if (r >= 0)
		return EXIT_OPENED;
	complain("%s: %s: token %d cannot be changed: %s", owner->command, owner->device, id,
		 strerror(-r));
	return EXIT_IO;
}

int tokens_remove_keyslot(const struct owner *owner, struct crypt_device *cd, int slot)
{
	int r = crypt_keyslot_destroy(cd, slot);

	if (r == 0)
		return EXIT_OPENED;
	complain("%s: %s: key slot %d cannot be removed: %s", owner->command, owner->device, slot,
		 strerror(-r));
	return EXIT_IO;
}
