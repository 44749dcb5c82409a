// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a header says to somebody who has none of its keys. All of it may be a host's: nothing here
 * was verified, and nothing reaches the terminal as it is.
 */
#include <stdio.h>

#include "header/signature.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/advice.h"
#include "owner/commands.h"
#include "owner/describe.h"
#include "owner/json.h"
#include "owner/owner.h"

/* Whose signature a token has: anybody can check that it is that key's, and whose key it is nobody here. */
struct signer {
	char key[SIGNATURE_KEY_TEXT_SIZE]; /* as rd.cocosecret.owner= has it */
	bool holds;
};

static bool read_signer(struct json_object *document, const struct token *token,
			struct signer *signer)
{
	CLEANUP(free_text) char *message = NULL;
	struct anchor anchor;
	struct fault fault;
	size_t length;

	if (!token->signature || !signature_signer(token, &anchor))
		return false;
	base64_encode(anchor.bytes, ANCHOR_SIZE, BASE64URL, signer->key);
	signer->holds = signature_message(document, &message, &length, &fault) == 0 &&
			signature_is_good(token, &anchor, message, length);
	return true;
}

static bool read_token(struct json_object *document, int id, struct token *token)
{
	struct fault fault;

	return token_json(document, id) && token_read(document, id, token, &fault) == 0;
}

/* Of tokens that a boot would look at, those with a seal; @count is how many there are. */
static int count_sealed(struct json_object *document, int *count)
{
	struct token token;
	int sealed = 0;

	*count = 0;
	for (int id = 0; id < TOKENS_MAX; id++) {
		*count += token_json(document, id) != NULL;
		sealed += read_token(document, id, &token) && token.seal;
	}
	return sealed;
}

static void print_signers(struct json_object *document)
{
	struct signer signer;
	struct token token;

	for (int id = 0; id < TOKENS_MAX; id++)
		if (read_token(document, id, &token) && read_signer(document, &token, &signer))
			printf("  signed in token %d by owner %s: %s\n", id, signer.key, signer.holds ?
			       "good, if that is the owner's key" : "not for what the header says now");
}

static void print(const struct owner *owner, struct json_object *document)
{
	int count, sealed = count_sealed(document, &count);

	describe(owner, document);
	if (count)
		printf("  sealed by %d of %d cocosecret tokens\n", sealed, count);
	else
		printf("  sealed by none: it has no cocosecret token\n");
	print_signers(document);
	printf("%s: this is what the header says; without its keys none of it is verified: see "
	       "cocosecret verify\n", owner->device);
	advise(owner, document);
}

static struct json_object *list_signers(struct json_object *document)
{
	struct json_object *list = json_object_new_array();
	struct signer signer;
	struct token token;

	for (int id = 0; id < TOKENS_MAX; id++) {
		struct json_object *entry;

		if (!read_token(document, id, &token) || !read_signer(document, &token, &signer))
			continue;
		entry = json_object_new_object();
		json_object_object_add(entry, "token", json_object_new_int(id));
		json_object_object_add(entry, "owner", json_text(signer.key));
		json_object_object_add(entry, "holds", json_object_new_boolean(signer.holds));
		json_object_array_add(list, entry);
	}
	return list;
}

/* The members are documented in cocosecret-show(1). */
static void print_json(const struct owner *owner, struct json_object *document, bool refused)
{
	CLEANUP(document_free) struct json_object *result = json_object_new_object();
	int count;

	json_object_object_add(result, "device", json_text(owner->device));
	json_object_object_add(result, "verified", json_object_new_boolean(false));
	json_object_object_add(result, "refused", json_object_new_boolean(refused));
	describe_into(result, document);
	json_object_object_add(result, "sealed_tokens",
			       json_object_new_int(count_sealed(document, &count)));
	json_object_object_add(result, "signatures", list_signers(document));
	json_object_object_add(result, "hints", advice(document));
	json_print(result);
}

/* What the policy refuses is shown all the same; owner_load_device() has said why. */
static int show(struct owner *owner)
{
	CLEANUP(header_free) struct header header = { 0 };
	int r = owner_load_device(owner, &header);

	if (!header.document)
		return r;
	if (owner->json)
		print_json(owner, header.document, r != 0);
	else
		print(owner, header.document);
	return r;
}

int show_main(int argc, char **argv)
{
	CLEANUP(owner_free) struct owner owner = { 0 };
	int r = owner_parse(&owner, argc, argv, OWNER_TAKES_NO_KEY | OWNER_TAKES_JSON);

	if (r)
		return r;
	owner_tell_copies(&owner);
	return show(&owner);
}
