/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SIGNATURE_H
#define COCOSECRET_SIGNATURE_H

#include <openssl/evp.h>

#include "config/anchor.h"
#include "header/document.h"
#include "header/token.h"
#include "lib/base64.h"
#include "lib/secret.h"

/*
 * The owner's signature of a header: Ed25519 (RFC 8032) over what the seal is made of, so that a
 * header has a master also where anybody may have brought the secret. See cocosecret-seal(5).
 */
enum {
	SIGNATURE_BYTES = 64,
	SIGNATURE_TEXT_SIZE = BASE64_TEXT_SIZE(SIGNATURE_BYTES),
	SIGNATURE_KEY_TEXT_SIZE = BASE64_TEXT_SIZE(ANCHOR_SIZE),
};

/* What is signed. Allocated, a NUL in it; an exit code, with the reason in @fault. */
int signature_message(struct json_object *document, char **message, size_t *length,
		      struct fault *fault);

/*
 * Whether one of @anchors signed this very document, by the signature of any of its cocosecret
 * tokens: each covers all of them. Which one is then in @owner, as rd.cocosecret.owner= has it.
 * Without anchors all is well, and @owner is as it was. An exit code, with the reason in @fault.
 */
int signature_check(struct json_object *document, const struct anchors *anchors,
		    char owner[SIGNATURE_KEY_TEXT_SIZE], struct fault *fault);

/* Whose signature a token has a place for; false where it has none, or not for a key. */
bool signature_signer(const struct token *token, struct anchor *signer);

/* Whether the token's is @signer's of @message. */
bool signature_is_good(const struct token *token, const struct anchor *signer, const char *message,
		       size_t length);

/* The public key of @key, or of the private key's 32 bytes; negative where it is not one for Ed25519. */
int signature_public(EVP_PKEY *key, struct anchor *anchor);
int signature_public_of(const struct secret *seed, struct anchor *anchor);

/* Signs; false where the key, a hardware token's say, does not. */
bool signature_make(EVP_PKEY *key, const char *message, size_t length,
		    unsigned char signature[SIGNATURE_BYTES]);

/* Whether @signature is @anchor's of @message. */
bool signature_holds(const struct anchor *anchor, const char *message, size_t length,
		     const unsigned char signature[SIGNATURE_BYTES]);

#endif
