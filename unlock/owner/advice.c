// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/advice.h"

#include <stdlib.h>
#include <string.h>

#include "header/document.h"
#include "lib/cleanup.h"
#include "owner/commands.h"

/* The minimum of libcryptsetup and of policy.c. */
enum { ITERATIONS_MIN = 1000 };

static int64_t number(struct json_object *object, const char *member)
{
	return json_object_get_int64(document_member(object, member, json_type_int));
}

static void add(struct json_object *hints, const struct fault *hint)
{
	json_object_array_add(hints, json_object_new_string(hint->text));
}

/* It is computed on every open, by whichever key slot, and no later enrolment changes it. */
static bool advise_digest(struct json_object *hints, struct json_object *digest)
{
	int64_t iterations = number(digest, "iterations");
	struct fault hint;

	if (iterations <= ITERATIONS_MIN)
		return false;
	fault_set(&hint, "the volume key's digest takes %lld iterations, some 60 ms, at each boot",
		  (long long)iterations);
	add(hints, &hint);
	return true;
}

static bool is_cheap(struct json_object *kdf)
{
	const char *type = document_text(kdf, "type");

	return type && strcmp(type, "pbkdf2") == 0 && number(kdf, "iterations") <= ITERATIONS_MIN;
}

/* Whether a boot would derive this key: a token's own slot, never another one. */
static bool is_tokens(struct json_object *document, const char *slot)
{
	struct fault fault;
	struct token token;

	for (int id = 0; id < TOKENS_MAX; id++)
		if (token_json(document, id) && token_read(document, id, &token, &fault) == 0 &&
		    token.slot == atoi(slot))
			return true;
	return false;
}

/* libcryptsetup chooses all but the cheapest by a benchmark, for 2 s. */
static bool advise_keyslot(struct json_object *hints, struct json_object *document,
			   const char *slot, struct json_object *keyslot)
{
	struct json_object *kdf = document_member(keyslot, "kdf", json_type_object);
	const char *type = document_text(kdf, "type");
	bool boots = is_tokens(document, slot);
	struct fault hint;

	if (is_cheap(kdf))
		return false;
	fault_set(&hint, "key slot %s (%s) takes some 2 s %s", ESCAPED(slice_of(slot)),
		  ESCAPED(slice_of(type ? type : "?")), boots ? "at each boot; cocosecret rotate puts "
		  "one into its place that takes less than 1 ms" : "each time, but not at boot");
	add(hints, &hint);
	return !boots;
}

struct json_object *advice(struct json_object *document)
{
	static const struct fault format_hint = {
		"where all keys are random, format with cryptsetup luksFormat --pbkdf pbkdf2 "
		"--pbkdf-force-iterations 1000"
	};
	struct json_object *metadata = document_member(document, "metadata", json_type_object);
	struct json_object *digests = document_member(metadata, "digests", json_type_object);
	struct json_object *keyslots = document_member(metadata, "keyslots", json_type_object);
	struct json_object *hints = json_object_new_array();
	bool format = false;

	if (digests) {
		json_object_object_foreach(digests, id, digest) {
			(void)id;
			format |= advise_digest(hints, digest);
		}
	}
	if (keyslots) {
		json_object_object_foreach(keyslots, slot, keyslot) {
			format |= advise_keyslot(hints, document, slot, keyslot);
		}
	}
	if (format)
		add(hints, &format_hint);
	return hints;
}

void advise(const struct owner *owner, struct json_object *document)
{
	CLEANUP(document_free) struct json_object *hints = advice(document);

	for (size_t i = 0; i < json_object_array_length(hints); i++)
		say("%s: hint: %s", owner->device,
		    json_object_get_string(json_object_array_get_idx(hints, i)));
}
