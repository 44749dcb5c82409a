/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SIGNING_H
#define COCOSECRET_SIGNING_H

#include <openssl/evp.h>

#include "header/signature.h"

/* The owner's signature: made with a key that is here, or by whoever signs elsewhere. */
struct signing {
	const char *key_uri;   /* as the options have them, or NULL */
	const char *to_sign;
	const char *signature;
	const char *owner;     /* the file of his public key */
	EVP_PKEY *key;
	struct anchors anchors; /* whose signature it is: one, or none */
};

/* The public key of @key. Negative where it is not one for Ed25519. */
int signing_public(EVP_PKEY *key, struct anchor *anchor);

/* Opens what the options name. An exit code, with the reason in @fault; so do the others. */
int signing_open(struct signing *signing, struct fault *fault);
void signing_close(struct signing *signing);

/* The place of a signature in token @id: part of what is sealed and signed. */
void signing_place(const struct signing *signing, struct json_object *document, int id);

/*
 * The signature of a document that has its places: empty in @text where none is made or brought.
 * Writes what is to be signed elsewhere.
 */
int signing_make(const struct signing *signing, struct json_object *document,
		 char text[SIGNATURE_TEXT_SIZE], struct fault *fault);

/* Into token @id, whose place is for it. */
void signing_fill(const struct signing *signing, struct json_object *document, int id,
		  const char text[SIGNATURE_TEXT_SIZE]);

/* The first token with a signature that does not hold, or -1. */
int signing_find_broken(struct json_object *document, int from);
void signing_drop(struct json_object *document, int id);

#endif
