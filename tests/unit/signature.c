// SPDX-License-Identifier: GPL-2.0-or-later
/* The owner's signature, against values that another implementation computed. */
#include "header/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header/seal.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "support.h"

/* The test vector of cocosecret-seal(5), with the first key of RFC 8032, section 7.1. */
#define UUID  "5AA5C3F0-2D1E-4B1C-8D0C-3F5E5D6A7B8C"
#define KEY   "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define URL   "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define OTHER "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"
#define VALUE "KiHsWANaqwsmVMN3+LaR5iZjZckCVx3MBbqbY5t0gw2DD2yU/nNp8PFH6kgq/FvEKkkfTlmJa4XBQW7fBshNBA=="
#define SEAL  "zeCMint4TvmOpLByp7zsXT70BVXs+EafQMyIue4sXDs="
#define SLOT  "\"1\":{\"type\":\"luks2\"}"
/* Of Python, with a key slot, as a token must name one. */
#define SIGNATURE(alg, key, value) \
	"\"signature\":{\"alg\":\"" alg "\",\"key\":\"" key "\",\"value\":\"" value "\"}"

static const char metadata[] =
	"{\"tokens\":{\"0\":{\"type\":\"cocosecret\",\"keyslots\":[\"1\"],\"secret\":\"" GUID_DISK_KEY
	"\",\"seal\":{\"alg\":\"hmac-sha256\",\"value\":\"any\"},%s},\"1\":{\"type\":\"other\","
	"\"keyslots\":[],\"seal\":{\"value\":\"kept\"}}},\"digests\":{},\"config\":{\"json_size\":"
	"\"12288\",\"keyslots_size\":\"16744448\"},\"segments\":{\"0\":{\"sector_size\":4096,"
	"\"offset\":\"16777216\"}},\"keyslots\":{%s}}";

/* The private half, which RFC 8032 tells everybody. */
static const unsigned char seed[] = {
	0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
	0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
};

static struct fault fault;

static struct json_object *document(const char *signature, const char *keyslots)
{
	struct json_object *object;
	char text[2048];

	snprintf(text, sizeof(text), metadata, signature, keyslots);
	object = document_parse(text, "root", NULL, UUID);
	assert_non_null(object);
	return object;
}

static bool vector_holds(const char *url)
{
	CLEANUP(document_free) struct json_object *object =
		document(SIGNATURE("ed25519", KEY, "any"), "");
	unsigned char bytes[SIGNATURE_BYTES];
	CLEANUP(free_text) char *message = NULL;
	struct anchors anchors = { 0 };
	size_t length;

	assert_int_equal(anchors_add_text(&anchors, slice_of(url), &fault), 0);
	assert_int_equal(signature_message(object, &message, &length, &fault), 0);
	assert_memory_equal(message, "cocosecret signature v1\0{\"label\":\"root\"", 39);
	assert_int_equal(base64_decode(slice_of(VALUE), BASE64, bytes, sizeof(bytes)), SIGNATURE_BYTES);
	return signature_holds(&anchors.list[0], message, length, bytes);
}

static void the_test_vector_holds(void **state)
{
	(void)state;
	assert_true(vector_holds(URL));
	assert_false(vector_holds(OTHER));
}

static void the_seal_covers_whose_signature_it_is(void **state)
{
	CLEANUP(document_free) struct json_object *object =
		document(SIGNATURE("ed25519", KEY, "any"), "");
	unsigned char bytes[32];
	const struct secret secret = { .bytes = bytes, .size = sizeof(bytes) };
	char value[SEAL_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(seal_compute(object, &secret, value, &fault), EXIT_OPENED);
	assert_string_equal(value, SEAL);
}

/* Where the tests run from the source tree; elsewhere there is nothing to compare with. */
static void the_manual_has_the_same_vector(void **state)
{
	FILE *manual = fopen("man/cocosecret-seal.5", "re");
	int found = 0;
	char line[256];

	(void)state;
	if (!manual)
		skip();
	while (fgets(line, sizeof(line), manual))
		found += strstr(line, SEAL) || strncmp(VALUE, line, strlen(line) - 1) == 0;
	fclose(manual);
	assert_true(found >= 2);
}

static int check(const char *signature, const char *url, const char *words)
{
	CLEANUP(document_free) struct json_object *object = document(signature, SLOT);
	struct anchors anchors = { 0 };
	char owner[SIGNATURE_KEY_TEXT_SIZE] = "";
	int r;

	if (url)
		assert_int_equal(anchors_add_text(&anchors, slice_of(url), &fault), 0);
	fault = (struct fault){ 0 };
	r = signature_check(object, &anchors, owner, &fault);
	assert_string_equal(owner, "");
	if (words && !strstr(fault.text, words))
		fail_msg("%s", fault.text);
	return r;
}

static void without_an_anchor_nothing_is_looked_for(void **state)
{
	(void)state;
	assert_int_equal(check("\"a\":0", NULL, NULL), EXIT_OPENED);
	assert_int_equal(check(SIGNATURE("ed25519", KEY, "any"), "none", NULL), EXIT_OPENED);
}

/* The vector is of a header without the key slot, so another one by that. */
static void anything_but_the_owners_own_signature_is_refused(void **state)
{
	(void)state;
	assert_int_equal(check("\"a\":0", URL, "no owner has signed it"), EXIT_HEADER);
	assert_int_equal(check("\"signature\":\"" VALUE "\"", URL, "no owner"), EXIT_HEADER);
	assert_int_equal(check("\"signature\":{}", URL, "no owner"), EXIT_HEADER);
	assert_int_equal(check(SIGNATURE("none", KEY, VALUE), URL, "no owner"), EXIT_HEADER);
	assert_int_equal(check(SIGNATURE("ed25519", KEY, VALUE), OTHER, "another owner's"), EXIT_HEADER);
	assert_int_equal(check(SIGNATURE("ed25519", URL, VALUE), URL, "another owner's"), EXIT_HEADER);
	assert_int_equal(check(SIGNATURE("ed25519", "", VALUE), URL, "another owner's"), EXIT_HEADER);
	assert_int_equal(check(SIGNATURE("ed25519", KEY, VALUE), URL, "is wrong"), EXIT_HEADER);
	assert_int_equal(check(SIGNATURE("ed25519", KEY, ""), URL, "is wrong"), EXIT_HEADER);
	assert_int_equal(check(SIGNATURE("ed25519", KEY, VALUE "AAAA"), URL, "is wrong"), EXIT_HEADER);
}

/* Of two owners, while one takes the other's place. */
static void it_is_told_whose_it_is(void **state)
{
	static const char format[] = "\"signature\":{\"alg\":\"ed25519\",\"key\":\"" KEY "\",\"value\":\"%s\"}";
	unsigned char bytes[SIGNATURE_BYTES];
	char value[SIGNATURE_TEXT_SIZE], owner[SIGNATURE_KEY_TEXT_SIZE] = "", member[sizeof(format) + sizeof(value)];
	CLEANUP(document_free) struct json_object *unsigned_yet = NULL, *object = NULL;
	CLEANUP(free_text) char *message = NULL;
	struct anchors anchors = { 0 };
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	size_t length;

	(void)state;
	snprintf(member, sizeof(member), format, "any");
	unsigned_yet = document(member, SLOT);
	assert_int_equal(signature_message(unsigned_yet, &message, &length, &fault), 0);
	assert_true(signature_make(key, message, length, bytes));
	base64_encode(bytes, sizeof(bytes), BASE64, value);
	snprintf(member, sizeof(member), format, value);
	object = document(member, SLOT);
	assert_int_equal(anchors_add_text(&anchors, slice_of(OTHER), &fault), 0);
	assert_int_equal(anchors_add_text(&anchors, slice_of(URL), &fault), 0);
	assert_int_equal(signature_check(object, &anchors, owner, &fault), EXIT_OPENED);
	assert_string_equal(owner, URL);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_test_vector_holds),
		cmocka_unit_test(the_seal_covers_whose_signature_it_is),
		cmocka_unit_test(the_manual_has_the_same_vector),
		cmocka_unit_test(without_an_anchor_nothing_is_looked_for),
		cmocka_unit_test(anything_but_the_owners_own_signature_is_refused),
		cmocka_unit_test(it_is_told_whose_it_is),
	};

	return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
