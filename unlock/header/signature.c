// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "header/seal.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"

/* The NUL at its end belongs to it. */
static const char context[] = "cocosecret signature v1";

int signature_message(struct json_object *document, char **message, size_t *length,
		      struct fault *fault)
{
	CLEANUP(free_text) char *text = NULL;
	size_t size = 0;
	int r = seal_text(document, &text, &size);

	*message = r == 0 ? malloc(sizeof(context) + size) : NULL;
	if (*message) {
		memcpy(*message, context, sizeof(context));
		memcpy(*message + sizeof(context), text, size);
		*length = sizeof(context) + size;
		return EXIT_OPENED;
	}
	if (r == 0 || r == -ENOMEM) {
		fault_set(fault, "out of memory");
		return EXIT_IO;
	}
	fault_set(fault, "it holds something that cannot be signed: a number that is not an integer");
	return EXIT_HEADER;
}

static void free_pkey(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void free_digest(EVP_MD_CTX **digest)
{
	EVP_MD_CTX_free(*digest);
}

bool signature_holds(const struct anchor *anchor, const char *message, size_t length,
		     const unsigned char signature[SIGNATURE_BYTES])
{
	CLEANUP(free_pkey) EVP_PKEY *key =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, anchor->bytes, ANCHOR_SIZE);
	CLEANUP(free_digest) EVP_MD_CTX *digest = EVP_MD_CTX_new();

	return key && digest && EVP_DigestVerifyInit(digest, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestVerify(digest, signature, SIGNATURE_BYTES, (const unsigned char *)message,
				length) == 1;
}

bool signature_signer(const struct token *token, struct anchor *signer)
{
	return token->signer && base64_decode(slice_of(token->signer), BASE64, signer->bytes,
					      ANCHOR_SIZE) == ANCHOR_SIZE;
}

bool signature_is_good(const struct token *token, const struct anchor *signer, const char *message,
		       size_t length)
{
	unsigned char bytes[SIGNATURE_BYTES];

	return token->signature &&
	       base64_decode(slice_of(token->signature), BASE64, bytes, sizeof(bytes)) ==
		       SIGNATURE_BYTES &&
	       signature_holds(signer, message, length, bytes);
}

int signature_public(EVP_PKEY *key, struct anchor *anchor)
{
	size_t size = ANCHOR_SIZE;

	if (!EVP_PKEY_is_a(key, "ED25519") ||
	    EVP_PKEY_get_raw_public_key(key, anchor->bytes, &size) != 1 || size != ANCHOR_SIZE)
		return -EINVAL;
	return 0;
}

int signature_public_of(const struct secret *seed, struct anchor *anchor)
{
	CLEANUP(free_pkey) EVP_PKEY *key =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed->bytes, seed->size);

	return key ? signature_public(key, anchor) : -ENOMEM;
}

bool signature_make(EVP_PKEY *key, const char *message, size_t length,
		    unsigned char signature[SIGNATURE_BYTES])
{
	CLEANUP(free_digest) EVP_MD_CTX *digest = EVP_MD_CTX_new();
	size_t size = SIGNATURE_BYTES;

	return digest && EVP_DigestSignInit(digest, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestSign(digest, signature, &size, (const unsigned char *)message, length) == 1 &&
	       size == SIGNATURE_BYTES;
}

/* Says why not; a later token may have a better one. */
static bool is_signed(const struct token *token, const struct anchors *anchors, const char *message,
		      size_t length, char owner[SIGNATURE_KEY_TEXT_SIZE], struct fault *fault)
{
	struct anchor signer;

	if (!token->signer || !token->signature)
		return false;
	if (!signature_signer(token, &signer) || !anchors_have(anchors, &signer)) {
		fault_set(fault, "token %d names another owner's key, %s, than this boot trusts",
			  token->id, ESCAPED(slice_of(token->signer)));
		return false;
	}
	if (signature_is_good(token, &signer, message, length)) {
		base64_encode(signer.bytes, ANCHOR_SIZE, BASE64URL, owner);
		return true;
	}
	fault_set(fault, "it is not what its owner signed: the signature of token %d is wrong; if a "
		  "change was yours, run cocosecret seal --sign-key", token->id);
	return false;
}

int signature_check(struct json_object *document, const struct anchors *anchors,
		    char owner[SIGNATURE_KEY_TEXT_SIZE], struct fault *fault)
{
	CLEANUP(free_text) char *message = NULL;
	struct fault none;
	struct token token;
	size_t length = 0;
	int r;

	if (anchors->count == 0)
		return EXIT_OPENED;
	r = signature_message(document, &message, &length, fault);
	if (r)
		return r;
	fault_set(fault, "no owner has signed it; run cocosecret seal --sign-key");
	for (int id = 0; id < TOKENS_MAX; id++)
		if (token_json(document, id) && token_read(document, id, &token, &none) == 0 &&
		    is_signed(&token, anchors, message, length, owner, fault))
			return EXIT_OPENED;
	return EXIT_HEADER;
}
