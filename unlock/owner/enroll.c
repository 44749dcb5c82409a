// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "header/document.h"
#include "header/keyslot.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"
#include "owner/owner.h"

static int add_keyslot(const struct owner *owner, struct crypt_device *cd)
{
	const struct owner_key *new = &owner->keys[0], *existing = &owner->keys[1];
	int slot = keyslot_make_cheap(cd);

	if (slot == 0)
		slot = crypt_keyslot_add_by_passphrase(cd, CRYPT_ANY_SLOT,
						       (const char *)existing->bytes.bytes,
						       existing->bytes.size,
						       (const char *)new->bytes.bytes,
						       new->bytes.size);
	if (slot < 0)
		complain("enroll: %s: %s", owner->device, keyslot_explain(slot));
	return slot;
}

static int add_token(const struct owner *owner, struct crypt_device *cd, int slot)
{
	CLEANUP(document_free) struct json_object *token = json_object_new_object();
	struct json_object *slots = json_object_new_array();
	char text[16];
	int id;

	snprintf(text, sizeof(text), "%d", slot);
	json_object_array_add(slots, json_object_new_string(text));
	json_object_object_add(token, "type", json_object_new_string(TOKEN_TYPE));
	json_object_object_add(token, "keyslots", slots);
	json_object_object_add(token, "secret", json_object_new_string(owner->secret));
	if (owner->name)
		json_object_object_add(token, "name", json_object_new_string(owner->name));
	id = crypt_token_json_set(cd, CRYPT_ANY_TOKEN, json_object_to_json_string(token));
	if (id >= 0)
		return EXIT_OPENED;
	complain("enroll: %s: the token cannot be added: %s", owner->device, strerror(-id));
	return EXIT_IO;
}

static int add(struct owner *owner, struct crypt_device *cd)
{
	int slot = add_keyslot(owner, cd);

	if (slot < 0)
		return slot == -EPERM ? EXIT_WRONG_KEY : EXIT_IO;
	return add_token(owner, cd, slot);
}

/* Such volumes are one as good as the other, for the host as well, which chooses the disk. */
static void warn_of_no_name(const struct owner *owner)
{
	if (!owner->name)
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
