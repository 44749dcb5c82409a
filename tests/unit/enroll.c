// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret enroll, seal and verify on image files, what breaks a seal, and what a cut leaves. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "document.h"
#include "exitcode.h"
#include "header.h"
#include "open.h"
#include "policy.h"
#include "seal.h"
#include "support.h"

#define OTHER "11111111-2222-3333-4444-555555555555"

enum { DIED = 99, BLOCK = 4096, HEADERS = 1 << 20 };

static const char *const keys[] = { "owner's own key, 32 bytes long..", "launch key one, 32 bytes long..." };
static const char new_key[] = "launch key two, 32 bytes long...";
static const struct volume volume = { .name = "root", .secret = GUID_DISK_KEY };
static struct fault fault;

/* A block that is written while this counts down to nothing is written by half, and all ends. */
static int writes_left;

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	if (writes_left > 0 && size == BLOCK && --writes_left == 0) {
		syscall(SYS_pwrite64, fd, bytes, size / 2, at);
		_exit(DIED);
	}
	return syscall(SYS_pwrite64, fd, bytes, size, at);
}

#define RUN(command, ...) run(command, (char *[]){ __VA_ARGS__, NULL })

static int run(int (*command)(int argc, char **argv), char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	log_forget();
	return command(argc, argv);
}

#define ENROLL(...) RUN(enroll_main, "enroll", "image", "--key-file", "owner", __VA_ARGS__)
#define SEAL(...) RUN(seal_main, "seal", "image", __VA_ARGS__)
#define VERIFY(...) RUN(verify_main, "verify", "image", __VA_ARGS__)

/* The header and key slots of an image, with the launch key and without. */
static char plain[HEADERS], enrolled[HEADERS];

static void save(char headers[HEADERS])
{
	int fd = open("image", O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, headers, HEADERS, 0), HEADERS);
	close(fd);
}

static void put_back(const char headers[HEADERS])
{
	int fd = open("image", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(ftruncate(fd, IMAGE_SIZE), 0);
	assert_int_equal(pwrite(fd, headers, HEADERS, 0), HEADERS);
	close(fd);
}

static int begin(void **state)
{
	int r = enter_scratch(state);

	if (plain[0]) {
		put_back(plain);
	} else {
		make_image("image", keys, 1);
		save(plain);
	}
	write_file("owner", keys[0], KEY_SIZE);
	write_file("one", keys[1], KEY_SIZE);
	write_file("two", new_key, KEY_SIZE);
	write_file(GUID_DISK_KEY, keys[1], KEY_SIZE);
	return r;
}

static int begin_enrolled(void **state)
{
	int r = begin(state);

	if (enrolled[0]) {
		put_back(enrolled);
	} else {
		assert_int_equal(ENROLL("--new-key-file", "one"), EXIT_OPENED);
		save(enrolled);
	}
	return r;
}

/* As volume_open does, up to the mapping: that is for machines with device-mapper. */
static int open_with(const char *key, const char *name)
{
	CLEANUP(header_free) struct crypt_device *cd = NULL;
	CLEANUP(document_free) struct json_object *document = NULL;
	const struct secret secret = { .bytes = (unsigned char *)key, .size = KEY_SIZE };
	struct policy_layout layout;
	struct token token;
	int r = header_load(&cd, "root", "image", &fault);

	if (r == 0)
		r = document_take(cd, &document, &fault);
	if (r == 0)
		r = policy_check(document, false, &layout, &fault);
	if (r == 0)
		r = seal_check(document, GUID_DISK_KEY, &secret, name, &token, &fault);
	if (r == 0)
		r = crypt_activate_by_passphrase(cd, NULL, token.slot, key, KEY_SIZE, 0) ==
		    token.slot ? EXIT_OPENED : EXIT_WRONG_KEY;
	return r;
}

static bool slot_opens(int slot, const char *key)
{
	CLEANUP(header_free) struct crypt_device *cd = NULL;

	return header_load(&cd, "root", "image", &fault) == 0 &&
	       crypt_activate_by_passphrase(cd, NULL, slot, key, KEY_SIZE, 0) == slot;
}

static void what_is_enrolled_is_sealed(void **state)
{
	(void)state;
	assert_int_equal(VERIFY("--key-file", "one"), EXIT_HEADER);
	assert_non_null(strstr(log_text(), "no cocosecret token"));
	assert_int_equal(ENROLL("--new-key-file", "one"), EXIT_OPENED);
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
		r = volume_open(&volume, "image", AT_FDCWD, AT_FDCWD, &fault);
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
		if (volume_open(&volume, "image", AT_FDCWD, AT_FDCWD, &fault) != EXIT_HEADER ||
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

	(void)state;
	assert_int_equal(crypt_init(&cd, "image"), 0);
	assert_int_equal(crypt_load(cd, CRYPT_LUKS2, NULL), 0);
	set_label(cd);
	crypt_free(cd);
	assert_int_equal(open_with(keys[1], "root"), EXIT_HEADER);
	assert_int_equal(SEAL("--key-file", "two"), EXIT_WRONG_KEY);
	assert_int_equal(SEAL("--key-file", "one"), EXIT_OPENED);
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
}

static void what_the_policy_refuses_is_not_sealed(void **state)
{
	uint64_t before;

	(void)state;
	edit_header("image", "\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\"",
		    "\"iv_tweak\":\"0\",\"encryption\":\"cipher_null-ecb\"");
	before = file_digest("image");
	assert_int_equal(SEAL("--key-file", "one"), EXIT_HEADER);
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
	assert_int_equal(SEAL("--key-file", "two"), EXIT_OPENED);
	assert_int_equal(open_with(new_key, "root"), EXIT_OPENED);
	assert_int_equal(open_with(keys[1], "root"), EXIT_HEADER);
}

static void a_sealed_name_binds(void **state)
{
	static const struct volume other = { .name = "data", .secret = GUID_DISK_KEY };

	(void)state;
	assert_int_equal(ENROLL("--new-key-file", "one", "--name", "root"), EXIT_OPENED);
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
	assert_int_equal(volume_open(&other, "image", AT_FDCWD, AT_FDCWD, &fault), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "\"root\""));
	assert_int_equal(VERIFY("--key-file", "one", "--name", "root"), EXIT_OPENED);
	assert_int_equal(VERIFY("--key-file", "one", "--name", "data"), EXIT_HEADER);
}

/* Runs the enrolment of a second key to its @write-th write; false where it came to its end. */
static bool cut(int write)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		writes_left = write;
		_exit(ENROLL("--new-key-file", "two", "--also", GUID_DISK_KEY "=one"));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == DIED || WEXITSTATUS(status) == EXIT_OPENED);
	return WEXITSTATUS(status) == DIED;
}

/* A few of the writes to the key slot's area, and all to the two copies of the header. */
static void cut_at_each_write(void)
{
	enum { AREA_WRITES = 258048 / BLOCK };
	static char before[HEADERS];
	int write;

	save(before);
	for (write = 1; cut(write); write += write < AREA_WRITES ? AREA_WRITES / 2 : 1) {
		assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
		assert_true(slot_opens(0, keys[0]));
		put_back(before);
	}
	assert_true(write >= AREA_WRITES + 4);
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
	assert_int_equal(open_with(new_key, "root"), EXIT_OPENED);
}

static void damage(off_t at)
{
	int fd = open("image", O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, "damage", 6, at), 6);
	close(fd);
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
		TEST_ENROLLED(what_the_policy_refuses_is_not_sealed),
		TEST(a_detached_header_is_sealed_as_one),
		TEST_ENROLLED(two_owners_are_both_sealed),
		TEST_ENROLLED(force_breaks_the_other_seal_and_says_so),
		TEST_ENROLLED(a_key_is_changed_for_another),
		TEST(a_sealed_name_binds),
		TEST_ENROLLED(a_cut_leaves_a_volume_that_opens),
		TEST_ENROLLED(also_where_one_copy_was_damaged_before),
	};

	/* Every store is synced, which would be most of the time on a disk. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests_name("enroll", tests, NULL, NULL);
}
