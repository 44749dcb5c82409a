// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/seal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "header/canonical.h"
#include "header/derive.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"

static void remove_value(struct json_object *token, const char *name)
{
	struct json_object *pair = document_member(token, name, json_type_object);

	if (pair)
		json_object_object_del(pair, "value");
}

/*
 * Without the values, each of several tokens can be sealed and signed without breaking the others'
 * seals and signatures.
 */
static void remove_values(struct json_object *document)
{
	struct json_object *metadata = document_member(document, "metadata", json_type_object);
	struct json_object *tokens = document_member(metadata, "tokens", json_type_object);

	if (!tokens)
		return;
	json_object_object_foreach(tokens, id, token) {
		(void)id;
		if (!token_is_cocosecret(token))
			continue;
		remove_value(token, "seal");
		remove_value(token, "signature");
	}
}

int seal_text(struct json_object *document, char **text, size_t *length)
{
	CLEANUP(document_free) struct json_object *copy = NULL;

	if (json_object_deep_copy(document, &copy, NULL) < 0 || !json_object_equal(document, copy))
		return -ENOMEM;
	remove_values(copy);
	return canonical_json(copy, text, length);
}

static bool authenticate(const struct derived_key *key, const char *text, size_t length,
			 char value[SEAL_TEXT_SIZE])
{
	unsigned char mac[SEAL_BYTES];
	size_t size;

	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key->bytes, sizeof(key->bytes),
		       (const unsigned char *)text, length, mac, sizeof(mac), &size) ||
	    size != sizeof(mac))
		return false;
	base64_encode(mac, sizeof(mac), BASE64, value);
	return true;
}

int seal_compute(struct json_object *document, const struct secret *secret,
		 char value[SEAL_TEXT_SIZE], struct fault *fault)
{
	CLEANUP(derived_key_wipe) struct derived_key key = { { 0 } };
	CLEANUP(free_text) char *text = NULL;
	const char *uuid = document_text(document, "uuid");
	char salt[GUID_TEXT_SIZE];
	size_t length;
	int r;

	if (secret->size < SEAL_SECRET_MIN) {
		fault_set(fault, "the secret is shorter than %d bytes, so it seals nothing",
			  SEAL_SECRET_MIN);
		return EXIT_WRONG_KEY;
	}
	r = seal_text(document, &text, &length);
	if (r == -ENOMEM) {
		fault_set(fault, "out of memory");
		return EXIT_IO;
	}
	if (r < 0 || !uuid || guid_parse(slice_of(uuid), salt) < 0) {
		fault_set(fault, "it holds something that cannot be sealed: an invalid UUID, or a "
			  "number that is not an integer");
		return EXIT_HEADER;
	}
	if (!derive_key(secret, salt, "cocosecret seal v1", &key) || !authenticate(&key, text, length, value)) {
		fault_set(fault, "libcrypto has no HKDF or HMAC with SHA-256");
		return EXIT_IO;
	}
	return EXIT_OPENED;
}

static bool is_equal(const char *value, const char right[SEAL_TEXT_SIZE])
{
	return value && strlen(value) == SEAL_TEXT_SIZE - 1 &&
	       CRYPTO_memcmp(value, right, SEAL_TEXT_SIZE - 1) == 0;
}

/* Of several tokens for a secret, as in a key's rotation, the one that this secret sealed. */
static int find_sealed(struct json_object *document, const char *name,
		       const char right[SEAL_TEXT_SIZE], struct token *token, struct fault *fault)
{
	int id = token_find(document, name, 0);

	if (id < 0)
		return fault_set(fault, "it has no cocosecret token for secret %s; enroll it with "
				 "cocosecret enroll, or mark the volume unsealed", name);
	for (; id >= 0; id = token_find(document, name, id + 1)) {
		if (token_read(document, id, token, fault) < 0)
			continue;
		if (is_equal(token->seal, right))
			return 0;
		fault_set(fault, token->seal ?
			  "the seal of token %d is wrong: either this secret is not the one that sealed "
			  "it, as an old table's after a rotation, or somebody changed the header; "
			  "cocosecret verify with the key file tells which" :
			  "its token %d has no seal; run cocosecret seal", id);
	}
	return -1;
}

int seal_check(struct json_object *document, const char *name, const struct secret *secret,
	       struct token *token, struct fault *fault)
{
	char right[SEAL_TEXT_SIZE];
	int r = seal_compute(document, secret, right, fault);

	if (r == 0 && find_sealed(document, name, right, token, fault) < 0)
		r = EXIT_HEADER;
	OPENSSL_cleanse(right, sizeof(right));
	return r;
}
