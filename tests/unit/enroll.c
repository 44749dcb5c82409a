// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret enroll, seal and verify on image files, what breaks a seal, and what a cut leaves. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot/open.h"
#include "header/load.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"
#include "sealed.h"
#include "support.h"

static const struct anchors no_anchors = { 0 };
static const struct open_terms open_terms = { AT_FDCWD, AT_FDCWD, -1, &no_anchors };
static const struct volume volume = { .name = "root", .secret = GUID_DISK_KEY };
static struct fault fault;

static void what_is_enrolled_is_sealed(void **state)
{
	(void)state;
	assert_int_equal(VERIFY("--key-file", "one"), EXIT_HEADER);
	assert_non_null(strstr(log_text(), "no cocosecret token"));
	assert_int_equal(ENROLL("--new-key-file", "one"), EXIT_OPENED);
	assert_string_equal(log_text(), "enroll: image: sealed without --name: it never becomes the "
			    "root unless cocotab or the measured command line says so, and a host can "
			    "show it in place of another volume without a name\n");
	assert_int_equal(VERIFY("--key-file", "one"), EXIT_OPENED);
	assert_int_equal(VERIFY("--key-file", "two"), EXIT_WRONG_KEY);
	assert_int_equal(VERIFY("--key-file", "one", "--secret", OTHER), EXIT_HEADER);
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
	assert_int_equal(open_with(new_key, "root"), EXIT_HEADER);
	assert_true(slot_opens(0, keys[0]));
}

static void bad_usage_and_bad_keys_change_nothing(void **state)
{
	uint64_t before = file_digest("image");

	(void)state;
	write_file("short", keys[1], KEY_SIZE - 1);
	assert_int_equal(ENROLL("--new-key-file", "short"), EXIT_CONFIG);
	assert_int_equal(ENROLL("--new-key-file", "absent"), EXIT_IO);
	assert_int_equal(ENROLL("--new-key-file", "one", "--secret", "x"), EXIT_CONFIG);
	assert_int_equal(ENROLL("--new-key-file", "one", "--name", "a/b"), EXIT_CONFIG);
	assert_int_equal(ENROLL("--new-key-file", "one", "--also", "one"), EXIT_CONFIG);
	assert_int_equal(ENROLL("--new-key-file", "one", "second"), EXIT_CONFIG);
	assert_int_equal(ENROLL("--new-key-file"), EXIT_CONFIG);
	assert_int_equal(RUN(enroll_main, "enroll", "image", "--key-file", "one"), EXIT_CONFIG);
	assert_int_equal(SEAL("--key-file", "one", "--name", "root"), EXIT_CONFIG);
	assert_int_equal(SEAL("--key-file", "one"), EXIT_HEADER);
	assert_int_equal(RUN(enroll_main, "enroll", "image", "--key-file", "two", "--new-key-file",
			     "one"), EXIT_WRONG_KEY);
	assert_int_equal(RUN(enroll_main, "enroll", "absent", "--key-file", "two", "--new-key-file",
			     "one"), EXIT_IO);
	assert_true(file_digest("image") == before);
}

static void set_label(struct crypt_device *cd)
{
	assert_int_equal(crypt_set_label(cd, "another", NULL), 0);
}

static void set_subsystem(struct crypt_device *cd)
{
	assert_int_equal(crypt_set_label(cd, NULL, "another"), 0);
}

static void set_uuid(struct crypt_device *cd)
{
	assert_int_equal(crypt_set_uuid(cd, "5aa5c3f0-2d1e-4b1c-8d0c-3f5e5d6a7b8c"), 0);
}

static void add_keyslot(struct crypt_device *cd)
{
	assert_int_equal(crypt_keyslot_add_by_passphrase(cd, 7, keys[0], KEY_SIZE, "x", 1), 7);
}

static void set_flags(struct crypt_device *cd)
{
	assert_int_equal(crypt_persistent_flags_set(cd, CRYPT_FLAGS_ACTIVATION,
						    CRYPT_ACTIVATE_ALLOW_DISCARDS), 0);
}

static void set_priority(struct crypt_device *cd)
{
	assert_int_equal(crypt_keyslot_set_priority(cd, 0, CRYPT_SLOT_PRIORITY_PREFER), 0);
}

static void strip_token(struct crypt_device *cd)
{
	assert_int_equal(crypt_token_json_set(cd, 0, NULL), 0);
}

static void double_token(struct crypt_device *cd)
{
	const char *json;

	assert_int_equal(crypt_token_json_get(cd, 0, &json), 0);
	assert_int_equal(crypt_token_json_set(cd, CRYPT_ANY_TOKEN, json), 1);
}

static void add_other_token(struct crypt_device *cd)
{
	assert_int_equal(crypt_token_json_set(cd, CRYPT_ANY_TOKEN,
					      "{\"type\":\"other\",\"keyslots\":[]}"), 1);
}

/* Each is a change that libcryptsetup makes, with which the volume would open. */
static void every_change_breaks_the_seal(void **state)
{
	static void (*const changes[])(struct crypt_device *cd) = {
		set_label, set_subsystem, set_uuid, add_keyslot, set_flags, set_priority,
		strip_token, double_token, add_other_token,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct crypt_device *cd;
		int r;

		leave_scratch(state);
		begin_enrolled(state);
		assert_int_equal(crypt_init(&cd, "image"), 0);
		assert_int_equal(crypt_load(cd, CRYPT_LUKS2, NULL), 0);
		changes[i](cd);
		crypt_free(cd);
		r = volume_open(&volume, "image", &open_terms, &fault);
		if (r != EXIT_HEADER)
			fail_msg("change %zu: %d", i, r);
		assert_int_equal(VERIFY("--key-file", "one"), EXIT_HEADER);
	}
}

/* And these are what a host writes by itself. */
static void every_edit_breaks_the_seal(void **state)
{
	static const char *const edits[][2] = {
		{ "\"sector_size\":4096", "\"sector_size\":512" },
		{ "\"offset\":\"16777216\"", "\"offset\":\"16781312\"" },
		{ "\"iv_tweak\":\"0\"", "\"iv_tweak\":\"8\"" },
		{ "\"size\":\"dynamic\"", "\"size\":\"1048576\"" },
		{ "\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\"",
		  "\"iv_tweak\":\"0\",\"encryption\":\"cipher_null-ecb\"" },
		{ "\"type\":\"crypt\"", "\"type\":\"linear\"" },
		{ "\"hash\":\"sha256\",\"iterations\":1000", "\"hash\":\"sha256\",\"iterations\":1001" },
		{ "\"keyslots\":[\"1\"]", "\"keyslots\":[\"0\"]" },
		{ "\"secret\":", "\"name\":\"root\",\"secret\":" },
		{ "\"alg\":\"hmac-sha256\"", "\"alg\":\"none\"" },
		{ "\"alg\":\"hmac-sha256\",", "\"alg\":\"hmac-sha256\",\"x\":1," },
		{ "\"config\":{", "\"config\":{\"x\":1.5," },
		{ "\"config\":{", "\"x\":{},\"config\":{" },
		{ "\"value\":\"", "\"value\":\"x" },
		{ "\"value\":\"", "\"lost\":\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
		leave_scratch(state);
		begin_enrolled(state);
		edit_header("image", edits[i][0], edits[i][1]);
		if (volume_open(&volume, "image", &open_terms, &fault) != EXIT_HEADER ||
		    VERIFY("--key-file", "one") == EXIT_OPENED)
			fail_msg("%s: %s", edits[i][1], fault.text);
	}
}

static void the_same_content_is_the_same_seal(void **state)
{
	(void)state;
	edit_header("image", "", "");
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
	edit_header("image", "\"sector_size\":4096", "\"sector_size\": 4096");
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
}

static void a_wanted_change_is_sealed_again(void **state)
{
	struct crypt_device *cd;
	uint64_t before;

	(void)state;
	assert_int_equal(crypt_init(&cd, "image"), 0);
	assert_int_equal(crypt_load(cd, CRYPT_LUKS2, NULL), 0);
	set_label(cd);
	crypt_free(cd);
	assert_int_equal(open_with(keys[1], "root"), EXIT_HEADER);
	before = file_digest("image");
	assert_int_equal(SEAL("--key-file", "two", "--force"), EXIT_WRONG_KEY);
	assert_int_equal(SEAL("--key-file", "one"), EXIT_HEADER);
	assert_non_null(strstr(log_text(), "one did not seal what it says (token 0); nothing was "
			       "changed; if all of it is yours, seal it with --force"));
	assert_true(file_digest("image") == before);
	assert_int_equal(SEAL("--key-file", "one", "--force"), EXIT_OPENED);
	assert_int_equal(SEAL("--key-file", "one"), EXIT_OPENED);
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
}

/* A host's changes, which the policy lets pass. */
static void change_as_a_host(void)
{
	edit_header("image", "\"keyslots_size\":\"16744448\"",
		    "\"keyslots_size\":\"16744448\",\"flags\":[\"allow-discards\"]");
	edit_header("image", "\"sector_size\":4096", "\"sector_size\":512");
	edit_header("image", "\"offset\":\"16777216\"", "\"offset\":\"16781312\"");
}

#define ALSO "--also", GUID_DISK_KEY "=one"

static void what_a_host_changed_is_not_sealed(void **state)
{
	uint64_t before;

	(void)state;
	change_as_a_host();
	before = file_digest("image");
	assert_int_equal(VERIFY("--key-file", "one"), EXIT_HEADER);
	assert_int_equal(ENROLL("--new-key-file", "two", ALSO), EXIT_HEADER);
	assert_non_null(strstr(log_text(), "the header of image is refused: one did not seal what it "
			       "says (token 0); nothing was changed; cocosecret seal shows"));
	/* Which is about other tokens, in all commands but seal. */
	assert_int_equal(ENROLL("--new-key-file", "two", ALSO, "--force"), EXIT_HEADER);
	assert_int_equal(ENROLL("--new-key-file", "two", "--secret", OTHER, ALSO, "--force"),
			 EXIT_HEADER);
	assert_int_equal(RUN(enroll_main, "enroll", "image", "--key-file", "one", "--new-key-file",
			     "two", "--force"), EXIT_HEADER);
	assert_int_equal(RUN(rotate_main, "rotate", "image", "--key-file", "one", "--new-key-file",
			     "two", "--force"), EXIT_HEADER);
	assert_int_equal(SEAL("--key-file", "one"), EXIT_HEADER);
	assert_true(file_digest("image") == before);
}

/* A host takes the token away that its owner names. */
static void a_token_that_is_not_there_is_missed(void **state)
{
	static const char *const edits[][2] = {
		{ "\"type\":\"cocosecret\"", "\"type\":\"x\"" },
		{ "\"keyslots\":[\"1\"]", "\"keyslots\":[\"0\"]" },
		{ "\"secret\":\"7", "\"secret\":\"8" },
	};

	for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
		uint64_t before;

		leave_scratch(state);
		begin_enrolled(state);
		edit_header("image", edits[i][0], edits[i][1]);
		before = file_digest("image");
		assert_int_equal(ENROLL("--new-key-file", "two", ALSO, "--force"), EXIT_HEADER);
		assert_non_null(strstr(log_text(), "the header of image is refused"));
		assert_int_equal(RUN(seal_main, "seal", "image", "--key-file", "two", "--secret", OTHER,
				     ALSO, "--force"), EXIT_HEADER);
		assert_true(file_digest("image") == before);
	}
}

static void also_wants_the_token_that_it_names(void **state)
{
	(void)state;
	assert_int_equal(ENROLL("--new-key-file", "one", "--also", OTHER "=two"), EXIT_HEADER);
	assert_non_null(strstr(log_text(), "it has no token for secret " OTHER " that two sealed, or "
			       "whose key slot it opens; nothing was changed"));
}

/* Of the keys given, each one counts. */
static void the_seal_of_each_key_is_asked_for(void **state)
{
	uint64_t before;

	(void)state;
	assert_int_equal(ENROLL("--new-key-file", "two", "--secret", OTHER, "--force"), EXIT_OPENED);
	before = file_digest("image");
	write_file("three", "launch key three, 32 bytes long..", KEY_SIZE);
	assert_int_equal(ENROLL("--new-key-file", "three", ALSO, "--also", OTHER "=two"), EXIT_HEADER);
	assert_int_equal(SEAL("--key-file", "two", "--secret", OTHER, ALSO), EXIT_HEADER);
	assert_true(file_digest("image") == before);
	assert_int_equal(SEAL("--key-file", "two", "--secret", OTHER, ALSO, "--force"), EXIT_OPENED);
	assert_int_equal(ENROLL("--new-key-file", "three", ALSO, "--also", OTHER "=two"), EXIT_OPENED);
}

static void what_the_policy_refuses_is_not_sealed(void **state)
{
	uint64_t before;

	(void)state;
	edit_header("image", "\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\"",
		    "\"iv_tweak\":\"0\",\"encryption\":\"cipher_null-ecb\"");
	before = file_digest("image");
	assert_int_equal(SEAL("--key-file", "one", "--force"), EXIT_HEADER);
	assert_non_null(strstr(log_text(), "cipher_null"));
	assert_true(file_digest("image") == before);
}

/* Its data begins where on a disk it would be itself. */
static void a_detached_header_is_sealed_as_one(void **state)
{
	(void)state;
	edit_header("image", "\"type\":\"crypt\",\"offset\":\"16777216\"",
		    "\"type\":\"crypt\",\"offset\":\"0\"");
	assert_int_equal(ENROLL("--new-key-file", "one"), EXIT_HEADER);
	assert_non_null(strstr(log_text(), "within the header"));
	assert_int_equal(ENROLL("--new-key-file", "one", "--header", "image"), EXIT_CONFIG);
	assert_int_equal(RUN(enroll_main, "enroll", "--header", "image", "--key-file", "owner",
			     "--new-key-file", "one"), EXIT_OPENED);
	assert_int_equal(RUN(seal_main, "seal", "--header", "image", "--key-file", "one"),
			 EXIT_OPENED);
	assert_int_equal(RUN(verify_main, "verify", "--header", "image", "--key-file", "one"),
			 EXIT_OPENED);
	assert_int_equal(VERIFY("--key-file", "one"), EXIT_HEADER);
}

static void two_owners_are_both_sealed(void **state)
{
	uint64_t before = file_digest("image");

	(void)state;
	assert_int_equal(ENROLL("--new-key-file", "two", "--secret", OTHER), EXIT_HEADER);
	assert_non_null(strstr(log_text(), "token 0 is for secret " GUID_DISK_KEY));
	assert_true(file_digest("image") == before);
	assert_int_equal(ENROLL("--new-key-file", "two", "--secret", OTHER, "--also",
				GUID_DISK_KEY "=one"), EXIT_OPENED);
	assert_int_equal(VERIFY("--key-file", "one"), EXIT_OPENED);
	assert_int_equal(VERIFY("--key-file", "two", "--secret", OTHER), EXIT_OPENED);
	assert_int_not_equal(VERIFY("--key-file", "two"), EXIT_OPENED);
	assert_int_equal(SEAL("--key-file", "two", "--secret", OTHER), EXIT_HEADER);
	assert_int_equal(SEAL("--key-file", "two", "--secret", OTHER, "--force"), EXIT_OPENED);
}

static void force_breaks_the_other_seal_and_says_so(void **state)
{
	(void)state;
	assert_int_equal(ENROLL("--new-key-file", "two", "--secret", OTHER, "--force"), EXIT_OPENED);
	assert_non_null(strstr(log_text(), "token 0 is left without"));
	assert_int_equal(VERIFY("--key-file", "one"), EXIT_HEADER);
	assert_int_equal(VERIFY("--key-file", "two", "--secret", OTHER), EXIT_OPENED);
}

/* The same secret's next key: both open until the old one is taken out. */
static void a_key_is_changed_for_another(void **state)
{
	struct crypt_device *cd;

	(void)state;
	assert_int_equal(RUN(enroll_main, "enroll", "image", "--key-file", "one", "--new-key-file",
			     "two"), EXIT_OPENED);
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
	assert_int_equal(open_with(new_key, "root"), EXIT_OPENED);
	assert_int_equal(crypt_init(&cd, "image"), 0);
	assert_int_equal(crypt_load(cd, CRYPT_LUKS2, NULL), 0);
	assert_int_equal(crypt_token_json_set(cd, 0, NULL), 0);
	assert_int_equal(crypt_keyslot_destroy(cd, 1), 0);
	crypt_free(cd);
	assert_int_equal(open_with(new_key, "root"), EXIT_HEADER);
	assert_int_equal(SEAL("--key-file", "two", "--force"), EXIT_OPENED);
	assert_int_equal(open_with(new_key, "root"), EXIT_OPENED);
	assert_int_equal(open_with(keys[1], "root"), EXIT_HEADER);
}

static void a_sealed_name_binds(void **state)
{
	static const struct volume other = { .name = "data", .secret = GUID_DISK_KEY };

	(void)state;
	assert_int_equal(ENROLL("--new-key-file", "one", "--name", "root"), EXIT_OPENED);
	assert_string_equal(log_text(), "");
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
	assert_int_equal(volume_open(&other, "image", &open_terms, &fault), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "\"root\""));
	assert_int_equal(VERIFY("--key-file", "one", "--name", "root"), EXIT_OPENED);
	assert_int_equal(VERIFY("--key-file", "one", "--name", "data"), EXIT_HEADER);
}

static int enroll_second(void)
{
	return ENROLL("--new-key-file", "two", "--also", GUID_DISK_KEY "=one");
}

/* A few of the writes to the key slot's area, and all to the two copies of the header. */
static void cut_at_each_write(void)
{
	enum { AREA_WRITES = 258048 / BLOCK };
	static char before[HEADERS];
	int write;

	save(before);
	for (write = 1; cut(enroll_second, write); write += write < AREA_WRITES ? AREA_WRITES / 2 : 1) {
		assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
		assert_true(slot_opens(0, keys[0]));
		put_back(before);
	}
	assert_true(write >= AREA_WRITES + 4);
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
	assert_int_equal(open_with(new_key, "root"), EXIT_OPENED);
}

static void a_cut_leaves_a_volume_that_opens(void **state)
{
	(void)state;
	cut_at_each_write();
}

static void also_where_one_copy_was_damaged_before(void **state)
{
	static const off_t copies[] = { 0x1000, 0x5000 };

	for (size_t i = 0; i < 2; i++) {
		leave_scratch(state);
		begin_enrolled(state);
		damage(copies[i]);
		cut_at_each_write();
		damage(copies[1 - i]);
		assert_int_equal(open_with(new_key, "root"), EXIT_OPENED);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, leave_scratch)
#define TEST_ENROLLED(name) cmocka_unit_test_setup_teardown(name, begin_enrolled, leave_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_enrolled_is_sealed),
		TEST(bad_usage_and_bad_keys_change_nothing),
		TEST_ENROLLED(every_change_breaks_the_seal),
		TEST_ENROLLED(every_edit_breaks_the_seal),
		TEST_ENROLLED(the_same_content_is_the_same_seal),
		TEST_ENROLLED(a_wanted_change_is_sealed_again),
		TEST_ENROLLED(what_a_host_changed_is_not_sealed),
		TEST_ENROLLED(a_token_that_is_not_there_is_missed),
		TEST(also_wants_the_token_that_it_names),
		TEST_ENROLLED(the_seal_of_each_key_is_asked_for),
		TEST_ENROLLED(what_the_policy_refuses_is_not_sealed),
		TEST(a_detached_header_is_sealed_as_one),
		TEST_ENROLLED(two_owners_are_both_sealed),
		TEST_ENROLLED(force_breaks_the_other_seal_and_says_so),
		TEST_ENROLLED(a_key_is_changed_for_another),
		TEST(a_sealed_name_binds),
		TEST_ENROLLED(a_cut_leaves_a_volume_that_opens),
		TEST_ENROLLED(also_where_one_copy_was_damaged_before),
	};

	sealed_use_memory();
	return cmocka_run_group_tests_name("enroll", tests, NULL, NULL);
}
