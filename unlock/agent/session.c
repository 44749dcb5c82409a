// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/evidence.h"
#include "agent/kbs.h"
#include "agent/stop.h"
#include "header/document.h"
#include "header/seal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/log.h"

enum {
	FIRST_PAUSE_US = 250 * US_PER_MS,
	LONGEST_PAUSE_US = 8 * US_PER_S,
	BASE64_OF_32 = 44,
};

/* How often something was tried, and for how long nothing is done before it is tried again. */
struct patience {
	uint64_t pause_us, deadline_us;
};

/* A fleet that starts at once must not come back at once: between half of the pause and all of it. */
static bool wait_again(struct patience *patience, const char *why)
{
	uint64_t pause = patience->pause_us ? patience->pause_us : FIRST_PAUSE_US, random = 0;
	uint64_t now = clock_us();

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = now;
	patience->pause_us = pause * 2 < LONGEST_PAUSE_US ? pause * 2 : LONGEST_PAUSE_US;
	pause = pause / 2 + random % (pause / 2);
	if (now + pause >= patience->deadline_us)
		return false;
	if (stop_signal())
		return false;
	log_info("agent: %s; trying again", why);
	usleep((useconds_t)pause);
	return !stop_signal();
}

static int out_of_memory(struct fault *fault)
{
	fault_set(fault, "out of memory");
	return EXIT_IO;
}

/* The alarm's time is over, too. */
static int no_time_left(struct fault *fault)
{
	int signal = stop_signal();

	if (signal && signal != SIGALRM) {
		fault_prefix(fault, "stopped by signal %d: ", signal);
		return EXIT_IO;
	}
	fault_prefix(fault, "the time that rd.cocosecret.timeout= gives is over: ");
	return EXIT_NO_SECRET;
}

static const char *host_field(const struct broker *broker, char url[BROKER_URL_SIZE])
{
	if (broker->kind != BROKER_HTTP)
		return "cocosecret";
	broker_url(broker, url);
	return strstr(url, "//") + 2;
}

static enum kbs_verdict ask_once(const struct session *session, enum kbs_step step, const char *request,
				 size_t size, struct http_answer *answer, struct fault *fault)
{
	int r = courier_ask(session->courier, request, size, session->deadline_us, answer);

	if (r == 0)
		return kbs_judge(step, answer, fault);
	fault_set(fault, "the broker cannot be asked: %s", courier_explain(r));
	return courier_may_pass(r) ? KBS_LATER : KBS_NEVER;
}

/* Until there is an answer that counts, or no time. http_forget() frees @answer in any case. */
static enum kbs_verdict ask(const struct session *session, enum kbs_step step, const char *path,
			    const char *body, struct http_answer *answer, struct fault *fault)
{
	char url[BROKER_URL_SIZE];
	const struct http_request request = {
		.method = body ? "POST" : "GET",
		.host = host_field(session->broker, url),
		.path = path,
		.session = session->cookie,
		.body = body,
		.closes = session->broker->kind != BROKER_SERIAL,
	};
	struct patience patience = { .deadline_us = session->deadline_us };
	CLEANUP(free_text) char *text = NULL;
	enum kbs_verdict verdict = KBS_NEVER;
	size_t size;

	*answer = (struct http_answer){ 0 };
	if (http_write(&request, &text, &size) < 0) {
		out_of_memory(fault);
		return KBS_NEVER;
	}
	do {
		http_forget(answer);
		verdict = ask_once(session, step, text, size, answer, fault);
	} while (verdict == KBS_LATER && wait_again(&patience, fault->text));
	return verdict;
}

static int begin(struct session *session, char nonce[KBS_NONCE_SIZE], struct fault *fault)
{
	CLEANUP(http_forget) struct http_answer answer = { 0 };
	CLEANUP(free_text) char *body = kbs_auth(session->tee);
	enum kbs_verdict verdict;

	if (!body)
		return out_of_memory(fault);
	verdict = ask(session, KBS_AUTH, KBS_PREFIX "auth", body, &answer, fault);
	if (verdict == KBS_LATER)
		return no_time_left(fault);
	if (verdict != KBS_OK || !kbs_take_nonce(&answer, nonce, fault))
		return EXIT_NO_SECRET;
	memcpy(session->cookie, answer.session, sizeof(session->cookie));
	return EXIT_OPENED;
}

static int make_evidence(struct session *session, const char *nonce, struct json_object **evidence,
			 struct fault *fault)
{
	struct patience patience = { .deadline_us = session->deadline_us };
	unsigned char digest[EVIDENCE_DIGEST];
	int r;

	if (kbs_digest(nonce, &session->key, digest) < 0)
		return out_of_memory(fault);
	do {
		r = evidence_make(session->tee, digest, evidence, fault);
	} while (r == -EAGAIN && wait_again(&patience, fault->text));
	if (r == -EAGAIN)
		return no_time_left(fault);
	return r < 0 ? EXIT_NO_SECRET : EXIT_OPENED;
}

static int prove(struct session *session, const char *nonce, struct fault *fault)
{
	CLEANUP(document_free) struct json_object *evidence = NULL;
	CLEANUP(http_forget) struct http_answer answer = { 0 };
	CLEANUP(free_text) char *body = NULL;
	enum kbs_verdict verdict;
	int code = make_evidence(session, nonce, &evidence, fault);

	if (code)
		return code;
	body = kbs_attest(nonce, &session->key, evidence);
	if (!body)
		return out_of_memory(fault);
	verdict = ask(session, KBS_ATTEST, KBS_PREFIX "attest", body, &answer, fault);
	if (verdict == KBS_LATER)
		return no_time_left(fault);
	if (verdict != KBS_OK || !kbs_take_token(&answer, fault))
		return EXIT_NO_SECRET;
	session->proved_us = clock_us();
	return EXIT_OPENED;
}

int session_open(struct session *session, struct fault *fault)
{
	char nonce[KBS_NONCE_SIZE];
	int code;

	session_close(session);
	if (jwe_make_key(&session->key) < 0) {
		fault_set(fault, "libcrypto makes no key on " JWE_CURVE);
		return EXIT_IO;
	}
	code = begin(session, nonce, fault);
	return code ? code : prove(session, nonce, fault);
}

static bool is_base64(const struct secret *secret)
{
	unsigned char bytes[BASE64_OF_32 / 4 * 3];
	int size = base64_decode((struct slice){ (const char *)secret->bytes, secret->size }, BASE64,
				 bytes, sizeof(bytes));

	explicit_bzero(bytes, sizeof(bytes));
	return size > 0;
}

/* Just the resource's bytes are the secret; what looks like a mistake is not put right. */
static int check_secret(const char *uuid, const struct secret *secret, struct fault *fault)
{
	if (secret->size < SEAL_SECRET_MIN) {
		fault_set(fault, "secret %s is shorter than %d bytes, so it seals nothing", uuid, SEAL_SECRET_MIN);
		return EXIT_NO_SECRET;
	}
	if (secret->size == BASE64_OF_32 && is_base64(secret))
		log_warning("agent: secret %s is %d characters of base64; if the volume does not open: the "
			    "broker must have the key's bytes themselves", uuid, BASE64_OF_32);
	return EXIT_OPENED;
}

static int open_answer(struct session *session, const char *uuid, const struct http_answer *answer,
		       struct secret *secret, struct fault *fault)
{
	int r = answer->body && strlen(answer->body) == answer->size ?
		jwe_open(&session->key, answer->body, secret) : -EBADMSG;

	if (r == 0)
		return check_secret(uuid, secret, fault);
	if (r != -EBADMSG)
		return out_of_memory(fault);
	fault_set(fault, "the broker's answer for secret %s cannot be opened: it is not encrypted to this "
		  "machine's key, or not as Trustee since 0.12 does, or it was changed", uuid);
	return EXIT_NO_SECRET;
}

static enum kbs_verdict get(struct session *session, const char *uuid, struct http_answer *answer,
			    struct fault *fault)
{
	char path[KBS_PATH_SIZE];

	snprintf(path, sizeof(path), KBS_PREFIX "resource/%s/%s", session->broker->path, uuid);
	return ask(session, KBS_RESOURCE, path, NULL, answer, fault);
}

static enum kbs_verdict get_anew(struct session *session, const char *uuid, struct http_answer *answer,
				 struct fault *fault)
{
	session->is_second = true;
	log_info("agent: the broker has forgotten the session; opening another");
	http_forget(answer);
	return session_open(session, fault) ? KBS_NEVER : get(session, uuid, answer, fault);
}

int session_fetch(struct session *session, const char *uuid, struct secret *secret,
		  struct fault *fault)
{
	CLEANUP(http_forget) struct http_answer answer = { 0 };
	enum kbs_verdict verdict = get(session, uuid, &answer, fault);
	int code = EXIT_NO_SECRET;

	if (verdict == KBS_ANEW && !session->is_second)
		verdict = get_anew(session, uuid, &answer, fault);
	if (verdict == KBS_OK)
		return open_answer(session, uuid, &answer, secret, fault);
	if (verdict == KBS_LATER)
		code = no_time_left(fault);
	fault_prefix(fault, "secret %s: ", uuid);
	return code;
}

void session_close(struct session *session)
{
	jwe_forget_key(&session->key);
	session->cookie[0] = '\0';
}
