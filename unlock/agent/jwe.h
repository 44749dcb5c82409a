/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_JWE_H
#define COCOSECRET_JWE_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "lib/base64.h"
#include "lib/secret.h"

/*
 * JWE (RFC 7516) in flattened JSON, of one kind only: ECDH-ES+A256KW on P-256, A256GCM (RFC 7518,
 * sections 4.6 and 5.3).
 */
#define JWE_ALGORITHM "ECDH-ES+A256KW"
#define JWE_CURVE "P-256"

enum { JWE_COORDINATE = 32, JWE_COORDINATE_SIZE = BASE64_TEXT_SIZE(JWE_COORDINATE) };

/* The key pair to which a broker encrypts; its public half in base64url. */
struct jwe_key {
	EVP_PKEY *pair;
	char x[JWE_COORDINATE_SIZE], y[JWE_COORDINATE_SIZE];
};

/* From now on libcrypto keeps private keys in locked memory. False where there is none. */
bool jwe_lock_memory(void);

/* Wipes all of that, also in a signal's handler: whoever then uses a key is lost. */
void jwe_wipe_memory(void);

/* A new one, or -ENOMEM. */
int jwe_make_key(struct jwe_key *key);
void jwe_forget_key(struct jwe_key *key);

/*
 * What @text holds for @key. -EBADMSG where anything at all is wrong with it: whoever sent it learns
 * no more. Other negative errnos are this machine's. The caller wipes @secret in any case.
 */
int jwe_open(const struct jwe_key *key, const char *text, struct secret *secret);

#endif
