// SPDX-License-Identifier: GPL-2.0-or-later
/* Hostile metadata, each made from a good one by one replacement, and the word it is refused with. */
#include "header/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/exitcode.h"
#include "support.h"

#define SLOT(name, offset, kdf) \
	"\"" name "\":{\"type\":\"luks2\",\"key_size\":64,\"af\":{\"type\":\"luks1\"," \
	"\"stripes\":4000,\"hash\":\"sha256\"},\"area\":{\"type\":\"raw\",\"offset\":\"" offset "\"," \
	"\"size\":\"258048\",\"encryption\":\"aes-xts-plain64\",\"key_size\":64},\"kdf\":{" kdf "}}"
#define PBKDF2 "\"type\":\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"AA==\""
#define ARGON2 "\"type\":\"argon2id\",\"time\":4,\"memory\":1048576,\"cpus\":4,\"salt\":\"AA==\""

static const char good[] =
	"{\"keyslots\":{" SLOT("0", "32768", PBKDF2) "," SLOT("1", "290816", ARGON2) "},"
	"\"tokens\":{},"
	"\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":\"dynamic\","
	"\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":512}},"
	"\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"keyslots\":[\"0\",\"1\"],\"segments\":[\"0\"],"
	"\"hash\":\"sha256\",\"iterations\":100000,\"salt\":\"AA==\",\"digest\":\"AA==\"}},"
	"\"config\":{\"json_size\":\"12288\",\"keyslots_size\":\"16744448\","
	"\"requirements\":{\"mandatory\":[]}}}";

#define SEGMENT_CIPHER "\"0\",\"encryption\":\"aes-xts-plain64\""
#define AREA_CIPHER "\"258048\",\"encryption\":\"aes-xts-plain64\""
#define INTEGRITY(type) ",\"integrity\":{\"type\":\"" type "\",\"journal_encryption\":\"none\"," \
	"\"journal_integrity\":\"none\"}"

static const struct edit {
	const char *find, *replace, *word;
} refused[] = {
	{ SEGMENT_CIPHER, "\"0\",\"encryption\":\"cipher_null-ecb\"", "encryption \"cipher_null-ecb\"" },
	{ SEGMENT_CIPHER, "\"0\",\"encryption\":\"aes-ecb\"", "encryption \"aes-ecb\"" },
	{ SEGMENT_CIPHER, "\"0\",\"encryption\":\"aes-cbc-essiv:sha256\"", "not allowed" },
	{ SEGMENT_CIPHER, "\"0\",\"encryption\":\"capi:xts(aes)-plain64\"", "capi:xts" },
	{ SEGMENT_CIPHER, "\"0\",\"encryption\":\"aes-xts-plain64\\u0000x\"", "not a text" },
	{ SEGMENT_CIPHER, "\"0\",\"encryption\":\"aes-gcm-random\"", "with this integrity" },
	{ SEGMENT_CIPHER, "\"0\",\"encryption\":7", "not a text" },
	{ AREA_CIPHER, "\"258048\",\"encryption\":\"cipher_null-ecb\"", "key slot 0's area: encryption" },
	{ AREA_CIPHER, "\"258048\",\"encryption\":\"null\"", "\"null\" is not allowed" },
	{ "\"dynamic\"", "\"1048576\"", "size \"1048576\"" },
	{ "\"iv_tweak\":\"0\"", "\"iv_tweak\":\"8\"", "iv_tweak" },
	{ "\"type\":\"crypt\"", "\"type\":\"linear\"", "type \"linear\"" },
	{ "\"16777216\"", "\"4096\"", "within the header" },
	{ "\"16777216\"", "\"-1\"", "out of bounds" },
	{ "\"16777216\"", "\"016777216\"", "out of bounds" },
	{ "\"16777216\"", "\"18446744073709551616\"", "out of bounds" },
	{ "\"16777216\"", "16777216", "out of bounds" },
	{ "\"16777216\"", "\" 16777216\"", "out of bounds" },
	{ "\"sector_size\":512", "\"sector_size\":768", "sector_size" },
	{ "\"sector_size\":512", "\"sector_size\":8192", "sector_size" },
	{ "\"sector_size\":512", "\"sector_size\":512.0", "not an integer" },
	{ "\"sector_size\":512", "\"sector_size\":512,\"flags\":[\"backup-final\"]", "flags" },
	{ "\"segments\":{\"0\"", "\"segments\":{\"1\":{},\"0\"", "exactly one segment" },
	{ "\"segments\":{\"0\"", "\"segments\":{\"1\"", "exactly one segment" },
	{ "\"sector_size\":512", "\"sector_size\":512" INTEGRITY("poly1305"), "poly1305" },
	{ "\"sector_size\":512", "\"sector_size\":512" INTEGRITY("aead"), "with this integrity" },
	{ "\"sector_size\":512", "\"sector_size\":512,\"integrity\":{\"type\":\"hmac(sha256)\"}",
	  "journal_encryption is missing" },
	{ "\"sector_size\":512", "\"sector_size\":512" INTEGRITY("hmac(sha512)"), "key_size" },
	{ "\"type\":\"luks2\"", "\"type\":\"reencrypt\"", "type \"reencrypt\"" },
	{ "\"key_size\":64", "\"key_size\":16", "key_size" },
	{ "\"stripes\":4000", "\"stripes\":2", "stripes" },
	{ "\"hash\":\"sha256\"},\"area\"", "\"hash\":\"md5\"},\"area\"", "hash \"md5\"" },
	{ "\"offset\":\"32768\"", "\"offset\":\"0\"", "outside the key-slot areas" },
	{ "\"offset\":\"32768\"", "\"offset\":\"16777216\"", "outside the key-slot areas" },
	{ "\"offset\":\"32768\"", "\"offset\":\"9223372036854775807\"", "outside the key-slot" },
	{ "\"iterations\":1000,", "\"iterations\":4294967295,", "key slot 0's kdf: iterations" },
	{ "\"iterations\":1000,", "\"iterations\":1,", "iterations" },
	{ "\"iterations\":1000,", "\"iterations\":99999999999999999999999,", "iterations" },
	{ "\"memory\":1048576", "\"memory\":4194304", "key slot 1's kdf: memory" },
	{ "\"time\":4", "\"time\":1000000", "time" },
	{ "\"cpus\":4", "\"cpus\":5", "cpus" },
	{ "\"type\":\"argon2id\"", "\"type\":\"scrypt\"", "type \"scrypt\"" },
	{ "\"iterations\":100000,", "\"iterations\":4294967295,", "digest 0: iterations" },
	{ "\"segments\":[\"0\"]", "\"segments\":[]", "exactly one digest" },
	{ "\"segments\":[\"0\"]", "\"segments\":[0]", "not a list of texts" },
	{ "\"digests\":{", "\"digests\":{\"1\":{\"type\":\"pbkdf2\",\"keyslots\":[],\"segments\":[\"0\"],"
	  "\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"\",\"digest\":\"\"},", "exactly one digest" },
	{ "\"mandatory\":[]", "\"mandatory\":[\"online-reencrypt-v2\"]", "requirements" },
	{ "\"mandatory\":[]", "\"new\":[]", "requirements" },
	{ "\"json_size\":\"12288\"", "\"json_size\":\"0\"", "json_size" },
	{ "\"json_size\":\"12288\"", "\"json_size\":\"12289\"", "4096" },
	{ "\"keyslots_size\":\"16744448\"", "\"keyslots_size\":\"99999999999\"", "keyslots_size" },
	{ "\"tokens\":{}", "\"tokens\":[]", "tokens is not an object" },
	{ "\"tokens\":{},", "", "tokens is missing" },
	{ "\"tokens\":{}", "\"tokens\":{},\"more\":{}", "more is not known" },
	{ "\"config\":{", "\"config\":{\"\\u001b[2J\":1,", "\\x1b[2J is not known" },
}, accepted[] = {
	{ "\"sector_size\":512", "\"sector_size\":4096", "" },
	{ "\"cpus\":4", "\"cpus\":1", "" },
	{ "\"type\":\"luks2\"", "\"type\":\"luks2\",\"priority\":2", "" },
	{ "\"sector_size\":512", "\"sector_size\":512" INTEGRITY("hmac(sha256)"), "" },
	{ ",\"requirements\":{\"mandatory\":[]}", "", "" },
	{ "\"mandatory\":[]}", "\"mandatory\":[]},\"flags\":[\"allow-discards\"]", "" },
};

static struct fault fault;

static int check(const struct edit *edit, unsigned int terms)
{
	const char *at = strstr(good, edit->find);
	struct json_object *document;
	struct policy_layout layout;
	char text[8192];
	int r;

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, edit->replace,
		 at + strlen(edit->find));
	/* The key sizes of two slots change together, as do those of one with hmac(sha256). */
	fault = (struct fault){ "" };
	document = document_parse(text, "", "", "");
	assert_non_null(document);
	if (strstr(edit->replace, "hmac(sha256)\",\"journal"))
		for (int slot = 0; slot < 2; slot++) {
			struct json_object *object = json_object_object_get(document, "metadata");

			object = json_object_object_get(object, "keyslots");
			object = json_object_object_get(object, slot ? "1" : "0");
			json_object_object_add(object, "key_size", json_object_new_int(96));
		}
	r = policy_check(document, terms, &layout, &fault);
	json_object_put(document);
	return r;
}

static void a_good_header_is_accepted(void **state)
{
	static const struct edit none = { "", "", "" };

	(void)state;
	assert_int_equal(check(&none, 0), EXIT_OPENED);
	for (size_t i = 0; i < sizeof(accepted) / sizeof(*accepted); i++)
		if (check(&accepted[i], 0) != EXIT_OPENED)
			fail_msg("%s: %s", accepted[i].replace, fault.text);
}

static void each_hostile_one_is_refused_by_its_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (check(&refused[i], 0) != EXIT_HEADER || !strstr(fault.text, refused[i].word))
			fail_msg("%s: \"%s\", not \"%s\"", refused[i].replace, fault.text,
				 refused[i].word);
}

static void integrity_is_had_where_it_is_wanted(void **state)
{
	static const struct edit none = { "", "", "" };

	(void)state;
	assert_int_equal(check(&none, POLICY_INTEGRITY), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "option integrity"));
	assert_int_equal(check(&accepted[3], POLICY_INTEGRITY), EXIT_OPENED);
}

static void a_detached_header_takes_no_room_on_the_device(void **state)
{
	static const struct edit moved = { "\"16777216\"", "\"0\"", "" };

	(void)state;
	assert_int_equal(check(&moved, 0), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "within the header"));
	assert_int_equal(check(&moved, POLICY_DETACHED), EXIT_OPENED);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (strcmp(refused[i].word, "within the header") != 0)
			assert_int_equal(check(&refused[i], POLICY_DETACHED), EXIT_HEADER);
}

static void metadata_that_is_no_object_is_no_document(void **state)
{
	static const char *const bad[] = { "", "7", "[]", "{}x", "{", "{\"a\":1}{}", "null" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_null(document_parse(bad[i], "", "", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_header_is_accepted),
		cmocka_unit_test(each_hostile_one_is_refused_by_its_word),
		cmocka_unit_test(integrity_is_had_where_it_is_wanted),
		cmocka_unit_test(a_detached_header_takes_no_room_on_the_device),
		cmocka_unit_test(metadata_that_is_no_object_is_no_document),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
