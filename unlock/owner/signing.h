/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SIGNING_H
#define COCOSECRET_SIGNING_H

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

/* Opens what the options name. An exit code, with the reason in @fault; so do the others. */
int signing_open(struct signing *signing, struct fault *fault);
void signing_close(struct signing *signing);

/* The place of a signature in token @id: part of what is sealed and signed. */
void signing_place(const struct signing *signing, struct json_object *document, int id);

/* In Base64; empty where there is none. */
struct signature {
	char key[SIGNATURE_KEY_TEXT_SIZE], value[SIGNATURE_TEXT_SIZE];
};

/*
 * The signature of a document that has its places, where one is made or brought. Writes what is to
 * be signed elsewhere.
 */
int signing_make(const struct signing *signing, struct json_object *document,
		 struct signature *made, struct fault *fault);

/* Into token @id, where its place is for it. */
void signing_fill(const struct signature *made, struct json_object *document, int id);

/* Whether the options give a header a signature, now. */
bool signing_signs(const struct signing *signing);

/* Removes each signature that no longer holds, and keeps its place; unless it may, an error. */
int signing_drop_broken(struct json_object *document, bool may, struct fault *fault);

#endif
