// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * However the tokens of a header are: it opens only where libcrypto said of the whole message that one of
 * the owners' keys signed it, or where no owner is named; and what is decoded has its room.
 *
 * Bound: tokens as many as LUKS2 has, a message of any length
 * CBMC: --unsigned-overflow-check --unwind 34
 *
 * json-c, libcrypto, the seal's text and Base64 are stood in for. Of the message only the length is looked
 * at, and that signatures cannot be forged is Ed25519's.
 */
#include <assert.h>

#include "unlock/header/signature.c"

static char *sealed;
static size_t sealed_size;
static bool trusted, verified;

int seal_text(struct json_object *document, char **text, size_t *length)
{
	int r;

	__CPROVER_assume(r <= 0);
	*text = r == 0 ? sealed : NULL;
	*length = sealed_size;
	return r;
}

void *malloc(size_t size)
{
	_Bool fails;

	return fails ? NULL : __CPROVER_allocate(size, 0);
}

void free(void *memory)
{
}

void *memcpy(void *to, const void *from, size_t size)
{
	assert(__CPROVER_w_ok(to, size) && __CPROVER_r_ok(from, size));
	return to;
}

EVP_PKEY *EVP_PKEY_new_raw_public_key(int type, ENGINE *engine, const unsigned char *bytes, size_t size)
{
	_Bool fails;

	assert(type == EVP_PKEY_ED25519 && size == ANCHOR_SIZE && __CPROVER_r_ok(bytes, size));
	trusted = bytes[0];
	return fails ? NULL : (EVP_PKEY *)bytes;
}

void EVP_PKEY_free(EVP_PKEY *key)
{
}

EVP_MD_CTX *EVP_MD_CTX_new(void)
{
	_Bool fails;

	return fails ? NULL : (EVP_MD_CTX *)&sealed_size;
}

void EVP_MD_CTX_free(EVP_MD_CTX *digest)
{
}

int EVP_DigestVerifyInit(EVP_MD_CTX *digest, EVP_PKEY_CTX **context, const EVP_MD *type, ENGINE *engine,
			 EVP_PKEY *key)
{
	int r;

	assert(digest && key);
	return r;
}

/* 1 is yes; 0 and what is negative are not. */
int EVP_DigestVerify(EVP_MD_CTX *digest, const unsigned char *signature, size_t size,
		     const unsigned char *message, size_t length)
{
	int r;

	assert(size == SIGNATURE_BYTES && __CPROVER_r_ok(signature, size));
	assert(length == sizeof(context) + sealed_size && __CPROVER_r_ok(message, length));
	verified = verified || (r == 1 && trusted);
	return r;
}

int base64_decode(struct slice text, enum base64_alphabet alphabet, void *bytes, size_t size)
{
	int done;

	assert(__CPROVER_w_ok(bytes, size));
	__CPROVER_havoc_slice(bytes, size);
	__CPROVER_assume(done < 0 || (size_t)done <= size);
	return done;
}

void base64_encode(const void *bytes, size_t size, enum base64_alphabet alphabet, char *text)
{
	assert(__CPROVER_r_ok(bytes, size) && __CPROVER_w_ok(text, BASE64_TEXT_SIZE(size)));
}

/* A key whose first byte is not 0 is one of the owners'. */
bool anchors_have(const struct anchors *anchors, const struct anchor *anchor)
{
	return anchor->bytes[0];
}

struct slice slice_of(const char *text)
{
	return (struct slice){ text, 0 };
}

int fault_set(struct fault *fault, const char *format, ...)
{
	return -EINVAL;
}

char *text_escape(char out[ESCAPED_MAX], struct slice text)
{
	return out;
}

struct json_object *token_json(struct json_object *document, int id)
{
	_Bool there;

	return there ? (struct json_object *)&sealed_size : NULL;
}

int token_read(struct json_object *document, int id, struct token *token, struct fault *fault)
{
	_Bool has_signer, has_signature;
	int r;

	token->signer = has_signer ? "" : NULL;
	token->signature = has_signature ? "" : NULL;
	return r;
}

int main(void)
{
	char owner[SIGNATURE_KEY_TEXT_SIZE];
	struct anchors anchors;
	struct fault fault;

	__CPROVER_havoc_object(&sealed_size);
	__CPROVER_assume(sealed_size <= 2 * DOCUMENT_MAX);
	sealed = __CPROVER_allocate(sealed_size, 0);
	if (signature_check(NULL, &anchors, owner, &fault) == EXIT_OPENED)
		assert(anchors.count == 0 || verified);
	return 0;
}
