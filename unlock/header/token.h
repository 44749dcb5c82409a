/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TOKEN_H
#define COCOSECRET_TOKEN_H

#include <json-c/json.h>
#include <stdbool.h>

#include "lib/guid.h"
#include "lib/text.h"

#define TOKEN_TYPE "cocosecret"
#define TOKEN_SEAL_ALG "hmac-sha256"
#define TOKEN_WRAP_ALG "aes256-kw"
#define TOKEN_SIGNATURE_ALG "ed25519" /* RFC 8032 */

enum { TOKENS_MAX = 32 /* LUKS2's own limit */ };

/* A cocosecret token; the texts are the document's. */
struct token {
	int id;
	int slot;         /* the one key slot it is for */
	const char *name; /* of the mapping; NULL for any */
	const char *seal; /* the seal's value; NULL where it has none */
	const char *volume_key; /* wrapped; NULL where it has none that this program can unwrap */
	const char *signer;     /* the owner's public key, and the signature; NULL where there is none */
	const char *signature;
	char secret[GUID_TEXT_SIZE];
};

bool token_is_cocosecret(struct json_object *token);

/* Token @id of the document as JSON, if it is a cocosecret token. */
struct json_object *token_json(struct json_object *document, int id);

/* A token alone, sealed or not yet; what is wrong with it is in @fault: "names no secret". */
int token_parse(struct json_object *json, struct token *token, struct fault *fault);

/* Reads token @id, which is a cocosecret token; what is wrong with it is in @fault. */
int token_read(struct json_object *document, int id, struct token *token, struct fault *fault);

/* The first cocosecret token from @id on that names @secret, or a negative number. */
int token_find(struct json_object *document, const char *secret, int id);

#endif
