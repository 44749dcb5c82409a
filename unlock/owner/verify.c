// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "header/check.h"
#include "header/identity.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/advice.h"
#include "owner/commands.h"
#include "owner/owner.h"

/* A wrong seal is the header's fault only where the key is the right one. */
static bool opens_a_token(const struct owner *owner, struct crypt_device *cd,
			  struct json_object *document)
{
	struct fault fault;
	struct token token;

	for (int id = token_find(document, owner->secret, 0); id >= 0;
	     id = token_find(document, owner->secret, id + 1))
		if (token_read(document, id, &token, &fault) == 0 &&
		    owner_key_opens(cd, &owner->keys[0], token.slot))
			return true;
	return token_find(document, owner->secret, 0) < 0;
}

static int explain(const struct owner *owner, const struct header *header, int r,
		   const struct fault *fault)
{
	complain("verify: the header of %s is refused: %s", owner->device, fault->text);
	if (header->step == HEADER_SIGNATURE)
		return r;
	if (opens_a_token(owner, header->cd, header->document))
		return r;
	complain("verify: %s: %s is not the key of secret %s either: it does not open its key slot",
		 owner->device, owner->keys[0].file, owner->secret);
	return EXIT_WRONG_KEY;
}

/* Whether a boot that asks for this name would take it. */
static int check(const struct owner *owner, struct header *header, struct fault *fault)
{
	const struct header_wanted wanted = { .secret = owner->secret,
					      .anchors = &owner->signing.anchors };
	int r = header_check(header, &wanted, &owner->keys[0].bytes, fault);

	return r || !owner->name ? r : identity_check_name(&header->token, owner->name, fault);
}

static int verify(struct owner *owner)
{
	CLEANUP(header_free) struct header header = { 0 };
	const struct token *token = &header.token;
	struct fault fault;
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
	if (!owner_volume_key_holds(&header, &owner->keys[0]))
		complain("verify: %s: the volume key in token %d is not this volume's, so a boot takes "
			 "the slower way through its key slot; run cocosecret seal", owner->device,
			 token->id);
	printf("%s: sealed for secret %s, token %d, key slot %d%s%s%s\n", owner->device, owner->secret,
	       token->id, token->slot, token->name ? ", name " : "",
	       token->name ? ESCAPED(slice_of(token->name)) : "",
	       owner->signing.anchors.count ? ", signed by its owner" :
	       token->signature ? ", its signature was not checked (--owner)" : "");
	advise(owner, header.document);
	return EXIT_OPENED;
}

int verify_main(int argc, char **argv)
{
	CLEANUP(owner_free) struct owner owner = { 0 };
	int r = owner_parse(&owner, argc, argv, OWNER_TAKES_NAME | OWNER_TAKES_OWNER);

	if (r)
		return r;
	owner_tell_copies(&owner);
	return verify(&owner);
}
