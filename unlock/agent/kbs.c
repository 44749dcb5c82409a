// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/kbs.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "header/canonical.h"
#include "header/document.h"
#include "lib/cleanup.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

enum { NAME_MAX_BYTES = 64, DETAIL_MAX = 200 };

/* The one form in which this program writes JSON; it also sees what memory was too short for. */
static char *text_of(struct json_object *object)
{
	char *text = NULL;
	size_t length;

	return object && canonical_json(object, &text, &length) == 0 ? text : NULL;
}

char *kbs_auth(const char *tee)
{
	CLEANUP(document_free) struct json_object *body = json_object_new_object();

	return document_add_text(body, "version", KBS_VERSION) && document_add_text(body, "tee", tee) &&
	       document_add_text(body, "extra-params", "") ? text_of(body) : NULL;
}

static struct json_object *key_json(const struct jwe_key *key)
{
	struct json_object *jwk = json_object_new_object();

	if (document_add_text(jwk, "alg", JWE_ALGORITHM) && document_add_text(jwk, "crv", JWE_CURVE) &&
	    document_add_text(jwk, "kty", "EC") && document_add_text(jwk, "x", key->x) &&
	    document_add_text(jwk, "y", key->y))
		return jwk;
	json_object_put(jwk);
	return NULL;
}

static struct json_object *runtime_json(const char *nonce, const struct jwe_key *key)
{
	struct json_object *data = json_object_new_object();

	if (document_add_text(data, "nonce", nonce) && document_add(data, "tee-pubkey", key_json(key)))
		return data;
	json_object_put(data);
	return NULL;
}

/* What is measured has a hyphen here; what is sent, an underscore. */
int kbs_digest(const char *nonce, const struct jwe_key *key, unsigned char digest[EVIDENCE_DIGEST])
{
	CLEANUP(document_free) struct json_object *data = runtime_json(nonce, key);
	CLEANUP(free_text) char *text = NULL;
	size_t size = 0;

	if (document_add_text(data, "additional-evidence", ""))
		text = text_of(data);
	return text && EVP_Q_digest(NULL, "SHA384", NULL, text, strlen(text), digest, &size) == 1 &&
	       size == EVIDENCE_DIGEST ? 0 : -ENOMEM;
}

char *kbs_attest(const char *nonce, const struct jwe_key *key, struct json_object *evidence)
{
	CLEANUP(document_free) struct json_object *body = json_object_new_object();
	struct json_object *both = json_object_new_object();
	bool whole = document_add(both, "primary_evidence", json_object_get(evidence)) &&
		     document_add_text(both, "additional_evidence", "");

	/* The first of these takes it over in any case. */
	return document_add(body, "tee-evidence", both) && whole &&
	       document_add(body, "runtime-data", runtime_json(nonce, key)) ? text_of(body) : NULL;
}

/* NULL also where a NUL hides what follows it. */
static struct json_object *body_json(const struct http_answer *answer)
{
	return answer->body && strlen(answer->body) == answer->size ? document_object(answer->body) : NULL;
}

/* It becomes a part of what is measured, as text. */
static bool is_nonce(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length < KBS_NONCE_SIZE &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_") == length;
}

static bool wants_other_hash(struct json_object *object)
{
	struct json_object *extra = document_member(object, "extra-params", json_type_object);
	const char *hash = document_text(extra, "selected-hash-algorithm");

	return hash && strcmp(hash, "sha384") != 0 && strcmp(hash, "sha-384") != 0;
}

bool kbs_take_nonce(const struct http_answer *answer, char nonce[KBS_NONCE_SIZE], struct fault *fault)
{
	CLEANUP(document_free) struct json_object *object = body_json(answer);
	const char *text = document_text(object, "nonce");

	if (!text || !is_nonce(text) || !answer->session[0]) {
		fault_set(fault, "the broker's answer to the start of a session has no nonce or no cookie: "
			  "is it a key broker that speaks " KBS_VERSION "?");
		return false;
	}
	if (wants_other_hash(object)) {
		fault_set(fault, "the broker wants another hash than SHA-384");
		return false;
	}
	memcpy(nonce, text, strlen(text) + 1);
	return true;
}

bool kbs_take_token(const struct http_answer *answer, struct fault *fault)
{
	CLEANUP(document_free) struct json_object *object = body_json(answer);
	const char *token = document_text(object, "token");

	if (token && token[0])
		return true;
	fault_set(fault, "the broker took the evidence, but its answer has no token");
	return false;
}

/* Of the errors that a broker names: what they mean at which step, and what to look at. */
static const struct advice {
	const char *name, *text;
	enum kbs_step step;
	enum kbs_verdict verdict;
} advices[] = {
	{ "AttestationError", "it begins no session: does it speak version " KBS_VERSION " of the protocol, "
	  "as Trustee since 0.14 does, and know this kind of machine?", KBS_AUTH, KBS_NEVER },
	{ "AttestationError", "it does not believe the evidence: its log says why; is its attestation service "
	  "set up for this kind of machine?", KBS_ATTEST, KBS_NEVER },
	{ "PolicyDeny", "its resource policy denies this machine: compare the reference values with the "
	  "measurement of this image, and the policy with the resource", KBS_RESOURCE, KBS_NEVER },
	{ "TokenNotFound", "it does not know the session any more", KBS_RESOURCE, KBS_ANEW },
	{ "TokenVerifierError", "it does not trust the token of its own attestation service: see its "
	  "configuration", KBS_RESOURCE, KBS_NEVER },
	{ "PluginInternalError", "it has no such resource, or cannot read it", KBS_RESOURCE, KBS_NEVER },
	{ "PluginNotFound", "it keeps no resources", KBS_RESOURCE, KBS_NEVER },
	{ "InvalidRequestPath", "rd.cocosecret.kbs-path= is not one of its paths", KBS_RESOURCE, KBS_NEVER },
	{ "PolicyEngineError", "its resource policy cannot be evaluated", KBS_RESOURCE, KBS_NEVER },
};

static const struct advice *find_advice(enum kbs_step step, const char *name)
{
	for (size_t i = 0; i < COUNT(advices); i++)
		if (advices[i].step == step && strcmp(advices[i].name, name) == 0)
			return &advices[i];
	return NULL;
}

/* What stands behind the last slash, where that is a name. */
static const char *error_name(struct json_object *object)
{
	const char *type = document_text(object, "type");
	const char *slash = type ? strrchr(type, '/') : NULL;
	const char *name = slash ? slash + 1 : type;

	return name && name[0] && strlen(name) <= NAME_MAX_BYTES &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == strlen(name) ?
	       name : NULL;
}

/* The host may have written it: one line's worth, and nothing that a terminal obeys. */
static const char *print_detail(struct json_object *object, char detail[DETAIL_MAX + 1])
{
	const char *text = document_text(object, "detail");
	size_t used = 0;

	for (; text && text[used] && used < DETAIL_MAX; used++) {
		detail[used] = text[used];
		if (text[used] < ' ' || text[used] > '~')
			detail[used] = '?';
	}
	detail[used] = '\0';
	return detail;
}

static enum kbs_verdict judge_error(enum kbs_step step, const struct http_answer *answer,
				    struct fault *fault)
{
	CLEANUP(document_free) struct json_object *object = body_json(answer);
	const char *name = error_name(object);
	const struct advice *advice = name ? find_advice(step, name) : NULL;
	char detail[DETAIL_MAX + 1];

	fault_set(fault, "the broker says %u %s (%s)%s%s", answer->status, name ? name : "without a reason",
		  print_detail(object, detail), advice ? ": " : "", advice ? advice->text : "");
	return advice ? advice->verdict : KBS_NEVER;
}

static bool is_passing(unsigned int status)
{
	return status >= 500 || status == 408 || status == 425 || status == 429;
}

enum kbs_verdict kbs_judge(enum kbs_step step, const struct http_answer *answer, struct fault *fault)
{
	if (answer->status == 200)
		return KBS_OK;
	if (is_passing(answer->status)) {
		fault_set(fault, "the broker says %u, which may pass", answer->status);
		return KBS_LATER;
	}
	if (answer->status < 400) {
		fault_set(fault, "the broker says %u: it is somewhere else, or something else; redirects "
			  "are not followed", answer->status);
		return KBS_NEVER;
	}
	return judge_error(step, answer, fault);
}
