// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A token goes with its key slot, in one change of the header, which header_copy stores such that
 * whatever cuts it off leaves the old header or the new one. What a cut leaves of the key slot's
 * area, the same command clears.
 */
#include <stdio.h>

#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"
#include "owner/owner.h"
#include "owner/stale.h"
#include "owner/tokens.h"

static int refuse(const struct owner *owner, int id, const char *why)
{
	complain("remove: %s: token %d %s; nothing was changed; see cryptsetup token remove, and "
		 "cocosecret seal", owner->device, id, why);
	return EXIT_HEADER;
}

/* Another program's has another meaning. */
static int check_kind(const struct owner *owner, struct crypt_device *cd,
		      struct json_object *document)
{
	if (token_json(document, owner->token) ||
	    crypt_token_status(cd, owner->token, NULL) == CRYPT_TOKEN_INACTIVE)
		return EXIT_OPENED;
	return refuse(owner, owner->token, "is not one of cocosecret's");
}

/* While a key is being changed a secret may have two. */
static int check_only(const struct owner *owner, struct json_object *document, int id)
{
	int other = token_find(document, owner->secret, id + 1);

	if (other < 0)
		return EXIT_OPENED;
	complain("remove: %s: tokens %d and %d are both for secret %s; nothing was changed; say with "
		 "--token which one goes", owner->device, id, other, owner->secret);
	return EXIT_CONFIG;
}

/* Sets owner->token, negative where there is none. */
static int find(struct owner *owner, struct crypt_device *cd, struct json_object *document)
{
	int r;

	if (owner->token >= 0) {
		r = check_kind(owner, cd, document);
		if (!token_json(document, owner->token))
			owner->token = -1;
		return r;
	}
	owner->token = token_find(document, owner->secret, 0);
	return owner->token < 0 ? EXIT_OPENED : check_only(owner, document, owner->token);
}

/* Machines that know the owner's key open nothing without a signature. */
static int check_signature(const struct owner *owner, struct json_object *document,
			   const struct token *gone)
{
	struct fault fault;
	struct token token;

	if (!gone->signature || owner->signing.key_uri || owner->force)
		return EXIT_OPENED;
	for (int id = 0; id < TOKENS_MAX; id++)
		if (id != gone->id && token_json(document, id) &&
		    token_read(document, id, &token, &fault) == 0 && token.signature)
			return EXIT_OPENED; /* this one no longer holds: see signing_drop_broken() */
	complain("remove: %s: nothing was changed: token %d has the owner's only signature; --sign-key "
		 "URI signs again, --force removes it", owner->device, gone->id);
	return EXIT_HEADER;
}

/* One whose key slot is gone is removed alone. */
static int remove_token(struct owner *owner, struct crypt_device *cd, struct json_object *document)
{
	struct fault fault;
	struct token token;
	int r = EXIT_OPENED;

	if (token_is_stale(document, owner->token))
		return tokens_set(owner, cd, owner->token, NULL);
	if (token_read(document, owner->token, &token, &fault) < 0)
		return refuse(owner, owner->token, fault.text);
	r = check_signature(owner, document, &token);
	if (r == 0)
		r = tokens_check_sole_use(owner, document, &token);
	if (r == 0)
		r = tokens_set(owner, cd, token.id, NULL);
	if (r == 0)
		r = tokens_remove_keyslot(owner, cd, token.slot);
	owner->slot = token.slot;
	return r;
}

static bool is_there(struct crypt_device *cd, int slot)
{
	return crypt_keyslot_status(cd, slot) >= CRYPT_SLOT_ACTIVE;
}

static bool is_tokens(struct json_object *document, int slot)
{
	struct fault fault;
	struct token token;

	for (int id = 0; id < TOKENS_MAX; id++)
		if (token_json(document, id) && token_read(document, id, &token, &fault) == 0 &&
		    token.slot == slot)
			return true;
	return false;
}

/* Those of tokens first: they are cheap to try. */
static bool opens_any(const struct owner *owner, struct crypt_device *cd,
		      struct json_object *document, bool of_token)
{
	for (int slot = 0; slot < crypt_keyslot_max(CRYPT_LUKS2); slot++)
		for (int i = 0; is_there(cd, slot) && is_tokens(document, slot) == of_token &&
				i < owner->key_count; i++)
			if (owner_key_opens(cd, &owner->keys[i], slot))
				return true;
	return false;
}

static void warn_of_no_token(const struct owner *owner, struct json_object *document)
{
	for (int id = 0; id < TOKENS_MAX; id++)
		if (token_json(document, id))
			return;
	complain("remove: %s: warning: no token is left, so no boot opens it until cocosecret enroll adds "
		 "one", owner->device);
}

/* A key slot that is left may be anybody's: one of the keys must open it. */
static int check_way(const struct owner *owner, struct crypt_device *cd)
{
	CLEANUP(document_free) struct json_object *document = NULL;
	struct fault fault;
	int left = 0, r = document_take(cd, &document, &fault);

	if (r) {
		complain("remove: %s: %s", owner->device, fault.text);
		return r;
	}
	if (opens_any(owner, cd, document, true))
		return EXIT_OPENED;
	if (opens_any(owner, cd, document, false)) {
		warn_of_no_token(owner, document);
		return EXIT_OPENED;
	}
	for (int slot = 0; slot < crypt_keyslot_max(CRYPT_LUKS2); slot++)
		left += is_there(cd, slot);
	complain("remove: %s: nothing was changed: %s", owner->device, left ?
		 "none of the keys given opens a key slot that stays; add --key-file with one that does" :
		 "it is the last key slot, and nobody could open the volume again");
	return left ? EXIT_WRONG_KEY : EXIT_HEADER;
}

static int change(struct owner *owner, struct crypt_device *cd)
{
	CLEANUP(document_free) struct json_object *document = NULL;
	struct fault fault;
	int r = document_take(cd, &document, &fault);

	if (r) {
		complain("remove: %s: %s", owner->device, fault.text);
		return r;
	}
	r = find(owner, cd, document);
	owner->clear_rest = owner->token < 0;
	if (r || owner->token < 0)
		return r;
	r = remove_token(owner, cd, document);
	return r ? r : check_way(owner, cd);
}

static void report(const struct owner *owner)
{
	if (owner->token < 0)
		complain("remove: %s: there is no such token; what a removal that was cut off may have "
			 "left of its key slot is cleared", owner->device);
	else if (owner->slot < 0)
		say("%s: removed token %d, which had no key slot any more", owner->device, owner->token);
	else
		say("%s: removed token %d and key slot %d; a copy of the old header still opens with their "
		    "key", owner->device, owner->token, owner->slot);
}

int remove_main(int argc, char **argv)
{
	CLEANUP(owner_free) struct owner owner = { 0 };
	int r = owner_parse(&owner, argc, argv, OWNER_TAKES_OTHERS | OWNER_TAKES_SIGN_KEY |
			    OWNER_REMOVES | OWNER_WRITES);

	if (r == 0)
		r = owner_reseal(&owner, change);
	if (r == 0)
		report(&owner);
	return r;
}
