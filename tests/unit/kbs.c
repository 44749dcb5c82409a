// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/kbs.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header/document.h"
#include "lib/cleanup.h"
#include "support.h"

static struct fault fault;

/* Key and nonce of a digest that Trustee's code made. */
static const struct jwe_key key = {
	.x = "WKn-ZIGevcwGIyyrzFoZNBdaq9_TsqzGl96oc0CWuis",
	.y = "y77t-RvAHRKTsSGdIYUfweuOvwrvDD-Q3Hv5J0fSKbE",
};

static struct http_answer answer_of(unsigned int status, const char *body, const char *session)
{
	struct http_answer answer = { .status = status, .body = (char *)body, .size = strlen(body) };

	snprintf(answer.session, sizeof(answer.session), "%s", session);
	return answer;
}

static void the_digest_is_the_brokers(void **state)
{
	static const char wanted[] = "2acfb2177db0f6a61028297e71c62471640477ea05a8a9108de7aa9fc1403022"
				     "084e6157d95f7468c552094727fa13b7";
	unsigned char digest[EVIDENCE_DIGEST];
	char text[2 * EVIDENCE_DIGEST + 1];

	(void)state;
	assert_int_equal(kbs_digest("bm9uY2U=", &key, digest), 0);
	for (int i = 0; i < EVIDENCE_DIGEST; i++)
		sprintf(text + 2 * i, "%02x", digest[i]);
	assert_string_equal(text, wanted);
}

static void what_is_sent_is_what_the_protocol_says(void **state)
{
	CLEANUP(document_free) struct json_object *evidence = json_tokener_parse("{\"a\":18446744073709551615}");
	CLEANUP(free_text) char *auth = kbs_auth("snp");
	CLEANUP(free_text) char *attest = kbs_attest("bm9uY2U=", &key, evidence);

	(void)state;
	assert_string_equal(auth, "{\"extra-params\":\"\",\"tee\":\"snp\",\"version\":\"0.4.0\"}");
	assert_string_equal(attest, "{\"runtime-data\":{\"nonce\":\"bm9uY2U=\",\"tee-pubkey\":{\"alg\":"
			    "\"ECDH-ES+A256KW\",\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"WKn-ZIGevcwGIyyrzFoZNBdaq9_TsqzGl96oc0CWuis\","
			    "\"y\":\"y77t-RvAHRKTsSGdIYUfweuOvwrvDD-Q3Hv5J0fSKbE\"}},\"tee-evidence\":{"
			    "\"additional_evidence\":\"\",\"primary_evidence\":{\"a\":18446744073709551615}}}");
}

static bool take(const char *body, const char *session, char nonce[KBS_NONCE_SIZE])
{
	struct http_answer answer = answer_of(200, body, session);

	fault.text[0] = '\0';
	return kbs_take_nonce(&answer, nonce, &fault);
}

static void a_nonce_is_taken_as_it_is(void **state)
{
	static const char *const wrong[] = {
		"", "{}", "[\"nonce\"]", "{\"nonce\":7}", "{\"nonce\":\"\"}", "{\"nonce\":\"a b\"}",
		"{\"nonce\":\"\\u00e9\"}", "{\"nonce\":\"a\\u0000b\"}", "{\"nonce\":\"a\"", "{\"nonce\":\"a\"} x",
		"{\"nonce\":\"a\",\"extra-params\":{\"selected-hash-algorithm\":\"sha512\"}}",
	};
	char nonce[KBS_NONCE_SIZE], text[KBS_NONCE_SIZE + 20];

	(void)state;
	assert_true(take("{\"nonce\":\"a+/=\",\"extra-params\":\"\"}", "0f", nonce));
	assert_string_equal(nonce, "a+/=");
	assert_true(take("{\"extra-params\":{\"selected-hash-algorithm\":\"sha384\"},\"nonce\":\"a\"}", "0f", nonce));
	assert_false(take("{\"nonce\":\"a\"}", "", nonce));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_false(take(wrong[i], "0f", nonce));
		assert_true(fault.text[0]);
	}
	snprintf(text, sizeof(text), "{\"nonce\":\"%0256d\"}", 1);
	assert_true(take(text, "0f", nonce));
	snprintf(text, sizeof(text), "{\"nonce\":\"%0257d\"}", 1);
	assert_false(take(text, "0f", nonce));
}

static enum kbs_verdict judge(enum kbs_step step, unsigned int status, const char *body)
{
	struct http_answer answer = answer_of(status, body, "");

	return kbs_judge(step, &answer, &fault);
}

#define TYPE(name) "{\"detail\":\"why\",\"type\":\"https://github.com/confidential-containers/kbs/errors/" name "\"}"

static void errors_are_judged_by_name(void **state)
{
	(void)state;
	assert_int_equal(judge(KBS_AUTH, 200, ""), KBS_OK);
	assert_int_equal(judge(KBS_AUTH, 500, ""), KBS_LATER);
	assert_int_equal(judge(KBS_AUTH, 429, ""), KBS_LATER);
	assert_int_equal(judge(KBS_AUTH, 204, ""), KBS_NEVER);
	assert_int_equal(judge(KBS_AUTH, 301, ""), KBS_NEVER);
	assert_int_equal(judge(KBS_RESOURCE, 401, TYPE("TokenNotFound")), KBS_ANEW);
	assert_int_equal(judge(KBS_ATTEST, 401, TYPE("TokenNotFound")), KBS_NEVER);
	/* Newer ones say 403. */
	assert_int_equal(judge(KBS_RESOURCE, 403, TYPE("PolicyDeny")), KBS_NEVER);
	assert_non_null(strstr(fault.text, "403 PolicyDeny (why): its resource policy"));
}

static void nothing_of_an_error_is_obeyed(void **state)
{
	static const char *const odd[] = {
		"", "{", "{\"type\":7}", "{\"type\":\"a/b c\",\"detail\":\"\\u001b[0m\\n\"}",
		"{\"type\":\"/\",\"detail\":\"x\"}", TYPE("PolicyDeny\\u0000"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		assert_int_equal(judge(KBS_RESOURCE, 401, odd[i]), KBS_NEVER);
		assert_non_null(strstr(fault.text, "without a reason"));
		assert_null(strpbrk(fault.text, "\x1b\n"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_digest_is_the_brokers),
		cmocka_unit_test(what_is_sent_is_what_the_protocol_says),
		cmocka_unit_test(a_nonce_is_taken_as_it_is),
		cmocka_unit_test(errors_are_judged_by_name),
		cmocka_unit_test(nothing_of_an_error_is_obeyed),
	};

	return cmocka_run_group_tests_name("kbs", tests, NULL, NULL);
}
