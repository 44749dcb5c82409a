// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The new key slot goes in and the old one out in one change of the header, which header_copy stores
 * such that whatever cuts it off leaves the old header or the new one, with the key slot it names.
 */
#include <stdio.h>
#include <string.h>

#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"
#include "owner/owner.h"
#include "owner/tokens.h"

static const struct owner_key *new_key(const struct owner *owner)
{
	return &owner->keys[0];
}

static const struct owner_key *old_key(const struct owner *owner)
{
	return &owner->keys[1];
}

/* The next token of the secret from @id on whose key slot @key opens, or a negative number. */
static int find_token(const struct owner *owner, struct crypt_device *cd,
		      struct json_object *document, const struct owner_key *key, int id,
		      struct token *token)
{
	struct fault fault;

	for (id = token_find(document, owner->secret, id); id >= 0;
	     id = token_find(document, owner->secret, id + 1))
		if (token_read(document, id, token, &fault) == 0 &&
		    owner_key_opens(cd, key, token->slot))
			break;
	return id;
}

/* The old key's token is gone where a rotation was cut off late: then the new one has one. */
static int check_keys(const struct owner *owner, struct crypt_device *cd,
		      struct json_object *document)
{
	struct token token;

	if (find_token(owner, cd, document, old_key(owner), 0, &token) >= 0 ||
	    find_token(owner, cd, document, new_key(owner), 0, &token) >= 0)
		return EXIT_OPENED;
	if (token_find(document, owner->secret, 0) < 0) {
		complain("rotate: %s has no cocosecret token for secret %s; see cocosecret enroll",
			 owner->device, owner->secret);
		return EXIT_HEADER;
	}
	complain("rotate: %s: %s does not open the key slot of secret %s", owner->device,
		 old_key(owner)->file, owner->secret);
	return EXIT_WRONG_KEY;
}

/* The token keeps its name and its number. */
static int replace_keyslot(const struct owner *owner, struct crypt_device *cd,
			   struct json_object *document, const struct token *token)
{
	struct json_object *json = token_json(document, token->id);
	struct json_object *slots = json_object_new_array();
	int slot = owner_add_keyslot(owner, cd, old_key(owner), token->slot);
	char text[16];

	snprintf(text, sizeof(text), "%d", slot);
	json_object_array_add(slots, json_object_new_string(text));
	json_object_object_add(json, "keyslots", slots);
	if (slot < 0)
		return EXIT_IO;
	return tokens_set(owner, cd, token->id, json_object_to_json_string(json));
}

static int retire(const struct owner *owner, struct crypt_device *cd, struct json_object *document,
		  const struct token *token, bool has_new)
{
	int r = tokens_check_sole_use(owner, document, token);

	if (r == 0 && has_new)
		r = tokens_set(owner, cd, token->id, NULL);
	else if (r == 0)
		r = replace_keyslot(owner, cd, document, token);
	return r ? r : tokens_remove_keyslot(owner, cd, token->slot);
}

/* If the old key has no token any more, only its key slot's area may be left. */
static int change(struct owner *owner, struct crypt_device *cd)
{
	CLEANUP(document_free) struct json_object *document = NULL;
	struct fault fault;
	struct token token;
	bool has_new;
	int id, r = document_take(cd, &document, &fault);

	if (r) {
		complain("rotate: %s: %s", owner->device, fault.text);
		return r;
	}
	r = check_keys(owner, cd, document);
	if (r)
		return r;
	has_new = find_token(owner, cd, document, new_key(owner), 0, &token) >= 0;
	owner->clear_rest = has_new;
	id = find_token(owner, cd, document, old_key(owner), 0, &token);
	for (; id >= 0 && r == 0;
	     id = find_token(owner, cd, document, old_key(owner), id + 1, &token)) {
		r = retire(owner, cd, document, &token, has_new);
		has_new = true;
	}
	return r;
}

static bool is_same(const struct owner *owner)
{
	const struct secret *old = &old_key(owner)->bytes, *new = &new_key(owner)->bytes;

	return old->size == new->size && memcmp(old->bytes, new->bytes, new->size) == 0;
}

/* The owner may have given the key another key slot, without a token. */
static void warn_of_rest(struct owner *owner)
{
	CLEANUP(header_free) struct header header = { 0 };

	if (owner_load_device(owner, &header))
		return;
	for (int slot = 0; slot < crypt_keyslot_max(CRYPT_LUKS2); slot++)
		if (crypt_keyslot_status(header.cd, slot) >= CRYPT_SLOT_ACTIVE &&
		    owner_key_opens(header.cd, old_key(owner), slot))
			complain("rotate: %s: warning: %s still opens key slot %d, which has no "
				 "token; see cryptsetup luksKillSlot, and seal again", owner->device,
				 old_key(owner)->file, slot);
}

int rotate_main(int argc, char **argv)
{
	CLEANUP(owner_free) struct owner owner = { 0 };
	int r = owner_parse(&owner, argc, argv, OWNER_TAKES_NEW_KEY | OWNER_TAKES_OTHERS |
			    OWNER_TAKES_SIGN_KEY | OWNER_WRITES);

	if (r)
		return r;
	if (is_same(&owner)) {
		complain("rotate: %s and %s are the same key; see cocosecret keygen",
			 old_key(&owner)->file, new_key(&owner)->file);
		return EXIT_CONFIG;
	}
	r = owner_reseal(&owner, change);
	if (r == 0)
		warn_of_rest(&owner);
	return r;
}
