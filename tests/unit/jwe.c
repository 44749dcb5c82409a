// SPDX-License-Identifier: GPL-2.0-or-later
#include "jwe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"

#define PLAIN "secret-32-bytes-of-disk-key-here"

static struct jwe_key key;

static int load_key(void **state)
{
	(void)state;
	load_vector_key(&key);
	return 0;
}

static int forget_key(void **state)
{
	(void)state;
	jwe_forget_key(&key);
	return 0;
}

static int open_text(const char *text)
{
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	int r = jwe_open(&key, text, &secret);

	assert_int_equal(r == 0, secret.size > 0);
	if (r == 0)
		assert_memory_equal(secret.bytes, PLAIN, secret.size);
	return r == 0 ? (int)secret.size : r;
}

static void the_vector_opens(void **state)
{
	(void)state;
	assert_int_equal(open_text(VECTOR), sizeof(PLAIN) - 1);
	/* In any order. */
	assert_int_equal(open_text(" {" TAG "," TEXT ", " IV "," HEADER "," WRAPPED "}\n"), sizeof(PLAIN) - 1);
}

static void a_changed_character_is_seen(void **state)
{
	char text[] = VECTOR;
	const char *const members[] = { "protected\":\"", "encrypted_key\":\"", "iv\":\"", "ciphertext\":\"",
					"tag\":\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		for (char *at = strstr(text, members[i]) + strlen(members[i]); *at != '"'; at++) {
			char old = *at;

			*at = old == 'A' ? 'B' : 'A';
			assert_int_equal(open_text(text), -EBADMSG);
			*at = old;
		}
	assert_int_equal(open_text(text), sizeof(PLAIN) - 1);
}

static void only_these_members_are_taken(void **state)
{
	static const char *const wrong[] = {
		"", "{}", "[]", VECTOR "{}", "{" HEADER "," WRAPPED "," IV "," TEXT "}",
		"{" HEADER "," WRAPPED "," IV "," TEXT "," TAG ",\"aad\":\"\"}",
		"{" HEADER "," WRAPPED "," IV "," TEXT "," TAG ",\"unprotected\":{}}",
		"{" HEADER "," WRAPPED "," IV "," TEXT "," TAG ",\"header\":{}}",
		"{" HEADER "," WRAPPED "," IV "," TEXT "," TAG ",\"recipients\":[]}",
		"{" HEADER "," WRAPPED "," IV "," TEXT ",\"tag\":\"HNcq9cmYoxOWG-nUP1hK\"}",
		"{" HEADER "," WRAPPED "," IV "," TEXT ",\"tag\":\"HNcq9cmYoxOWG-nUP1hKtA==\"}",
		"{" HEADER "," WRAPPED "," IV ",\"ciphertext\":\"\"," TAG "}",
		"{" HEADER "," WRAPPED "," IV ",\"ciphertext\":7," TAG "}",
		"{" HEADER "," WRAPPED ",\"iv\":\"ecXTD_yr1iEp76ujAAAA\"," TEXT "," TAG "}",
		/* The header itself, not its text. */
		"{\"protected\":{}," WRAPPED "," IV "," TEXT "," TAG "}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(open_text(wrong[i]), -EBADMSG);
}

/* As open_text(), with another header over it: whatever it is, it was not authenticated; but it must
 * not come so far. */
static int open_header(const char *header)
{
	char coded[BASE64_TEXT_SIZE(512)], text[2048];

	base64_encode(header, strlen(header), BASE64URL, coded);
	snprintf(text, sizeof(text), "{\"protected\":\"%s\"," WRAPPED "," IV "," TEXT "," TAG "}", coded);
	return open_text(text);
}

static void only_these_algorithms_are_known(void **state)
{
	static const char *const wrong[] = {
		"{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" X
		"\",\"y\":\"" Y "\"}}",
		"{\"alg\":\"" JWE_ALGORITHM "\",\"enc\":\"A256GCM\"}",
		"{\"alg\":\"" JWE_ALGORITHM "\",\"enc\":\"A256GCM\",\"epk\":{\"crv\":\"P-256\",\"kty\":\"EC\","
		"\"x\":\"" X "\",\"y\":\"" X "\"}}",
		"not JSON",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(open_header(wrong[i]), -EBADMSG);
}

static void another_key_opens_nothing(void **state)
{
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	struct jwe_key other;

	(void)state;
	assert_int_equal(jwe_make_key(&other), 0);
	assert_int_equal(strlen(other.x), 43);
	assert_int_equal(strlen(other.y), 43);
	assert_int_equal(jwe_open(&other, VECTOR, &secret), -EBADMSG);
	jwe_forget_key(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vector_opens),
		cmocka_unit_test(a_changed_character_is_seen),
		cmocka_unit_test(only_these_members_are_taken),
		cmocka_unit_test(only_these_algorithms_are_known),
		cmocka_unit_test(another_key_opens_nothing),
	};

	return cmocka_run_group_tests_name("jwe", tests, load_key, forget_key);
}
