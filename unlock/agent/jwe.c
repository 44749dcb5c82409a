// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/jwe.h"

#include <errno.h>
#include <json-c/json.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "header/document.h"
#include "header/wrap.h"
#include "lib/cleanup.h"

enum {
	POINT = 1 + 2 * JWE_COORDINATE,
	KEY = WRAP_KEY_SIZE,
	WRAPPED = KEY + WRAP_BLOCK,
	NONCE = 12,
	TAG = 16,
	SECURE_HEAP = 32 << 10,
	SECURE_LEAST = 32,
	STACK = 16 << 10, /* deeper than libcrypto's arithmetic goes */
};

/* The parts, as bytes; of the header also the text, which is authenticated. */
struct jwe {
	struct slice header;
	unsigned char point[POINT];
	unsigned char wrapped[WRAPPED];
	unsigned char nonce[NONCE];
	unsigned char tag[TAG];
	unsigned char *text; /* allocated; encrypted, so an ordinary heap will do */
	int size;
};

/* What there is of keys while one is opened; in locked memory. */
struct keys {
	/* Concat KDF (NIST SP 800-56A) for one block of SHA-256, as RFC 7518 fills it in. */
	unsigned char counter[4];
	unsigned char shared[JWE_COORDINATE];
	unsigned char info[4 + sizeof(JWE_ALGORITHM) - 1 + 4 + 4 + 4];
	unsigned char wrapping[KEY];
	unsigned char content[WRAPPED];
};

/* All of libcrypto's locked memory, where it has some. */
static unsigned char *heap;

static void free_pkey(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void free_context(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

static void free_cipher(EVP_CIPHER_CTX **context)
{
	EVP_CIPHER_CTX_free(*context);
}

static void free_jwe(struct jwe *jwe)
{
	free(jwe->text);
}

/* Who gets the whole of it learns where it is. */
static bool find_heap(void)
{
	heap = OPENSSL_secure_malloc(SECURE_HEAP);
	OPENSSL_secure_free(heap);
	return heap;
}

bool jwe_lock_memory(void)
{
	/* 2: it is there, but not locked */
	return CRYPTO_secure_malloc_initialized() ||
	       (CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_LEAST) == 1 && find_heap());
}

void jwe_wipe_memory(void)
{
	if (heap)
		explicit_bzero(heap, SECURE_HEAP);
}

/* libcrypto leaves pieces of private keys below its callers. */
static __attribute__((noinline)) void wipe_stack(void)
{
	unsigned char below[STACK];

	explicit_bzero(below, sizeof(below));
}

static int publish(struct jwe_key *key)
{
	unsigned char point[POINT];
	size_t size = 0;

	if (EVP_PKEY_get_octet_string_param(key->pair, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
					    sizeof(point), &size) != 1 || size != POINT)
		return -ENOMEM;
	base64_encode(point + 1, JWE_COORDINATE, BASE64URL, key->x);
	base64_encode(point + 1 + JWE_COORDINATE, JWE_COORDINATE, BASE64URL, key->y);
	return 0;
}

int jwe_make_key(struct jwe_key *key)
{
	int r;

	*key = (struct jwe_key){ .pair = EVP_EC_gen(JWE_CURVE) };
	wipe_stack();
	r = key->pair ? publish(key) : -ENOMEM;
	if (r < 0)
		jwe_forget_key(key);
	return r;
}

void jwe_forget_key(struct jwe_key *key)
{
	EVP_PKEY_free(key->pair);
	*key = (struct jwe_key){ 0 };
}

static bool is_text(struct json_object *object, const char *name, const char *wanted)
{
	const char *text = document_text(object, name);

	return text && strcmp(text, wanted) == 0;
}

/* Just so many bytes of a member. */
static bool take_bytes(struct json_object *object, const char *name, void *bytes, int size)
{
	const char *text = document_text(object, name);

	return text && base64_decode(slice_of(text), BASE64URL, bytes, (size_t)size) == size;
}

static bool has(struct json_object *object, const char *name)
{
	return json_object_object_get_ex(object, name, NULL);
}

/* Parties' names would have to be in the derivation; the rest of these changes what is understood. */
static bool take_point(struct json_object *header, unsigned char point[POINT])
{
	struct json_object *epk = document_member(header, "epk", json_type_object);

	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	return is_text(header, "alg", JWE_ALGORITHM) && is_text(header, "enc", "A256GCM") &&
	       !has(header, "apu") && !has(header, "apv") && !has(header, "crit") &&
	       !has(header, "zip") && is_text(epk, "kty", "EC") && is_text(epk, "crv", JWE_CURVE) &&
	       take_bytes(epk, "x", point + 1, JWE_COORDINATE) &&
	       take_bytes(epk, "y", point + 1 + JWE_COORDINATE, JWE_COORDINATE);
}

static bool take_header(struct json_object *object, struct jwe *jwe)
{
	CLEANUP(document_free) struct json_object *header = NULL;
	CLEANUP(free_text) char *bytes = NULL;
	const char *text = document_text(object, "protected");
	int size;

	if (!text)
		return false;
	jwe->header = slice_of(text);
	bytes = calloc(jwe->header.length + 1, 1);
	size = bytes ? base64_decode(jwe->header, BASE64URL, bytes, jwe->header.length) : -ENOMEM;
	if (size < 0 || strlen(bytes) != (size_t)size)
		return false;
	header = document_object(bytes);
	return header && take_point(header, jwe->point);
}

static bool take_text(struct json_object *object, struct jwe *jwe)
{
	const char *text = document_text(object, "ciphertext");
	size_t length = text ? strlen(text) : 0;

	jwe->text = text ? malloc(length + 1) : NULL;
	jwe->size = jwe->text ? base64_decode(slice_of(text), BASE64URL, jwe->text, length) : -ENOMEM;
	return jwe->size > 0 && jwe->size <= SECRET_MAX;
}

/* These five members and no other: "aad", "unprotected", "header" and "recipients" all say more. */
static bool parse(struct json_object *object, struct jwe *jwe)
{
	return object && json_object_object_length(object) == 5 && take_header(object, jwe) &&
	       take_bytes(object, "encrypted_key", jwe->wrapped, WRAPPED) &&
	       take_bytes(object, "iv", jwe->nonce, NONCE) &&
	       take_bytes(object, "tag", jwe->tag, TAG) && take_text(object, jwe);
}

/* NULL where the point is not on the curve. */
static EVP_PKEY *take_peer(const unsigned char point[POINT])
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){ JWE_CURVE }, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, POINT),
		OSSL_PARAM_construct_end(),
	};
	CLEANUP(free_context) EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	CLEANUP(free_context) EVP_PKEY_CTX *checker = NULL;
	EVP_PKEY *peer = NULL;

	if (!maker || EVP_PKEY_fromdata_init(maker) != 1 ||
	    EVP_PKEY_fromdata(maker, &peer, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)params) != 1)
		return NULL;
	checker = EVP_PKEY_CTX_new_from_pkey(NULL, peer, NULL);
	if (checker && EVP_PKEY_public_check(checker) == 1)
		return peer;
	EVP_PKEY_free(peer);
	return NULL;
}

static bool agree(EVP_PKEY *pair, const struct jwe *jwe, struct keys *keys)
{
	CLEANUP(free_pkey) EVP_PKEY *peer = take_peer(jwe->point);
	CLEANUP(free_context) EVP_PKEY_CTX *context =
		peer ? EVP_PKEY_CTX_new_from_pkey(NULL, pair, NULL) : NULL;
	size_t size = sizeof(keys->shared);

	return context && EVP_PKEY_derive_init(context) == 1 &&
	       EVP_PKEY_derive_set_peer(context, peer) == 1 &&
	       EVP_PKEY_derive(context, keys->shared, &size) == 1 && size == sizeof(keys->shared);
}

static bool derive(struct keys *keys)
{
	static const char name[] = JWE_ALGORITHM;
	size_t size = 0;

	memset(keys->info, 0, sizeof(keys->info));
	keys->counter[3] = 1;
	keys->info[3] = sizeof(name) - 1;
	memcpy(keys->info + 4, name, sizeof(name) - 1);
	/* Of both parties nothing; and of the key's bits the second byte from below. */
	keys->info[sizeof(keys->info) - 2] = KEY * 8 >> 8;
	return EVP_Q_digest(NULL, "SHA256", NULL, keys->counter, offsetof(struct keys, wrapping),
			    keys->wrapping, &size) == 1 && size == KEY;
}

static bool decrypt(const struct jwe *jwe, const struct keys *keys, struct secret *secret)
{
	CLEANUP(free_cipher) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int done = 0, rest = 0;

	if (!context || !EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), keys->content, jwe->nonce, NULL) ||
	    !EVP_DecryptUpdate(context, NULL, &done, (const unsigned char *)jwe->header.at,
			       (int)jwe->header.length) ||
	    !EVP_DecryptUpdate(context, secret->bytes, &done, jwe->text, jwe->size) ||
	    !EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG, (void *)jwe->tag) ||
	    EVP_DecryptFinal_ex(context, secret->bytes + done, &rest) != 1)
		return false;
	secret->size = (size_t)done + (size_t)rest;
	return true;
}

static bool open_with(EVP_PKEY *pair, const struct jwe *jwe, struct keys *keys, struct secret *secret)
{
	return agree(pair, jwe, keys) && derive(keys) &&
	       wrap_run(keys->wrapping, UNWRAP, jwe->wrapped, WRAPPED, keys->content) == KEY &&
	       decrypt(jwe, keys, secret);
}

int jwe_open(const struct jwe_key *key, const char *text, struct secret *secret)
{
	CLEANUP(document_free) struct json_object *object = document_object(text);
	CLEANUP(secret_wipe) struct secret room = { 0 };
	CLEANUP(free_jwe) struct jwe jwe = { .text = NULL };
	bool opened;
	int r;

	if (!parse(object, &jwe))
		return -EBADMSG;
	r = secret_allocate(&room, sizeof(struct keys));
	if (r == 0)
		r = secret_allocate(secret, (size_t)jwe.size);
	if (r < 0)
		return r;
	opened = open_with(key->pair, &jwe, (struct keys *)room.bytes, secret);
	wipe_stack();
	return opened ? 0 : -EBADMSG;
}
