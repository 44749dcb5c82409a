// SPDX-License-Identifier: GPL-2.0-or-later
/* The canonical form and the seal, against values that another implementation computed. */
#include "header/seal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header/canonical.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "support.h"

/* The test vector of cocosecret-seal(5). */
#define UUID "5AA5C3F0-2D1E-4B1C-8D0C-3F5E5D6A7B8C"
#define VALUE "1UAptrq4srWMQHctitsNu7hr6MM3IW3d7TlGi/uu7vE="

static const char metadata[] =
	"{\"tokens\":{\"0\":{\"type\":\"cocosecret\",\"keyslots\":[\"1\"],\"secret\":\"" GUID_DISK_KEY
	"\",\"seal\":{\"alg\":\"hmac-sha256\",\"value\":\"%s\"}},\"1\":{\"type\":\"other\","
	"\"keyslots\":[],\"seal\":{\"value\":\"kept\"}}},\"digests\":{},\"config\":{\"json_size\":"
	"\"12288\",\"keyslots_size\":\"16744448\"},\"segments\":{\"0\":{\"sector_size\":4096,"
	"\"offset\":\"16777216\"}},\"keyslots\":{%s}}";
static const char canonical[] =
	"{\"label\":\"root\",\"metadata\":{\"config\":{\"json_size\":\"12288\",\"keyslots_size\":"
	"\"16744448\"},\"digests\":{},\"keyslots\":{},\"segments\":{\"0\":{\"offset\":\"16777216\","
	"\"sector_size\":4096}},\"tokens\":{\"0\":{\"keyslots\":[\"1\"],\"seal\":{\"alg\":"
	"\"hmac-sha256\"},\"secret\":\"" GUID_DISK_KEY "\",\"type\":\"cocosecret\"},\"1\":{"
	"\"keyslots\":[],\"seal\":{\"value\":\"kept\"},\"type\":\"other\"}}},\"subsystem\":\"\","
	"\"uuid\":\"" UUID "\"}";

static unsigned char bytes[32];
static const struct secret secret = { .bytes = bytes, .size = sizeof(bytes) };
static struct fault fault;

static struct json_object *document(const char *seal, const char *keyslots)
{
	struct json_object *object;
	char text[2048];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	snprintf(text, sizeof(text), metadata, seal, keyslots);
	object = document_parse(text, "root", NULL, UUID);
	assert_non_null(object);
	return object;
}

static void the_test_vector_holds(void **state)
{
	CLEANUP(document_free) struct json_object *object = document("any", "");
	CLEANUP(free_text) char *text = NULL;
	char value[SEAL_TEXT_SIZE];
	size_t length;

	(void)state;
	assert_int_equal(seal_text(object, &text, &length), 0);
	assert_string_equal(text, canonical);
	assert_int_equal(length, strlen(canonical));
	assert_int_equal(seal_compute(object, &secret, value, &fault), EXIT_OPENED);
	assert_string_equal(value, VALUE);
}

/* Where the tests run from the source tree; elsewhere there is nothing to compare with. */
static void the_manual_has_the_same_vector(void **state)
{
	FILE *manual = fopen("man/cocosecret-seal.5", "re");
	bool found = false;
	char line[256];

	(void)state;
	if (!manual)
		skip();
	while (fgets(line, sizeof(line), manual))
		found |= strstr(line, VALUE) != NULL;
	fclose(manual);
	assert_true(found);
}

static void json_has_one_canonical_form(void **state)
{
	static const struct {
		const char *json, *canonical;
		int r;
	} cases[] = {
		{ " { \"b\" : [ 1 , -0, true ] , \"a\" : null , \"B\":{} } ",
		  "{\"B\":{},\"a\":null,\"b\":[1,0,true]}", 0 },
		{ "{\"a\":1,\"a\":2}", "{\"a\":2}", 0 },
		{ "\"\\u00f6/\\/\\\"\\n\\u001f\\u007f\\u0000\"", "\"\xc3\xb6//\\\"\\n\\u001f\x7f\\u0000\"", 0 },
		{ "[18446744073709551615,-9223372036854775808]",
		  "[18446744073709551615,-9223372036854775808]", 0 },
		{ "{\"\\u00ff\":1,\"\\ud83d\\ude00\":2,\"\\uffee\":3,\"z\":4}",
		  "{\"z\":4,\"\xc3\xbf\":1,\"\xef\xbf\xae\":3,\"\xf0\x9f\x98\x80\":2}", 0 },
		{ "[1.0]", NULL, -EDOM },
		{ "{\"a\":{\"b\":1e3}}", NULL, -EDOM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP(document_free) struct json_object *object = json_tokener_parse(cases[i].json);
		CLEANUP(free_text) char *text = NULL;
		size_t length;

		assert_int_equal(canonical_json(object, &text, &length), cases[i].r);
		if (cases[i].canonical)
			assert_string_equal(text, cases[i].canonical);
	}
}

static void nesting_has_an_end(void **state)
{
	struct json_object *object = json_object_new_array();
	CLEANUP(free_text) char *text = NULL;
	size_t length;

	(void)state;
	for (int depth = 0; depth < 100; depth++) {
		struct json_object *outer = json_object_new_array();

		json_object_array_add(outer, object);
		object = outer;
	}
	assert_int_equal(canonical_json(object, &text, &length), -ELOOP);
	json_object_put(object);
}

static void a_short_secret_and_an_odd_uuid_seal_nothing(void **state)
{
	CLEANUP(document_free) struct json_object *object = document("any", "");
	const struct secret small = { .bytes = bytes, .size = SEAL_SECRET_MIN - 1 };
	char value[SEAL_TEXT_SIZE];

	(void)state;
	assert_int_equal(seal_compute(object, &small, value, &fault), EXIT_WRONG_KEY);
	json_object_object_add(object, "uuid", json_object_new_string(UUID "0"));
	assert_int_equal(seal_compute(object, &secret, value, &fault), EXIT_HEADER);
	json_object_object_add(object, "uuid", json_object_new_string(""));
	assert_int_equal(seal_compute(object, &secret, value, &fault), EXIT_HEADER);
}

static int check(const char *seal, const char *name, struct token *token)
{
	static const char slot[] = "\"1\":{\"type\":\"luks2\"}";
	CLEANUP(document_free) struct json_object *object = document("", slot);
	CLEANUP(document_free) struct json_object *sealed = NULL;
	char value[SEAL_TEXT_SIZE];

	assert_int_equal(seal_compute(object, &secret, value, &fault), EXIT_OPENED);
	sealed = document(seal ? seal : value, slot);
	return seal_check(sealed, name, &secret, token, &fault);
}

static void only_the_right_value_is_a_seal(void **state)
{
	struct token token;

	(void)state;
	assert_int_equal(check(NULL, GUID_DISK_KEY, &token), EXIT_OPENED);
	assert_int_equal(token.slot, 1);
	assert_int_equal(check("", GUID_DISK_KEY, &token), EXIT_HEADER);
	assert_int_equal(check(VALUE, GUID_DISK_KEY, &token), EXIT_HEADER);
	assert_int_equal(check(NULL, "11111111-2222-3333-4444-555555555555", &token), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "no cocosecret token"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_test_vector_holds),
		cmocka_unit_test(the_manual_has_the_same_vector),
		cmocka_unit_test(json_has_one_canonical_form),
		cmocka_unit_test(nesting_has_an_end),
		cmocka_unit_test(a_short_secret_and_an_odd_uuid_seal_nothing),
		cmocka_unit_test(only_the_right_value_is_a_seal),
	};

	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
