// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/signing.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

#include "header/token.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "owner/output.h"

static void close_store(OSSL_STORE_CTX **store)
{
	OSSL_STORE_close(*store);
}

static bool is_hardware(const char *uri)
{
	return strncmp(uri, "pkcs11:", strlen("pkcs11:")) == 0;
}

/*
 * A module of the system's for hardware keys; whoever configured one has it loaded already. At the
 * program's end nothing of it is wound up: libcrypto would call a token's module that has ended.
 */
static bool load_provider(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	return OSSL_PROVIDER_available(NULL, "pkcs11") ||
	       (OSSL_PROVIDER_load(NULL, "pkcs11") && OSSL_PROVIDER_load(NULL, "default"));
}

/* The first private key there. Asks for its passphrase at the terminal. */
static EVP_PKEY *load_key(const char *uri)
{
	CLEANUP(close_store) OSSL_STORE_CTX *store = NULL;
	EVP_PKEY *key = NULL;

	store = OSSL_STORE_open(uri, UI_get_default_method(), NULL, NULL, NULL);
	if (store)
		OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
	while (store && !key && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (!info)
			break;
		if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	return key;
}

/* A URI may have a token's PIN in it: so much of it is for messages. */
static int shown(const char *uri)
{
	const char *pin = strstr(uri, "pin-value");

	return (int)(pin ? (size_t)(pin - uri) : strlen(uri));
}

static int refuse_key(const struct signing *signing, int code, const char *why, struct fault *fault)
{
	fault_set(fault, "--sign-key %.*s: %s", shown(signing->key_uri), signing->key_uri, why);
	return code;
}

/* With --owner, it must be his. */
static int open_key(struct signing *signing, struct fault *fault)
{
	const bool hardware = is_hardware(signing->key_uri);
	struct anchors *anchors = &signing->anchors;
	struct anchor own;

	if (hardware && !load_provider())
		return refuse_key(signing, EXIT_IO, "libcrypto has no provider for it; install "
				  "pkcs11-provider", fault);
	signing->key = load_key(signing->key_uri);
	if (!signing->key)
		return refuse_key(signing, EXIT_IO, hardware ? "no private key can be had there; is "
				  "the PIN right, and is PKCS11_PROVIDER_MODULE the token's module?" :
				  "holds no private key that libcrypto can open", fault);
	if (signature_public(signing->key, &own) < 0)
		return refuse_key(signing, EXIT_CONFIG, "is not a key for Ed25519; cocosecret keygen "
				  "--owner makes one", fault);
	if (anchors->count && memcmp(&anchors->list[0], &own, sizeof(own)) != 0)
		return refuse_key(signing, EXIT_CONFIG, "is not the key of --owner", fault);
	anchors->list[0] = own;
	anchors->count = 1;
	return EXIT_OPENED;
}

static int open_owner(struct signing *signing, struct fault *fault)
{
	if (anchors_add_file(&signing->anchors, signing->owner, fault) < 0) {
		fault_prefix(fault, "--owner ");
		return EXIT_CONFIG;
	}
	return EXIT_OPENED;
}

int signing_open(struct signing *signing, struct fault *fault)
{
	if (!!signing->key_uri + !!signing->to_sign + !!signing->signature > 1) {
		fault_set(fault, "--sign-key, --to-sign and --signature are three ways: take one");
		return EXIT_CONFIG;
	}
	if (signing->owner && open_owner(signing, fault))
		return EXIT_CONFIG;
	return signing->key_uri ? open_key(signing, fault) : EXIT_OPENED;
}

void signing_close(struct signing *signing)
{
	EVP_PKEY_free(signing->key);
	signing->key = NULL;
}

static const struct anchor *signer(const struct signing *signing)
{
	return signing->anchors.count ? &signing->anchors.list[0] : NULL;
}

bool signing_signs(const struct signing *signing)
{
	return signing->key_uri || signing->signature;
}

static bool makes_any(const struct signing *signing)
{
	return signing_signs(signing) || signing->to_sign;
}

static void set_signature(struct json_object *token, const char *key, const char *value)
{
	struct json_object *signature = json_object_new_object();

	json_object_object_add(signature, "alg", json_object_new_string(TOKEN_SIGNATURE_ALG));
	json_object_object_add(signature, "key", json_object_new_string(key));
	if (value)
		json_object_object_add(signature, "value", json_object_new_string(value));
	json_object_object_add(token, "signature", signature);
}

/* A signature by the same owner stays for now: it may still hold. */
void signing_place(const struct signing *signing, struct json_object *document, int id)
{
	char key[SIGNATURE_KEY_TEXT_SIZE];
	struct fault fault;
	struct token token;
	bool stays;

	if (!makes_any(signing) || !signer(signing))
		return;
	base64_encode(signer(signing)->bytes, ANCHOR_SIZE, BASE64, key);
	stays = token_read(document, id, &token, &fault) == 0 && token.signer &&
		strcmp(token.signer, key) == 0;
	set_signature(token_json(document, id), key, stays ? token.signature : NULL);
}

static int read_signature(const struct signing *signing, unsigned char bytes[SIGNATURE_BYTES],
			  struct fault *fault)
{
	CLEANUP(free_text) char *text = NULL;
	size_t length;
	int r = file_read(signing->signature, &text, &length);

	if (r < 0) {
		fault_set(fault, "--signature %s: %s", signing->signature, strerror(-r));
		return EXIT_IO;
	}
	if (length != SIGNATURE_BYTES) {
		fault_set(fault, "--signature %s: has %zu bytes; a signature of Ed25519 has %d",
			  signing->signature, length, SIGNATURE_BYTES);
		return EXIT_CONFIG;
	}
	memcpy(bytes, text, SIGNATURE_BYTES);
	return EXIT_OPENED;
}

static int write_message(const struct signing *signing, char *message, size_t length,
			 struct fault *fault)
{
	const struct secret view = { .bytes = (unsigned char *)message, .size = length };
	int r = output_replace(signing->to_sign, &view);

	if (r == 0)
		return EXIT_OPENED;
	fault_set(fault, "--to-sign %s: %s", signing->to_sign, output_explain(r));
	return EXIT_IO;
}

/* Whom the tokens name, where nobody was named on the command line. */
static bool find_signer(const struct signing *signing, struct json_object *document,
			struct anchor *found)
{
	struct fault fault;
	struct token token;

	if (signer(signing)) {
		*found = *signer(signing);
		return true;
	}
	for (int id = 0; id < TOKENS_MAX; id++)
		if (token_json(document, id) && token_read(document, id, &token, &fault) == 0 &&
		    signature_signer(&token, found))
			return true;
	return false;
}

/* Made here, or brought. */
static int get_signature(const struct signing *signing, const char *message, size_t length,
			 unsigned char bytes[SIGNATURE_BYTES], struct fault *fault)
{
	if (!signing->key)
		return read_signature(signing, bytes, fault);
	if (signature_make(signing->key, message, length, bytes))
		return EXIT_OPENED;
	return refuse_key(signing, EXIT_IO, "does not sign", fault);
}

int signing_make(const struct signing *signing, struct json_object *document,
		 struct signature *made, struct fault *fault)
{
	CLEANUP(free_text) char *message = NULL;
	unsigned char bytes[SIGNATURE_BYTES];
	struct anchor own;
	size_t length;
	int r;

	*made = (struct signature){ 0 };
	if (!makes_any(signing))
		return EXIT_OPENED;
	if (!find_signer(signing, document, &own)) {
		fault_set(fault, "no token names an owner's key; say whose signature it is with --owner "
			  "FILE, his public key");
		return EXIT_CONFIG;
	}
	r = signature_message(document, &message, &length, fault);
	if (r == 0 && signing->to_sign)
		return write_message(signing, message, length, fault);
	if (r == 0)
		r = get_signature(signing, message, length, bytes, fault);
	if (r)
		return r;
	if (!signature_holds(&own, message, length, bytes)) {
		fault_set(fault, "the signature is not that owner's over what the header says now; "
			  "write it anew with cocosecret seal --to-sign");
		return EXIT_HEADER;
	}
	base64_encode(own.bytes, ANCHOR_SIZE, BASE64, made->key);
	base64_encode(bytes, sizeof(bytes), BASE64, made->value);
	return EXIT_OPENED;
}

void signing_fill(const struct signature *made, struct json_object *document, int id)
{
	struct fault fault;
	struct token token;

	if (made->value[0] && token_read(document, id, &token, &fault) == 0 && token.signer &&
	    strcmp(token.signer, made->key) == 0)
		set_signature(token_json(document, id), made->key, made->value);
}

static bool is_broken(const struct token *token, const char *message, size_t length)
{
	struct anchor own;

	return token->signer && token->signature &&
	       !(signature_signer(token, &own) && signature_is_good(token, &own, message, length));
}

int signing_drop_broken(struct json_object *document, bool may, struct fault *fault)
{
	CLEANUP(free_text) char *message = NULL;
	struct fault none;
	struct token token;
	size_t length;
	int r = signature_message(document, &message, &length, fault);

	for (int id = 0; id < TOKENS_MAX && r == 0; id++) {
		if (!token_json(document, id) || token_read(document, id, &token, &none) < 0 ||
		    !is_broken(&token, message, length))
			continue;
		if (may) {
			json_object_object_del(document_member(token_json(document, id), "signature",
							       json_type_object), "value");
			continue;
		}
		fault_set(fault, "nothing was changed: the owner's signature of token %d no longer "
			  "holds; --sign-key URI signs again, --force removes it", id);
		r = EXIT_HEADER;
	}
	return r;
}
