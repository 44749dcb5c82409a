// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A host has none of the keys, so a header that was sealed with one of them is its owner's. A new
 * seal says so of what is there: it must have been true before.
 */
#include "owner/owner.h"

#include "lib/exitcode.h"
#include "owner/commands.h"
#include "owner/describe.h"

/* The next token from @id on whose secret @key may be; a negative number where there is none. */
static int next_token(struct json_object *document, const struct owner_key *key, int id,
		      struct token *token)
{
	struct fault fault;

	for (; id < TOKENS_MAX; id++)
		if (token_json(document, id) && token_read(document, id, token, &fault) == 0 &&
		    owner_key_fits(key, token))
			return id;
	return -1;
}

static bool has_sealed(struct header *header, const struct owner_key *key)
{
	struct token token;
	const struct header_wanted wanted = { .secret = token.secret };
	struct fault fault;

	for (int id = next_token(header->document, key, 0, &token); id >= 0;
	     id = next_token(header->document, key, id + 1, &token))
		if (header_check(header, &wanted, &key->bytes, &fault) == 0)
			return true;
	return false;
}

static int find_opened(struct crypt_device *cd, struct json_object *document,
		       const struct owner_key *key)
{
	struct token token;
	int id = next_token(document, key, 0, &token);

	while (id >= 0 && !owner_key_opens(cd, key, token.slot))
		id = next_token(document, key, id + 1, &token);
	return id;
}

/* With --also an owner says that there is a token. A host may have taken it away. */
static int refuse_other(const struct owner *owner, const struct owner_key *key)
{
	complain("%s: the header of %s is refused: it has no token for secret %s that %s sealed, or "
		 "whose key slot it opens; nothing was changed", owner->command, owner->device,
		 key->secret, key->file);
	return EXIT_HEADER;
}

static int refuse(const struct owner *owner, const struct owner_key *key, int id, bool is_seal)
{
	if (is_seal && owner->force) {
		complain("%s: %s: %s did not seal what the header says (token %d), but seals it now, "
			 "because of --force", owner->command, owner->device, key->file, id);
		return EXIT_OPENED;
	}
	complain("%s: the header of %s is refused: %s did not seal what it says (token %d); nothing "
		 "was changed; %s", owner->command, owner->device, key->file, id, is_seal ?
		 "if all of it is yours, seal it with --force" :
		 "cocosecret seal shows what it says, and with --force seals it");
	return EXIT_HEADER;
}

int owner_vouch(const struct owner *owner, struct header *header, bool is_seal)
{
	bool shown = !is_seal;
	int r = EXIT_OPENED;

	for (int i = 0; i < owner->key_count && r == 0; i++) {
		const struct owner_key *key = &owner->keys[i];
		int id;

		if (has_sealed(header, key))
			continue;
		id = find_opened(header->cd, header->document, key);
		if (id >= 0 && !shown)
			describe(owner, header->document);
		shown |= id >= 0;
		if (id >= 0)
			r = refuse(owner, key, id, is_seal);
		else if (i >= owner->own_count && key->secret[0])
			r = refuse_other(owner, key);
	}
	return r;
}
