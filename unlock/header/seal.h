/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SEAL_H
#define COCOSECRET_SEAL_H

#include "header/document.h"
#include "header/token.h"
#include "lib/base64.h"
#include "lib/secret.h"

/*
 * The seal of a header: HMAC-SHA256 over the document's canonical form, with a key that HKDF-SHA256
 * makes of the secret. A seal lets whoever holds the disk test guesses of the secret cheaply, so
 * the secret must be random: at least 32 bytes. See cocosecret-seal(5).
 */
enum { SEAL_SECRET_MIN = 32, SEAL_BYTES = 32, SEAL_TEXT_SIZE = BASE64_TEXT_SIZE(SEAL_BYTES) };

/*
 * What is sealed: the document without the values of seals and signatures, as compact JSON with
 * sorted keys. Allocated; negative errno, -EDOM where a number is not an integer.
 */
int seal_text(struct json_object *document, char **text, size_t *length);

int seal_compute(struct json_object *document, const struct secret *secret,
		 char value[SEAL_TEXT_SIZE], struct fault *fault);

/*
 * Finds the token of @name (the secret's UUID) whose seal @secret made over this very document. An
 * exit code, with the reason in @fault.
 */
int seal_check(struct json_object *document, const char *name, const struct secret *secret,
	       struct token *token, struct fault *fault);

#endif
