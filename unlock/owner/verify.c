// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/check.h"
#include "header/identity.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/advice.h"
#include "owner/commands.h"
#include "owner/json.h"
#include "owner/owner.h"
#include "owner/stale.h"

/* What the tokens of the secret say of a key whose seal is not there. */
enum keys_token {
	NO_TOKEN,
	STALE_TOKEN, /* none of them has a key slot */
	OTHER_KEY,
	OPENED,
};

/* A wrong seal is the header's fault only where the key is the right one. */
static enum keys_token find_token(const struct owner *owner, struct crypt_device *cd,
				  struct json_object *document, int *found)
{
	enum keys_token what = NO_TOKEN;
	struct fault fault;
	struct token token;

	for (int id = token_find(document, owner->secret, 0); id >= 0;
	     id = token_find(document, owner->secret, id + 1)) {
		if (what != OTHER_KEY)
			*found = id;
		if (what == NO_TOKEN && token_is_stale(document, id))
			what = STALE_TOKEN;
		if (token_is_stale(document, id))
			continue;
		what = OTHER_KEY;
		if (token_read(document, id, &token, &fault) == 0 &&
		    owner_key_opens(cd, &owner->keys[0], token.slot))
			return OPENED;
	}
	return what;
}

static int explain_seal(const struct owner *owner, const struct header *header, int r,
			const struct fault *fault)
{
	int id = 0;

	switch (find_token(owner, header->cd, header->document, &id)) {
	case OPENED:
		complain("verify: the header of %s is refused: %s is its key, but somebody changed the "
			 "header since it was sealed (token %d), or its seal; cocosecret seal shows what "
			 "it says now, and with --force seals it", owner->device, owner->keys[0].file, id);
		return r;
	case STALE_TOKEN:
		complain("verify: the header of %s is refused: token %d has lost its key slot, as when "
			 "cryptsetup reencrypts; cocosecret enroll gives secret %s a new one",
			 owner->device, id, owner->secret);
		return r;
	case OTHER_KEY:
		complain("verify: %s: %s is not the key of secret %s: it did not seal the header, and "
			 "does not open its key slot; is it one from before a rotation?", owner->device,
			 owner->keys[0].file, owner->secret);
		return EXIT_WRONG_KEY;
	default:
		complain("verify: the header of %s is refused: %s", owner->device, fault->text);
		return r;
	}
}

static int explain(const struct owner *owner, const struct header *header, int r,
		   const struct fault *fault)
{
	if (header->step == HEADER_SEAL && r == EXIT_HEADER)
		return explain_seal(owner, header, r, fault);
	complain("verify: the header of %s is refused: %s", owner->device, fault->text);
	return r;
}

/* Whether a boot that asks for this name would take it. */
static int check(const struct owner *owner, struct header *header, struct fault *fault)
{
	const struct header_wanted wanted = { .secret = owner->secret,
					      .anchors = &owner->signing.anchors };
	int r = header_check(header, &wanted, &owner->keys[0].bytes, fault);

	if (r || !owner->name)
		return r;
	header->step = HEADER_IDENTITY;
	return identity_check_name(&header->token, owner->name, fault);
}

static void print(const struct owner *owner, const struct header *header)
{
	const struct token *token = &header->token;

	say("%s: sealed for secret %s, token %d, key slot %d%s%s%s", owner->device, owner->secret,
	    token->id, token->slot, token->name ? ", name " : ", no name",
	    token->name ? ESCAPED(slice_of(token->name)) : "",
	    owner->signing.anchors.count ? ", signed by its owner" :
	    token->signature ? ", its signature was not checked (--owner)" : "");
	advise(owner, header->document);
}

/* The members are documented in cocosecret-verify(1). */
static void print_json(const struct owner *owner, const struct header *header, bool holds)
{
	CLEANUP(document_free) struct json_object *result = json_object_new_object();
	const struct token *token = &header->token;

	json_object_object_add(result, "device", json_text(owner->device));
	json_object_object_add(result, "secret", json_text(owner->secret));
	json_object_object_add(result, "token", json_object_new_int(token->id));
	json_object_object_add(result, "key_slot", json_object_new_int(token->slot));
	json_object_object_add(result, "name", json_text(token->name));
	json_object_object_add(result, "volume_key",
			       json_object_new_boolean(token->volume_key && holds));
	json_object_object_add(result, "signature",
			       json_text(owner->signing.anchors.count ? "checked" :
					 token->signature ? "unchecked" : NULL));
	json_object_object_add(result, "hints", advice(header->document));
	json_print(result);
}

static int verify(struct owner *owner)
{
	CLEANUP(header_free) struct header header = { 0 };
	const struct token *token = &header.token;
	struct fault fault;
	bool holds;
	int r = owner_load_device(owner, &header);

	if (r)
		return r;
	r = check(owner, &header, &fault);
	if (r)
		return explain(owner, &header, r, &fault);
	if (!owner_key_opens(header.cd, &owner->keys[0], token->slot)) {
		complain("verify: %s: sealed, but %s does not open key slot %d", owner->device,
			 owner->keys[0].file, token->slot);
		return EXIT_WRONG_KEY;
	}
	holds = owner_volume_key_holds(&header, &owner->keys[0]);
	if (!holds)
		complain("verify: %s: the volume key in token %d is not this volume's, so a boot takes "
			 "the slower way through its key slot; run cocosecret seal", owner->device,
			 token->id);
	if (owner->json)
		print_json(owner, &header, holds);
	else
		print(owner, &header);
	return EXIT_OPENED;
}

int verify_main(int argc, char **argv)
{
	CLEANUP(owner_free) struct owner owner = { 0 };
	int r = owner_parse(&owner, argc, argv, OWNER_TAKES_NAME | OWNER_TAKES_OWNER |
			    OWNER_TAKES_JSON);

	if (r)
		return r;
	owner_tell_copies(&owner);
	return verify(&owner);
}
