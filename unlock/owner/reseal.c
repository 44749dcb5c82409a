// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/owner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header/document.h"
#include "header/seal.h"
#include "header/volume_key.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/advice.h"
#include "owner/commands.h"
#include "owner/header_copy.h"
#include "owner/stale.h"

/* By token: the key that opens its slot, NULL where none was given. */
struct sealers {
	const struct owner_key *keys[TOKENS_MAX];
};

static const struct owner_key *find_key(const struct owner *owner, struct crypt_device *cd,
					const struct token *token)
{
	for (int i = 0; i < owner->key_count; i++) {
		const struct owner_key *key = &owner->keys[i];

		if (owner_key_fits(key, token) && owner_key_opens(cd, key, token->slot))
			return key;
	}
	return NULL;
}

/* Nobody's seal is broken unless that was asked for. */
static int leave_unsealed(const struct owner *owner, int id, const char *why)
{
	complain("%s: %s: %s", owner->command, owner->device, why);
	if (owner->force) {
		complain("%s: %s: token %d is left without a valid seal", owner->command,
			 owner->device, id);
		return EXIT_OPENED;
	}
	complain("%s: %s: nothing was changed; --also UUID=KEYFILE seals that token again, --force "
		 "leaves it without a valid seal", owner->command, owner->device);
	return EXIT_HEADER;
}

/* No key seals it again: it is for none. */
static int leave_stale(const struct owner *owner, int id)
{
	complain("%s: %s: token %d has lost its key slot, so nothing can seal it again; %s", owner->command,
		 owner->device, id, owner->force ? "it is left as it is" : "nothing was changed; "
		 "remove it with cryptsetup token remove, or leave it as it is with --force");
	return owner->force ? EXIT_OPENED : EXIT_HEADER;
}

static int find_sealers(const struct owner *owner, struct crypt_device *cd,
			struct json_object *document, struct sealers *sealers)
{
	struct fault fault;
	struct token token;
	int r = EXIT_OPENED;

	for (int id = 0; id < TOKENS_MAX && r == 0; id++) {
		if (!token_json(document, id))
			continue;
		if (token_is_stale(document, id)) {
			r = leave_stale(owner, id);
			continue;
		}
		if (token_read(document, id, &token, &fault) < 0) {
			r = leave_unsealed(owner, id, fault.text);
			continue;
		}
		sealers->keys[id] = find_key(owner, cd, &token);
		if (!sealers->keys[id]) {
			fault_set(&fault, "token %d is for secret %s and key slot %d, which no key "
				  "given opens", id, token.secret, token.slot);
			r = leave_unsealed(owner, id, fault.text);
		}
	}
	return r;
}

/* Without its own key a command would do nothing, or only for others. */
static int check_own_key(const struct owner *owner, struct crypt_device *cd,
			 struct json_object *document)
{
	int id = token_find(document, owner->secret, 0);
	struct fault fault;
	struct token token;

	if (id < 0) {
		complain("%s: %s has no cocosecret token for secret %s; see cocosecret enroll",
			 owner->command, owner->device, owner->secret);
		return EXIT_HEADER;
	}
	for (; id >= 0; id = token_find(document, owner->secret, id + 1))
		if (token_read(document, id, &token, &fault) == 0 &&
		    owner_key_opens(cd, &owner->keys[0], token.slot))
			return EXIT_OPENED;
	id = token_find(document, owner->secret, 0);
	if (token_is_stale(document, id)) {
		complain("%s: %s: token %d has lost its key slot, as when cryptsetup reencrypts; cocosecret "
			 "enroll gives secret %s a new one", owner->command, owner->device, id,
			 owner->secret);
		return EXIT_HEADER;
	}
	complain("%s: %s: %s does not open the key slot of secret %s", owner->command,
		 owner->device, owner->keys[0].file, owner->secret);
	return EXIT_WRONG_KEY;
}

static void add_pair(struct json_object *token, const char *name, const char *alg,
		     const char *value)
{
	struct json_object *pair = json_object_new_object();

	json_object_object_add(pair, "alg", json_object_new_string(alg));
	if (value)
		json_object_object_add(pair, "value", json_object_new_string(value));
	json_object_object_add(token, name, pair);
}

/* The change of the header may have changed the volume key, or the salt of the key slot. */
static int set_volume_key(const struct owner *owner, struct crypt_device *cd,
			  struct json_object *document, int id, const struct owner_key *key)
{
	char text[VOLUME_KEY_TEXT_SIZE];
	struct fault fault;
	struct token token;
	int r = token_read(document, id, &token, &fault);

	if (r == 0)
		r = volume_key_wrap(cd, document, token.slot, &key->bytes, text);
	if (r == 0)
		add_pair(token_json(document, id), "volume_key", TOKEN_WRAP_ALG, text);
	else if (r == -ENOTSUP)
		json_object_object_del(token_json(document, id), "volume_key");
	if (r == 0 || r == -ENOTSUP)
		return EXIT_OPENED;
	complain("%s: %s: the volume key cannot be wrapped for token %d: %s", owner->command,
		 owner->device, id, strerror(-r));
	return EXIT_IO;
}

static int write_token(const struct owner *owner, struct crypt_device *cd,
		       struct json_object *document, int id)
{
	int r = crypt_token_json_set(cd, id, json_object_to_json_string(token_json(document, id)));

	if (r == id)
		return EXIT_OPENED;
	complain("%s: %s: token %d cannot be written: %s", owner->command, owner->device, id,
		 strerror(-r));
	return EXIT_IO;
}

static int complain_of(const struct owner *owner, const struct fault *fault, int r)
{
	if (r)
		complain("%s: %s: %s", owner->command, owner->device, fault->text);
	return r;
}

/* A seal and a signature to be: their places are part of what is sealed and signed. */
static int set_places(const struct owner *owner, struct crypt_device *cd,
		      struct json_object *document, const struct sealers *sealers)
{
	int r = EXIT_OPENED;

	for (int id = 0; id < TOKENS_MAX && r == 0; id++) {
		if (!sealers->keys[id])
			continue;
		r = set_volume_key(owner, cd, document, id, sealers->keys[id]);
		add_pair(token_json(document, id), "seal", TOKEN_SEAL_ALG, NULL);
		signing_place(&owner->signing, document, id);
	}
	return r;
}

/* With a change, what was signed is another text. */
static int set_signature(const struct owner *owner, struct json_object *document,
			 struct signature *made)
{
	const struct signing *signing = &owner->signing;
	struct fault fault;
	int r = signing_make(signing, document, made, &fault);

	if (r == 0 && !made->value[0])
		r = signing_drop_broken(document, owner->force || signing->to_sign, &fault);
	return complain_of(owner, &fault, r);
}

static int set_seals(const struct owner *owner, struct crypt_device *cd,
		     const struct sealers *sealers)
{
	CLEANUP(document_free) struct json_object *document = NULL;
	char value[SEAL_TEXT_SIZE];
	struct signature signature;
	struct fault fault;
	int r = complain_of(owner, &fault, document_take(cd, &document, &fault));

	if (r == 0)
		r = set_places(owner, cd, document, sealers);
	if (r == 0)
		r = set_signature(owner, document, &signature);
	for (int id = 0; id < TOKENS_MAX && r == 0; id++) {
		if (!sealers->keys[id])
			continue;
		r = complain_of(owner, &fault, seal_compute(document, &sealers->keys[id]->bytes, value,
							    &fault));
		if (r)
			break;
		add_pair(token_json(document, id), "seal", TOKEN_SEAL_ALG, value);
		signing_fill(&signature, document, id);
		r = write_token(owner, cd, document, id);
	}
	return r;
}

static int try_token(const struct owner *owner, struct header *header, const struct owner_key *key,
		     int id)
{
	const struct signing *signing = &owner->signing;
	struct token want;
	const struct header_wanted wanted = {
		.secret = want.secret, .anchors = signing_signs(signing) ? &signing->anchors : NULL,
	};
	struct fault fault = { "" };
	int r = EXIT_HEADER;

	if (token_read(header->document, id, &want, &fault) == 0)
		r = header_check(header, &wanted, &key->bytes, &fault);
	if (r == 0 && header->token.id == id && owner_key_opens(header->cd, key, want.slot) &&
	    owner_volume_key_holds(header, key))
		return EXIT_OPENED;
	complain("%s: %s: the new header does not hold (token %d: %s); nothing was changed",
		 owner->command, owner->device, id, fault.text);
	return r ? r : EXIT_WRONG_KEY;
}

/* As the policy found them: numbers, within the areas. */
static void find_areas(struct json_object *document, struct header_areas *areas)
{
	struct json_object *metadata = document_member(document, "metadata", json_type_object);
	struct json_object *keyslots = document_member(metadata, "keyslots", json_type_object);

	areas->count = 0;
	json_object_object_foreach(keyslots, id, keyslot) {
		struct json_object *area = document_member(keyslot, "area", json_type_object);
		size_t from = strtoul(document_text(area, "offset"), NULL, 10);

		(void)id;
		areas->list[areas->count].from = from;
		areas->list[areas->count++].to =
			from + strtoul(document_text(area, "size"), NULL, 10);
	}
}

/* The copy is loaded afresh and must do what the header is for. */
static int try_copy(const struct owner *owner, const struct header_copy *copy,
		    const struct sealers *sealers, struct header *after)
{
	int r = owner_load(owner, copy->path, after);

	for (int id = 0; id < TOKENS_MAX && r == 0; id++)
		if (sealers->keys[id])
			r = try_token(owner, after, sealers->keys[id], id);
	return r;
}

static int change_copy(struct owner *owner, const struct header_copy *copy,
		       owner_change *change, struct sealers *sealers)
{
	CLEANUP(header_free) struct header before = { 0 };
	CLEANUP(document_free) struct json_object *document = NULL;
	struct fault fault;
	int r = owner_load(owner, copy->path, &before);

	if (r == 0)
		r = owner_vouch(owner, &before, !change);
	if (r == 0 && change)
		r = change(owner, before.cd);
	if (r || owner->unchanged)
		return r;
	r = document_take(before.cd, &document, &fault);
	if (r)
		complain("%s: %s: %s", owner->command, owner->device, fault.text);
	if (r == 0 && !owner->removes)
		r = check_own_key(owner, before.cd, document);
	if (r == 0)
		r = find_sealers(owner, before.cd, document, sealers);
	return r ? r : set_seals(owner, before.cd, sealers);
}

static int store(const struct owner *owner, struct header_copy *copy,
		 struct json_object *document)
{
	struct header_areas areas;
	struct fault fault;
	int r = EXIT_OPENED;

	find_areas(document, &areas);
	if (owner->clear_rest)
		r = header_copy_clear_rest(copy, &areas, &fault);
	if (r == 0)
		r = header_copy_store(copy, &areas, &fault);
	if (r)
		complain("%s: %s", owner->command, fault.text);
	return r;
}

/* A launch that has the old table, or none, opens nothing. */
static void report_next(const struct owner *owner)
{
	const struct owner_key *key = &owner->keys[0];

	if (strcmp(owner->command, "seal") == 0 ||
	    strcmp(key->file, "-") == 0)
		return;
	say("%s: next, the table for the launch: cocosecret table build -o TABLE %s=%s", owner->device,
	    key->secret, key->file);
}

/* What is there now. */
static void report(const struct owner *owner, struct json_object *document,
		   const struct sealers *sealers)
{
	const struct signing *signing = &owner->signing;
	struct fault fault;
	struct token token;

	for (int id = 0; id < TOKENS_MAX; id++)
		if (sealers->keys[id] && token_read(document, id, &token, &fault) == 0)
			say("%s: sealed%s for secret %s, token %d, key slot %d%s%s", owner->device,
			    signing_signs(signing) ? " and signed" : "", token.secret, id, token.slot,
			    token.name ? ", name " : ", no name",
			    token.name ? ESCAPED(slice_of(token.name)) : "");
	report_next(owner);
	if (signing->to_sign)
		say("%s: now sign %s, and bring the 64 bytes with cocosecret seal --signature",
		    owner->device, signing->to_sign);
}

static int reseal(struct owner *owner, owner_change *change)
{
	CLEANUP(header_copy_free) struct header_copy copy = HEADER_COPY_INIT;
	CLEANUP(header_free) struct header header = { 0 };
	CLEANUP(header_free) struct header after = { 0 };
	struct sealers sealers = { 0 };
	struct fault fault;
	struct header_place place = owner_place(owner);
	int r = owner_load_device(owner, &header);

	if (r)
		return r;
	r = header_copy_make(&copy, &place, &header.layout, &fault);
	if (r) {
		complain("%s: %s", owner->command, fault.text);
		return r;
	}
	r = change_copy(owner, &copy, change, &sealers);
	if (owner->unchanged)
		return r;
	if (r == 0)
		r = try_copy(owner, &copy, &sealers, &after);
	if (r == 0)
		r = store(owner, &copy, after.document);
	if (r)
		return r;
	report(owner, after.document, &sealers);
	advise(owner, after.document);
	return EXIT_OPENED;
}

int owner_reseal(struct owner *owner, owner_change *change)
{
	int r = owner_lock(owner);

	if (r == 0)
		r = reseal(owner, change);
	if (r == EXIT_HEADER)
		owner_tell_copies(owner);
	return r;
}
