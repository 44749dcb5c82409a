// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "header/document.h"
#include "header/load.h"
#include "header/seal.h"
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

static int explain(const struct owner *owner, struct crypt_device *cd,
		   struct json_object *document, int r, const struct fault *fault)
{
	complain("verify: the header of %s is refused: %s", owner->device, fault->text);
	if (opens_a_token(owner, cd, document))
		return r;
	complain("verify: %s: %s is not the key of secret %s either: it does not open its key slot",
		 owner->device, owner->keys[0].file, owner->secret);
	return EXIT_WRONG_KEY;
}

static int verify(struct owner *owner)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	CLEANUP(document_free) struct json_object *document = NULL;
	struct policy_layout layout;
	struct fault fault;
	struct token token;
	int r = owner_load_device(owner, &cd, &document, &layout);

	if (r)
		return r;
	r = seal_check(document, owner->secret, &owner->keys[0].bytes, owner->name, &token, &fault);
	if (r)
		return explain(owner, cd, document, r, &fault);
	if (!owner_key_opens(cd, &owner->keys[0], token.slot)) {
		complain("verify: %s: sealed, but %s does not open key slot %d", owner->device,
			 owner->keys[0].file, token.slot);
		return EXIT_WRONG_KEY;
	}
	if (!owner_volume_key_holds(cd, document, &owner->keys[0], &token))
		complain("verify: %s: the volume key in token %d is not this volume's, so a boot takes "
			 "the longer way of its key slot; run cocosecret seal", owner->device,
			 token.id);
	printf("%s: sealed for secret %s, token %d, key slot %d%s%s\n", owner->device, owner->secret,
	       token.id, token.slot, token.name ? ", name " : "",
	       token.name ? ESCAPED(slice_of(token.name)) : "");
	advise(owner, document);
	return EXIT_OPENED;
}

int verify_main(int argc, char **argv)
{
	CLEANUP(owner_free) struct owner owner = { 0 };
	int r = owner_parse(&owner, argc, argv, OWNER_TAKES_NAME);

	if (r)
		return r;
	owner_tell_copies(&owner);
	return verify(&owner);
}
