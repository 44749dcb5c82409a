/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_KBS_H
#define COCOSECRET_KBS_H

#include <json-c/json.h>

#include "agent/evidence.h"
#include "agent/http.h"
#include "agent/jwe.h"
#include "lib/guid.h"

/* The messages of the KBS protocol (Trustee, kbs/docs/kbs_attestation_protocol.md). */
#define KBS_VERSION "0.4.0"
#define KBS_PREFIX "/kbs/v0/"

enum { KBS_NONCE_SIZE = 257, KBS_PATH_SIZE = sizeof(KBS_PREFIX "resource//") + 130 + GUID_TEXT_LENGTH };

enum kbs_step { KBS_AUTH, KBS_ATTEST, KBS_RESOURCE };

enum kbs_verdict {
	KBS_OK,
	KBS_LATER, /* the same request may succeed */
	KBS_ANEW,  /* the session is gone: another may succeed */
	KBS_NEVER,
};

/* What an answer without its body means; with the reason in @fault where it is not KBS_OK. */
enum kbs_verdict kbs_judge(enum kbs_step step, const struct http_answer *answer, struct fault *fault);

/* The bodies of requests: allocated, or NULL where memory is short. */
char *kbs_auth(const char *tee);
char *kbs_attest(const char *nonce, const struct jwe_key *key, struct json_object *evidence);

/* What the evidence is over. -ENOMEM */
int kbs_digest(const char *nonce, const struct jwe_key *key, unsigned char digest[EVIDENCE_DIGEST]);

/* Out of the answers' bodies: false, with the reason in @fault. */
bool kbs_take_nonce(const struct http_answer *answer, char nonce[KBS_NONCE_SIZE], struct fault *fault);
bool kbs_take_token(const struct http_answer *answer, struct fault *fault);

#endif
