// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"
#include "owner/owner.h"
#include "owner/stale.h"

static const struct owner_key *new_key(const struct owner *owner)
{
	return &owner->keys[0];
}

/* It gets its number where @id is not any: that of a token that lost its key slot. */
static int add_token(const struct owner *owner, struct crypt_device *cd, int slot, int id)
{
	CLEANUP(document_free) struct json_object *token = json_object_new_object();
	struct json_object *slots = json_object_new_array();
	char text[16];

	snprintf(text, sizeof(text), "%d", slot);
	json_object_array_add(slots, json_object_new_string(text));
	json_object_object_add(token, "type", json_object_new_string(TOKEN_TYPE));
	json_object_object_add(token, "keyslots", slots);
	json_object_object_add(token, "secret", json_object_new_string(owner->secret));
	if (owner->name)
		json_object_object_add(token, "name", json_object_new_string(owner->name));
	id = crypt_token_json_set(cd, id, json_object_to_json_string(token));
	if (id >= 0)
		return EXIT_OPENED;
	complain("enroll: %s: the token cannot be added: %s", owner->device, strerror(-id));
	return EXIT_IO;
}

/* Whoever says the same again has it already; a signature is made over what is there. */
static int keep(struct owner *owner, const struct token *token)
{
	if (owner->name && (!token->name || strcmp(owner->name, token->name) != 0)) {
		complain("enroll: %s: %s is enrolled already under %s%s (token %d, key slot %d), and has "
			 "one name; to give it another, remove both with cryptsetup token remove "
			 "--token-id %d and cryptsetup luksKillSlot, and enroll it again", owner->device,
			 new_key(owner)->file, token->name ? "the name " : "no name",
			 token->name ? ESCAPED(slice_of(token->name)) : "", token->id, token->slot,
			 token->id);
		return EXIT_CONFIG;
	}
	owner->unchanged = !owner->signing.key_uri;
	if (owner->unchanged)
		say("%s: enrolled already: %s is the key of secret %s (token %d, key slot %d); nothing "
		    "to do", owner->device, new_key(owner)->file, token->secret, token->id, token->slot);
	return EXIT_OPENED;
}

static bool opened_by_any(const struct owner *owner, struct crypt_device *cd,
			  const struct token *token)
{
	for (int i = 1; i < owner->key_count; i++)
		if (owner_key_fits(&owner->keys[i], token) &&
		    owner_key_opens(cd, &owner->keys[i], token->slot))
			return true;
	return false;
}

static int refuse_second(const struct owner *owner, const struct token *token)
{
	complain("enroll: %s: secret %s is enrolled already, with another key (token %d, key slot %d); "
		 "nothing was changed; cocosecret rotate replaces that key, --also %s=KEYFILE keeps "
		 "both, --force leaves token %d without a valid seal", owner->device, token->secret,
		 token->id, token->slot, token->secret, token->id);
	return EXIT_HEADER;
}

/* What is there already: the number of a token to replace, if one has lost its key slot. */
struct present {
	int stale;
	bool is_same;
};

static int look(struct owner *owner, struct crypt_device *cd, struct json_object *document,
		struct present *present)
{
	struct token token;
	struct fault fault;
	int r = EXIT_OPENED;

	for (int id = token_find(document, owner->secret, 0); id >= 0 && r == 0 && !present->is_same;
	     id = token_find(document, owner->secret, id + 1)) {
		if (token_is_stale(document, id))
			present->stale = id;
		if (token_read(document, id, &token, &fault) < 0)
			continue;
		present->is_same = owner_key_opens(cd, new_key(owner), token.slot);
		if (present->is_same)
			r = keep(owner, &token);
		else if (!owner->force && !opened_by_any(owner, cd, &token))
			r = refuse_second(owner, &token);
	}
	return r;
}

static bool has_room(const struct owner *owner, struct crypt_device *cd)
{
	for (int id = 0; id < TOKENS_MAX; id++)
		if (crypt_token_status(cd, id, NULL) == CRYPT_TOKEN_INACTIVE)
			return true;
	complain("enroll: %s: there is no room for another token: all %d are taken; remove one that is "
		 "no longer needed with cryptsetup token remove", owner->device, TOKENS_MAX);
	return false;
}

static int add(struct owner *owner, struct crypt_device *cd)
{
	CLEANUP(document_free) struct json_object *document = NULL;
	struct present present = { .stale = CRYPT_ANY_TOKEN };
	struct fault fault;
	int slot, r = document_take(cd, &document, &fault);

	if (r) {
		complain("enroll: %s: %s", owner->device, fault.text);
		return r;
	}
	r = look(owner, cd, document, &present);
	if (r || present.is_same)
		return r;
	if (present.stale == CRYPT_ANY_TOKEN && !has_room(owner, cd))
		return EXIT_IO;
	slot = owner_add_keyslot(owner, cd, &owner->keys[1], CRYPT_ANY_SLOT);
	if (slot < 0)
		return slot == -EPERM ? EXIT_WRONG_KEY : EXIT_IO;
	return add_token(owner, cd, slot, present.stale);
}

/* Such volumes are one as good as the other, for the host as well, which chooses the disk. */
static void warn_of_no_name(const struct owner *owner)
{
	if (!owner->name && !owner->unchanged)
		complain("enroll: %s: sealed without --name: it never becomes the root unless cocotab or "
			 "the measured command line says so, and a host can show it in place of "
			 "another volume without a name", owner->device);
}

int enroll_main(int argc, char **argv)
{
	CLEANUP(owner_free) struct owner owner = { 0 };
	int r = owner_parse(&owner, argc, argv,
			    OWNER_TAKES_NAME | OWNER_TAKES_NEW_KEY | OWNER_TAKES_OTHERS |
			    OWNER_TAKES_SIGN_KEY | OWNER_MAY_ASK | OWNER_WRITES);

	if (r == 0)
		r = owner_reseal(&owner, add);
	if (r == 0)
		warn_of_no_name(&owner);
	return r;
}

int seal_main(int argc, char **argv)
{
	CLEANUP(owner_free) struct owner owner = { 0 };
	int r = owner_parse(&owner, argc, argv,
			    OWNER_TAKES_OTHERS | OWNER_TAKES_SIGN_KEY | OWNER_TAKES_SIGNATURE |
			    OWNER_TAKES_OWNER | OWNER_WRITES);

	return r ? r : owner_reseal(&owner, NULL);
}
