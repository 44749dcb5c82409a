// SPDX-License-Identifier: GPL-2.0-or-later
/* The volume key in a token: whom it opens for, and what becomes of it. */
#include "header/volume_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "header/load.h"
#include "header/seal.h"
#include "lib/cleanup.h"
#include "sealed.h"

/* The test vector of cocosecret-seal(5); openssl enc -id-aes256-wrap made the value. */
#define SALT "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="
#define VALUE_ONE "ZoYOmboJ75BqGxnyg9nvfzlL5lFEHVUUSKQ+fQgUIa1j1Kzr1kJKSTekTDp7"
#define VALUE_TWO "OZgdZOezmmBXHESBdGYxvcGXvFbd4ThppdkC"
#define UUID "5AA5C3F0-2D1E-4B1C-8D0C-3F5E5D6A7B8C"

static const char metadata[] = "{\"keyslots\":{\"0\":{\"kdf\":{\"salt\":\"" SALT "\"}}}}";

static struct fault fault;

static struct secret secret_of(const char *key)
{
	return (struct secret){ .bytes = (unsigned char *)key, .size = KEY_SIZE };
}

static void count_up(unsigned char *bytes, size_t size, unsigned char from)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(from + i);
}

/* A volume whose volume key and passphrase are known. */
static void format(const char *path, const unsigned char volume_key[64], const struct secret *secret)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	struct crypt_pbkdf_type pbkdf = { .type = CRYPT_KDF_PBKDF2, .hash = "sha256",
					  .iterations = 1000, .flags = CRYPT_PBKDF_NO_BENCHMARK };
	struct crypt_params_luks2 params = { .sector_size = 512, .pbkdf = &pbkdf };

	write_file(path, "", 0);
	assert_int_equal(truncate(path, IMAGE_SIZE), 0);
	assert_int_equal(crypt_init(&cd, path), 0);
	assert_int_equal(crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", NULL,
				      (const char *)volume_key, 64, &params), 0);
	assert_int_equal(crypt_keyslot_add_by_volume_key(cd, 0, NULL, 0, (char *)secret->bytes,
							 secret->size), 0);
}

static void the_test_vector_holds(void **state)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	CLEANUP(document_free) struct json_object *document =
		document_parse(metadata, NULL, NULL, UUID);
	unsigned char volume_key[64], bytes[KEY_SIZE];
	struct secret secret = { .bytes = bytes, .size = sizeof(bytes) };
	char text[VOLUME_KEY_TEXT_SIZE];

	(void)state;
	count_up(bytes, sizeof(bytes), 0);
	count_up(volume_key, sizeof(volume_key), 0x80);
	format("vector", volume_key, &secret);
	assert_int_equal(header_load(&cd, "root", "vector", &fault), 0);
	assert_int_equal(volume_key_wrap(cd, document, 0, &secret, text), 0);
	assert_string_equal(text, VALUE_ONE VALUE_TWO);
}

/* Where the tests run from the source tree; elsewhere there is nothing to compare with. */
static void the_manual_has_the_same_vector(void **state)
{
	int found = 0;
	char line[256];
	FILE *manual = fopen("man/cocosecret-seal.5", "re");

	(void)state;
	if (!manual)
		skip();
	while (fgets(line, sizeof(line), manual))
		found += strstr(line, VALUE_ONE) || strstr(line, VALUE_TWO) || strstr(line, SALT);
	fclose(manual);
	assert_int_equal(found, 3);
}

struct loaded {
	struct crypt_device *cd;
	struct json_object *document;
	struct token token;
};

static void load(struct loaded *loaded)
{
	assert_int_equal(header_load(&loaded->cd, "root", "image", &fault), 0);
	assert_int_equal(document_take(loaded->cd, &loaded->document, &fault), 0);
	assert_int_equal(token_read(loaded->document, 0, &loaded->token, &fault), 0);
}

static void unload(struct loaded *loaded)
{
	document_free(&loaded->document);
	header_unload(&loaded->cd);
}

static int try(struct loaded *loaded, const char *key)
{
	struct secret secret = secret_of(key);

	return volume_key_activate(loaded->cd, loaded->document, &loaded->token, &secret, NULL, 0);
}

static void what_is_enrolled_has_the_volume_key(void **state)
{
	CLEANUP(unload) struct loaded loaded = { 0 };

	(void)state;
	load(&loaded);
	assert_non_null(loaded.token.volume_key);
	assert_int_equal(try(&loaded, keys[1]), 0);
}

static void another_secret_does_not_unwrap_it(void **state)
{
	CLEANUP(unload) struct loaded loaded = { 0 };

	(void)state;
	load(&loaded);
	assert_int_equal(try(&loaded, keys[0]), -EPERM);
	assert_int_equal(try(&loaded, new_key), -EPERM);
}

static void what_is_not_whole_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "=", "====", "AAAA", "AAA=", "A", "!!!!", VALUE_ONE, VALUE_ONE VALUE_TWO,
		VALUE_ONE VALUE_TWO "AAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	CLEANUP(unload) struct loaded loaded = { 0 };
	char text[4 * VOLUME_KEY_TEXT_SIZE];

	(void)state;
	load(&loaded);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		loaded.token.volume_key = bad[i];
		assert_int_equal(try(&loaded, keys[1]), -EPERM);
	}
	memset(text, 'A', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	loaded.token.volume_key = text;
	for (size_t size = sizeof(text) - 1; size > 0; size--) {
		text[size] = '\0';
		assert_int_equal(try(&loaded, keys[1]), -EPERM);
	}
}

/* What luksKillSlot and erase leave of a header is not enough to unwrap it. */
static void it_goes_with_its_key_slot(void **state)
{
	CLEANUP(unload) struct loaded loaded = { 0 };
	CLEANUP(document_free) struct json_object *after = NULL;

	(void)state;
	load(&loaded);
	assert_int_equal(crypt_keyslot_destroy(loaded.cd, loaded.token.slot), 0);
	assert_int_equal(document_take(loaded.cd, &after, &fault), 0);
	document_free(&loaded.document);
	loaded.document = after;
	after = NULL;
	loaded.token.volume_key = VALUE_ONE VALUE_TWO;
	assert_int_equal(try(&loaded, keys[1]), -EINVAL);
}

static struct json_object *own_token(struct loaded *loaded)
{
	return token_json(loaded->document, 0);
}

/* As a program would that seals, but knows nothing of volume keys. */
static void seal_again(struct loaded *loaded)
{
	struct json_object *seal = document_member(own_token(loaded), "seal", json_type_object);
	struct secret secret = secret_of(keys[1]);
	char value[SEAL_TEXT_SIZE];

	assert_int_equal(seal_compute(loaded->document, &secret, value, &fault), 0);
	json_object_object_add(seal, "value", json_object_new_string(value));
	assert_int_equal(crypt_token_json_set(loaded->cd, 0,
					      json_object_to_json_string(own_token(loaded))), 0);
}

static void without_it_the_key_slot_is_enough(void **state)
{
	CLEANUP(unload) struct loaded loaded = { 0 }, after = { 0 };

	(void)state;
	load(&loaded);
	json_object_object_del(own_token(&loaded), "volume_key");
	seal_again(&loaded);
	assert_int_equal(VERIFY("--key-file", "one"), EXIT_OPENED);
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
	assert_int_equal(SEAL("--key-file", "one"), EXIT_OPENED);
	load(&after);
	assert_int_equal(try(&after, keys[1]), 0);
}

static void another_volumes_is_told_and_replaced(void **state)
{
	CLEANUP(unload) struct loaded loaded = { 0 };
	struct json_object *wrapped;

	(void)state;
	load(&loaded);
	wrapped = document_member(own_token(&loaded), "volume_key", json_type_object);
	json_object_object_add(wrapped, "value", json_object_new_string(VALUE_ONE VALUE_TWO));
	seal_again(&loaded);
	assert_int_equal(VERIFY("--key-file", "one"), EXIT_OPENED);
	assert_non_null(strstr(log_text(), "not this volume's"));
	assert_int_equal(SEAL("--key-file", "one"), EXIT_OPENED);
	assert_int_equal(VERIFY("--key-file", "one"), EXIT_OPENED);
	assert_null(strstr(log_text(), "not this volume's"));
}

/* A newer program's way to wrap it is no reason to refuse the header. */
static void one_of_an_unknown_kind_is_left_alone(void **state)
{
	CLEANUP(unload) struct loaded loaded = { 0 };
	struct json_object *wrapped;

	(void)state;
	load(&loaded);
	wrapped = document_member(own_token(&loaded), "volume_key", json_type_object);
	json_object_object_add(wrapped, "alg", json_object_new_string("other"));
	assert_int_equal(token_read(loaded.document, 0, &loaded.token, &fault), 0);
	assert_null(loaded.token.volume_key);
	json_object_object_add(own_token(&loaded), "volume_key", json_object_new_string("x"));
	assert_int_equal(token_read(loaded.document, 0, &loaded.token, &fault), 0);
	assert_null(loaded.token.volume_key);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, begin_enrolled, leave_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(the_test_vector_holds),
		cmocka_unit_test(the_manual_has_the_same_vector),
		WITH(what_is_enrolled_has_the_volume_key),
		WITH(another_secret_does_not_unwrap_it),
		WITH(what_is_not_whole_is_refused),
		WITH(it_goes_with_its_key_slot),
		WITH(without_it_the_key_slot_is_enough),
		WITH(another_volumes_is_told_and_replaced),
		WITH(one_of_an_unknown_kind_is_left_alone),
	};

	sealed_use_memory();
	return cmocka_run_group_tests_name("volume_key", tests, NULL, NULL);
}
