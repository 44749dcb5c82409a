// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret rotate on image files, and what it leaves where it is cut off at each of its writes. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "header/keyslot.h"
#include "header/load.h"
#include "header/token.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"
#include "sealed.h"
#include "support.h"

#define ROTATE(...) RUN(rotate_main, "rotate", "image", "--key-file", "one", __VA_ARGS__)

static struct fault fault;

static bool any_slot_opens(const char *key)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;

	assert_int_equal(header_load(&cd, "root", "image", &fault), 0);
	return crypt_activate_by_passphrase(cd, NULL, CRYPT_ANY_SLOT, key, KEY_SIZE, 0) >= 0;
}

/* A key slot without a token; the result is libcryptsetup's. */
static int add_slot(int slot, const char *key)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;

	assert_int_equal(header_load(&cd, "root", "image", &fault), 0);
	assert_int_equal(keyslot_make_cheap(cd), 0);
	return crypt_keyslot_add_by_passphrase(cd, slot, keys[0], KEY_SIZE, key, KEY_SIZE);
}

static int rotate(void)
{
	return ROTATE("--new-key-file", "two");
}

static int rotate_besides_another(void)
{
	return ROTATE("--new-key-file", "two", "--also", OTHER "=three");
}

struct area {
	off_t at;
	size_t size;
	char bytes[HEADERS];
};

static void find_area(int slot, struct area *area)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	uint64_t at, size;
	int fd = open("image", O_RDONLY | O_CLOEXEC);

	assert_int_equal(header_load(&cd, "root", "image", &fault), 0);
	assert_int_equal(crypt_keyslot_area(cd, slot, &at, &size), 0);
	area->at = (off_t)at;
	area->size = size;
	assert_true(size <= sizeof(area->bytes));
	assert_int_equal(pread(fd, area->bytes, size, area->at), size);
	close(fd);
}

/* One block of it would do: the anti-forensic splitter needs them all, but let us not rely on it. */
static bool is_left(const struct area *area)
{
	static char now[HEADERS];
	int fd = open("image", O_RDONLY | O_CLOEXEC);
	bool left = false;

	assert_int_equal(pread(fd, now, area->size, area->at), area->size);
	close(fd);
	for (size_t i = 0; i < area->size; i += BLOCK / 2)
		left |= memcmp(now + i, area->bytes + i, BLOCK / 2) == 0;
	return left;
}

static void what_is_rotated_opens_with_the_new_key_only(void **state)
{
	static struct area old;

	(void)state;
	assert_int_equal(ENROLL("--new-key-file", "two", "--name", "root", "--secret", OTHER,
				"--also", GUID_DISK_KEY "=one"), EXIT_OPENED);
	find_area(2, &old);
	write_file("three", "launch key three, 32 bytes long..", KEY_SIZE);
	assert_int_equal(RUN(rotate_main, "rotate", "image", "--key-file", "two", "--new-key-file",
			     "three", "--secret", OTHER, "--also", GUID_DISK_KEY "=one"), EXIT_OPENED);
	assert_string_equal(log_text(), "");
	assert_int_equal(VERIFY("--key-file", "three", "--secret", OTHER, "--name", "root"),
			 EXIT_OPENED);
	assert_int_equal(VERIFY("--key-file", "three", "--secret", OTHER, "--name", "x"), EXIT_HEADER);
	assert_int_equal(VERIFY("--key-file", "two", "--secret", OTHER), EXIT_WRONG_KEY);
	assert_int_equal(VERIFY("--key-file", "one"), EXIT_OPENED);
	assert_true(slot_opens(0, keys[0]));
	assert_false(any_slot_opens(new_key));
	assert_false(is_left(&old));
}

static void what_cannot_be_rotated_is_left_alone(void **state)
{
	uint64_t before;

	(void)state;
	write_file("same", keys[1], KEY_SIZE);
	before = file_digest("image");
	assert_int_equal(ROTATE("--new-key-file", "same"), EXIT_CONFIG);
	assert_int_equal(ROTATE("--new-key-file"), EXIT_CONFIG);
	assert_int_equal(ROTATE("--new-key-file", "two", "--name", "root"), EXIT_CONFIG);
	assert_int_equal(ROTATE("--new-key-file", "two", "--secret", OTHER), EXIT_HEADER);
	assert_int_equal(RUN(rotate_main, "rotate", "image", "--key-file", "two", "--new-key-file",
			     "owner"), EXIT_WRONG_KEY);
	assert_int_equal(RUN(rotate_main, "rotate", "image", "--key-file", "owner",
			     "--new-key-file", "two"), EXIT_WRONG_KEY);
	assert_true(file_digest("image") == before);
	assert_int_equal(open_with(keys[1], "root"), EXIT_OPENED);
}

static void a_detached_header_is_rotated_as_one(void **state)
{
	(void)state;
	edit_header("image", "\"type\":\"crypt\",\"offset\":\"2097152\"",
		    "\"type\":\"crypt\",\"offset\":\"0\"");
	assert_int_equal(RUN(seal_main, "seal", "--header", "image", "--key-file", "one",
			     "--force"),
			 EXIT_OPENED);
	assert_int_equal(rotate(), EXIT_HEADER);
	assert_int_equal(RUN(rotate_main, "rotate", "--header", "image", "--key-file", "one",
			     "--new-key-file", "two"), EXIT_OPENED);
	assert_int_equal(RUN(verify_main, "verify", "--header", "image", "--key-file", "two"),
			 EXIT_OPENED);
	assert_false(any_slot_opens(keys[1]));
}

/* What seal would seal, whoever did it, rotate does not. */
static void what_is_not_sealed_is_not_rotated(void **state)
{
	uint64_t before;

	(void)state;
	edit_header("image", "\"tokens\":{", "\"tokens\":{\"7\":{\"type\":\"x\",\"keyslots\":[]},");
	before = file_digest("image");
	assert_int_equal(rotate(), EXIT_HEADER);
	assert_non_null(strstr(log_text(), "refused"));
	assert_true(file_digest("image") == before);
}

static void a_key_slot_that_others_use_stays(void **state)
{
	uint64_t before;

	(void)state;
	add_token("image", "{\"type\":\"x\",\"keyslots\":[\"1\"]}");
	assert_int_equal(SEAL("--key-file", "one", "--force"), EXIT_OPENED);
	before = file_digest("image");
	assert_int_equal(rotate(), EXIT_HEADER);
	assert_non_null(strstr(log_text(), "key slot 1 is also that of token 1"));
	assert_true(file_digest("image") == before);
}

static void the_old_keys_other_slot_is_warned_of(void **state)
{
	(void)state;
	assert_int_equal(add_slot(5, keys[1]), 5);
	assert_int_equal(SEAL("--key-file", "one", "--force"), EXIT_OPENED);
	assert_int_equal(rotate(), EXIT_OPENED);
	assert_non_null(strstr(log_text(), "one still opens key slot 5"));
}

static void a_key_that_was_enrolled_before_only_stays(void **state)
{
	(void)state;
	assert_int_equal(RUN(enroll_main, "enroll", "image", "--key-file", "one", "--new-key-file",
			     "two"), EXIT_OPENED);
	assert_int_equal(rotate(), EXIT_OPENED);
	assert_int_equal(open_with(new_key, "root"), EXIT_OPENED);
	assert_int_equal(open_with(keys[1], "root"), EXIT_HEADER);
	assert_false(any_slot_opens(keys[1]));
}

static void without_room_nothing_is_rotated(void **state)
{
	static const char fill[] = "{\"type\":\"x\",\"keyslots\":[]}";
	struct crypt_device *cd;
	uint64_t before;

	(void)state;
	assert_int_equal(crypt_init(&cd, "image"), 0);
	assert_int_equal(crypt_load(cd, CRYPT_LUKS2, NULL), 0);
	for (int token = 1; token < TOKENS_MAX; token++)
		assert_int_equal(crypt_token_json_set(cd, CRYPT_ANY_TOKEN, fill), token);
	crypt_free(cd);
	assert_int_equal(SEAL("--key-file", "one", "--force"), EXIT_OPENED);
	/* No token is needed, ... */
	assert_int_equal(rotate(), EXIT_OPENED);
	/* ... but a key slot is. */
	while (add_slot(CRYPT_ANY_SLOT, keys[0]) >= 0)
		;
	assert_int_equal(SEAL("--key-file", "two", "--force"), EXIT_OPENED);
	before = file_digest("image");
	assert_int_equal(RUN(rotate_main, "rotate", "image", "--key-file", "two", "--new-key-file",
			     "one"), EXIT_IO);
	assert_non_null(strstr(log_text(), "luksKillSlot"));
	assert_true(file_digest("image") == before);
	assert_int_equal(open_with(new_key, "root"), EXIT_OPENED);
}

/* Those of the two headers come between those of the two key slots. */
enum { SLOT_SIZE = 258048, SLOT_WRITES = SLOT_SIZE / BLOCK, SLOTS = 4, HEADER_WRITES = 4, STEP = SLOT_WRITES };

static bool is_near_headers(int write)
{
	return write > SLOT_WRITES && write <= SLOT_WRITES + HEADER_WRITES;
}

/* It takes its time, for it clears all that no key slot has. */
static void rotate_again(int (*command)(void), const struct area *old)
{
	assert_int_equal(command(), EXIT_OPENED);
	assert_int_equal(VERIFY("--key-file", "two"), EXIT_OPENED);
	assert_false(any_slot_opens(keys[1]));
	assert_false(is_left(old));
}

/* The old key or the new one, which is returned, and never none. */
static bool check_cut(bool had_new)
{
	bool new = open_with(new_key, "root") == EXIT_OPENED;

	if (!new && (had_new || open_with(keys[1], "root") != EXIT_OPENED))
		fail_msg("no key opens it, or the old one again");
	assert_int_equal(VERIFY("--key-file", new ? "two" : "one"), EXIT_OPENED);
	assert_true(slot_opens(0, keys[0]));
	return new;
}

static void report(int tried, int after)
{
	print_message("cut at %d writes, opens with the old key after %d of them and with the new "
		      "one after %d\n", tried, tried - after, after);
	assert_true(after > 1 && after < tried - 1);
}

/* Each write by half, which is what the command leaves where it is killed there. */
static void a_rotation_leaves_one_key_at_each_write(void **state)
{
	static struct write writes[WRITES_MAX];
	static char before[HEADERS];
	bool new = false;
	int count, after = 0, fd;

	(void)state;
	save(before);
	count = record_writes(rotate, writes);
	put_back(before);
	assert_true(count >= 2 * SLOT_WRITES + HEADER_WRITES);
	fd = open("image", O_WRONLY | O_CLOEXEC);
	for (int i = 0; i < count; i++) {
		assert_int_equal(pwrite(fd, writes[i].bytes, BLOCK / 2, writes[i].at), BLOCK / 2);
		new = check_cut(new);
		after += new;
		assert_int_equal(pwrite(fd, writes[i].bytes, BLOCK, writes[i].at), BLOCK);
	}
	close(fd);
	report(count, after);
	assert_int_equal(VERIFY("--key-file", "two"), EXIT_OPENED);
	assert_false(any_slot_opens(keys[1]));
}

/* And then the same command ends it. Of the writes to the key slots' areas few are tried. */
static void cut_a_rotation(int (*command)(void))
{
	static char before[HEADERS];
	static struct area old;
	bool new = false;
	int write, tried = 0, after = 0;

	save(before);
	find_area(1, &old);
	for (write = 1; cut(command, write); write += is_near_headers(write) ? 1 : STEP) {
		new = check_cut(new);
		after += new;
		tried++;
		rotate_again(command, &old);
		put_back(before);
	}
	report(tried, after);
	assert_true(write >= 2 * SLOT_WRITES + HEADER_WRITES);
	assert_int_equal(open_with(new_key, "root"), EXIT_OPENED);
	assert_false(is_left(&old));
}

static void a_cut_rotation_is_ended_by_the_next(void **state)
{
	(void)state;
	cut_a_rotation(rotate);
}

static void also_besides_another_secret(void **state)
{
	(void)state;
	write_file("three", "launch key three, 32 bytes long..", KEY_SIZE);
	assert_int_equal(ENROLL("--new-key-file", "three", "--secret", OTHER, "--also",
				GUID_DISK_KEY "=one"), EXIT_OPENED);
	cut_a_rotation(rotate_besides_another);
	assert_int_equal(VERIFY("--key-file", "three", "--secret", OTHER), EXIT_OPENED);
}

static void also_with_a_damaged_copy(void **state)
{
	static const off_t copies[] = { 0x1000, 0x5000 };

	for (size_t i = 0; i < 2; i++) {
		leave_scratch(state);
		begin_enrolled(state);
		damage(copies[i]);
		cut_a_rotation(rotate);
	}
}

static int enroll_a_third(void)
{
	return ENROLL("--new-key-file", "three", "--also", GUID_DISK_KEY "=two");
}

/* One copy is new then and the other one old, whose key slot's area is free to be used again. */
static void a_cut_between_the_copies_and_one_more_leave_a_key(void **state)
{
	static struct write writes[WRITES_MAX];
	static char before[HEADERS], between[HEADERS];
	int fd;

	(void)state;
	write_file("three", "launch key three, 32 bytes long..", KEY_SIZE);
	save(before);
	record_writes(rotate, writes);
	put_back(before);
	fd = open("image", O_WRONLY | O_CLOEXEC);
	for (int i = 0; i < SLOT_WRITES + HEADER_WRITES / 2; i++)
		assert_int_equal(pwrite(fd, writes[i].bytes, BLOCK, writes[i].at), BLOCK);
	close(fd);
	assert_int_equal(open_with(new_key, "root"), EXIT_OPENED);
	save(between);
	for (int i = 1; i <= HEADER_WRITES; i++) {
		assert_true(cut(enroll_a_third, SLOT_WRITES + i));
		assert_int_equal(open_with(new_key, "root"), EXIT_OPENED);
		assert_true(slot_opens(0, keys[0]));
		put_back(between);
	}
}

/* There cryptsetup looks for the sequence number before it writes what it read before. */
static void the_first_copy_is_stored_first(void **state)
{
	static struct write writes[WRITES_MAX];

	(void)state;
	record_writes(rotate, writes);
	assert_int_equal(writes[SLOT_WRITES].at, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_enrolled, leave_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_rotated_opens_with_the_new_key_only),
		TEST(what_cannot_be_rotated_is_left_alone),
		TEST(a_detached_header_is_rotated_as_one),
		TEST(what_is_not_sealed_is_not_rotated),
		TEST(a_key_slot_that_others_use_stays),
		TEST(the_old_keys_other_slot_is_warned_of),
		TEST(a_key_that_was_enrolled_before_only_stays),
		TEST(without_room_nothing_is_rotated),
		TEST(a_rotation_leaves_one_key_at_each_write),
		TEST(a_cut_rotation_is_ended_by_the_next),
		TEST(also_besides_another_secret),
		TEST(also_with_a_damaged_copy),
		TEST(a_cut_between_the_copies_and_one_more_leave_a_key),
		TEST(the_first_copy_is_stored_first),
	};

	/* As small as will do: the header is copied at each of many tries. */
	image_areas_size = SLOTS * SLOT_SIZE;
	sealed_use_memory();
	return cmocka_run_group_tests_name("rotate", tests, NULL, NULL);
}
