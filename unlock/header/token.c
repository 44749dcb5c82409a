// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "header/document.h"

bool token_is_cocosecret(struct json_object *token)
{
	const char *type = document_text(token, "type");

	return type && strcmp(type, TOKEN_TYPE) == 0;
}

static struct json_object *part(struct json_object *document, const char *name)
{
	struct json_object *metadata = document_member(document, "metadata", json_type_object);

	return document_member(metadata, name, json_type_object);
}

struct json_object *token_json(struct json_object *document, int id)
{
	struct json_object *json;
	char key[16];

	snprintf(key, sizeof(key), "%d", id);
	json = document_member(part(document, "tokens"), key, json_type_object);
	return json && token_is_cocosecret(json) ? json : NULL;
}

static int read_secret(struct json_object *json, char secret[GUID_TEXT_SIZE])
{
	const char *text = document_text(json, "secret");

	return text ? guid_parse(slice_of(text), secret) : -EINVAL;
}

/* A slot's name as libcryptsetup writes it, "0" to "31". */
static int read_slot(struct json_object *name)
{
	char key[16];

	for (int slot = 0; slot < TOKENS_MAX; slot++) {
		snprintf(key, sizeof(key), "%d", slot);
		if (strcmp(json_object_get_string(name), key) == 0)
			return slot;
	}
	return -EINVAL;
}

static int read_slots(struct json_object *json)
{
	struct json_object *slots = document_member(json, "keyslots", json_type_array);
	struct json_object *name;

	if (!slots || json_object_array_length(slots) != 1)
		return -EINVAL;
	name = json_object_array_get_idx(slots, 0);
	return json_object_is_type(name, json_type_string) ? read_slot(name) : -EINVAL;
}

static int read_seal(struct json_object *json, const char **value)
{
	struct json_object *seal = NULL;
	const char *alg;

	*value = NULL;
	if (!json_object_object_get_ex(json, "seal", &seal))
		return 0;
	alg = document_text(seal, "alg");
	if (!alg || strcmp(alg, TOKEN_SEAL_ALG) != 0)
		return -EINVAL;
	*value = document_text(seal, "value");
	return 0;
}

/* Without it the key slot is there: one of another kind, a newer one say, is no fault. */
static const char *read_volume_key(struct json_object *json)
{
	struct json_object *wrapped = document_member(json, "volume_key", json_type_object);
	const char *alg = document_text(wrapped, "alg");

	return alg && strcmp(alg, TOKEN_WRAP_ALG) == 0 ? document_text(wrapped, "value") : NULL;
}

/* Who wants one looks for it; one of another kind is none. */
static void read_signature(struct json_object *json, struct token *token)
{
	struct json_object *signature = document_member(json, "signature", json_type_object);
	const char *alg = document_text(signature, "alg");

	if (!alg || strcmp(alg, TOKEN_SIGNATURE_ALG) != 0)
		return;
	token->signer = document_text(signature, "key");
	token->signature = document_text(signature, "value");
}

int token_parse(struct json_object *json, struct token *token, struct fault *fault)
{
	struct json_object *name;

	*token = (struct token){ 0 };
	if (!json || !token_is_cocosecret(json) || read_secret(json, token->secret) < 0)
		return fault_set(fault, "names no secret");
	token->slot = read_slots(json);
	if (token->slot < 0)
		return fault_set(fault, "is not for exactly one key slot");
	if (json_object_object_get_ex(json, "name", &name)) {
		token->name = document_text(json, "name");
		if (!token->name)
			return fault_set(fault, "has a name that is not a text");
	}
	if (read_seal(json, &token->seal) < 0)
		return fault_set(fault, "has a seal of an unknown kind");
	token->volume_key = read_volume_key(json);
	read_signature(json, token);
	return 0;
}

static bool has_slot(struct json_object *document, int slot)
{
	char key[16];
	const char *type;

	snprintf(key, sizeof(key), "%d", slot);
	type = document_text(document_member(part(document, "keyslots"), key, json_type_object),
			     "type");
	return type && strcmp(type, "luks2") == 0;
}

int token_read(struct json_object *document, int id, struct token *token, struct fault *fault)
{
	int r = token_parse(token_json(document, id), token, fault);

	token->id = id;
	if (r == 0 && !has_slot(document, token->slot))
		r = fault_set(fault, "is for a key slot that does not exist");
	return r == 0 ? 0 : fault_prefix(fault, "token %d ", id);
}

int token_find(struct json_object *document, const char *secret, int id)
{
	char found[GUID_TEXT_SIZE];

	for (; id < TOKENS_MAX; id++) {
		struct json_object *json = token_json(document, id);

		if (json && read_secret(json, found) == 0 && strcmp(found, secret) == 0)
			return id;
	}
	return -ENOENT;
}
