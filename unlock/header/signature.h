/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SIGNATURE_H
#define COCOSECRET_SIGNATURE_H

#include "config/anchor.h"
#include "header/document.h"
#include "lib/base64.h"

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
 * tokens: each covers all of them. Without anchors all is well. An exit code, with the reason in
 * @fault.
 */
int signature_check(struct json_object *document, const struct anchors *anchors,
		    struct fault *fault);

/* Whether @signature is @anchor's of @message. */
bool signature_holds(const struct anchor *anchor, const char *message, size_t length,
		     const unsigned char signature[SIGNATURE_BYTES]);

#endif
