// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret keygen, and table check, which are about files of the owner's. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/exitcode.h"
#include "lib/guid.h"
#include "owner/commands.h"
#include "support.h"
#include "table.h"

#define RUN(command, ...) \
	run(command, (char *[]){ __VA_ARGS__, NULL }, sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *))
#define KEYGEN(...) RUN(keygen_main, "keygen", __VA_ARGS__)
#define CHECK(...) RUN(table_check_main, "check", __VA_ARGS__)

static int run(int (*command)(int argc, char **argv), char **argv, int argc)
{
	log_forget();
	return command(argc, argv);
}

static void read_key(const char *path, char *bytes, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char more;

	assert_true(fd >= 0);
	assert_int_equal(read(fd, bytes, size), size);
	assert_int_equal(read(fd, &more, 1), 0);
	close(fd);
}

static void each_key_is_another(void **state)
{
	static const char zero[16];
	char one[32], two[32], long_one[512];
	struct stat st;

	(void)state;
	umask(0);
	assert_int_equal(KEYGEN("-o", "one"), EXIT_OPENED);
	assert_int_equal(KEYGEN("--output", "two", "--bytes", "32"), EXIT_OPENED);
	assert_int_equal(KEYGEN("-o", "long", "--bytes", "512"), EXIT_OPENED);
	read_key("one", one, sizeof(one));
	read_key("two", two, sizeof(two));
	read_key("long", long_one, sizeof(long_one));
	assert_memory_not_equal(one, two, 16);
	assert_memory_not_equal(one + 16, two + 16, 16);
	assert_memory_not_equal(long_one + 496, zero, 16);
	assert_int_equal(stat("one", &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
}

static void a_key_is_not_lost(void **state)
{
	(void)state;
	assert_int_equal(KEYGEN("-o", "key"), EXIT_OPENED);
	uint64_t before = file_digest("key");

	assert_int_equal(KEYGEN("-o", "key"), EXIT_CONFIG);
	assert_non_null(strstr(log_text(), "--force"));
	assert_int_equal(symlink("absent", "link"), 0);
	assert_int_equal(KEYGEN("-o", "link"), EXIT_CONFIG);
	assert_int_equal(access("absent", F_OK), -1);
	assert_true(file_digest("key") == before);
	assert_int_equal(KEYGEN("-o", "key", "--force"), EXIT_OPENED);
	assert_true(file_digest("key") != before);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(KEYGEN("-o", "folder", "--force"), EXIT_CONFIG);
	assert_int_equal(KEYGEN("-o", "nowhere/key"), EXIT_IO);
}

static void bad_usage_makes_no_key(void **state)
{
	(void)state;
	assert_int_equal(KEYGEN("-o", "key", "--bytes", "31"), EXIT_CONFIG);
	assert_int_equal(KEYGEN("-o", "key", "--bytes", "513"), EXIT_CONFIG);
	assert_int_equal(KEYGEN("-o", "key", "--bytes", "32k"), EXIT_CONFIG);
	assert_int_equal(KEYGEN("-o", "key", "--bytes", ""), EXIT_CONFIG);
	assert_int_equal(KEYGEN("-o", "key", "more"), EXIT_CONFIG);
	assert_int_equal(KEYGEN("key"), EXIT_CONFIG);
	assert_int_equal(KEYGEN("-o"), EXIT_CONFIG);
	assert_int_equal(access("key", F_OK), -1);
}

static uint8_t table[0xc00];

/* A table of one secret of @size bytes, or of the same one twice. */
static uint32_t make_table(uint32_t size, int count)
{
	static const uint8_t table_guid[] = SECRET_TABLE_GUID;
	uint8_t guid[GUID_BYTES];
	uint32_t at = SECRET_HEAD_SIZE;

	memset(table, 0, sizeof(table));
	guid_to_efi(GUID_DISK_KEY, guid);
	for (int i = 0; i < count; i++) {
		secret_head_write(table + at, guid, SECRET_HEAD_SIZE + size);
		memset(table + at + SECRET_HEAD_SIZE, 'k', size);
		at += SECRET_HEAD_SIZE + size;
	}
	secret_head_write(table, table_guid, at);
	return at;
}

#define CHECKED(size) (write_file("table", table, size), CHECK("table"))

static void a_good_table_is_taken(void **state)
{
	(void)state;
	assert_int_equal(make_table(32, 1), 72);
	assert_int_equal(CHECKED(80), EXIT_OPENED);
	assert_string_equal(log_text(), "");
	assert_int_equal(CHECKED(0xc00), EXIT_OPENED);
	assert_int_equal(CHECK("table", "--max", "0xbff"), EXIT_CONFIG);
	assert_non_null(strstr(log_text(), "1 bytes over"));
	make_table(31, 1);
	assert_int_equal(CHECKED(80), EXIT_OPENED);
	assert_non_null(strstr(log_text(), "warning"));
}

static void a_fault_is_named_with_its_place(void **state)
{
	(void)state;
	make_table(32, 1);
	assert_int_equal(CHECKED(72), EXIT_CONFIG);
	assert_non_null(strstr(log_text(), "72 bytes are not a multiple of 16"));
	assert_int_equal(CHECKED(64), EXIT_CONFIG);
	assert_non_null(strstr(log_text(), "longer than its area"));
	table[79] = 1;
	assert_int_equal(CHECKED(80), EXIT_CONFIG);
	assert_non_null(strstr(log_text(), "byte 79"));
	make_table(32, 2);
	assert_int_equal(CHECKED(128), EXIT_CONFIG);
	assert_non_null(strstr(log_text(), "entry 1 at offset 72 has the GUID of an earlier entry"));
	make_table(32, 1);
	table[20 + 16]++;
	assert_int_equal(CHECKED(80), EXIT_CONFIG);
	assert_non_null(strstr(log_text(), "entry 0 at offset 20 reaches past"));
	table[0]++;
	assert_int_equal(CHECKED(80), EXIT_CONFIG);
	assert_non_null(strstr(log_text(), "no secret table"));
	assert_int_equal(CHECKED(0), EXIT_CONFIG);
	assert_int_equal(CHECK("absent"), EXIT_IO);
	assert_int_equal(CHECK("table", "more"), EXIT_CONFIG);
	assert_int_equal(CHECK("--max", "0", "table"), EXIT_CONFIG);
	assert_int_equal(CHECK("--min", "table"), EXIT_CONFIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_scratch, leave_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_key_is_another),
		TEST(a_key_is_not_lost),
		TEST(bad_usage_makes_no_key),
		TEST(a_good_table_is_taken),
		TEST(a_fault_is_named_with_its_place),
	};

	return cmocka_run_group_tests_name("keygen", tests, NULL, NULL);
}
