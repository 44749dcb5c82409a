// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret table build, and what the parser makes of its tables. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/exitcode.h"
#include "lib/guid.h"
#include "owner/commands.h"
#include "support.h"
#include "table.h"

#define KEY(file) ("11111111-2222-3333-4444-555555555555=" file)

static uint8_t bytes[70000];
static size_t size;

#define BUILD(...) \
	build_with((char *[]){ "build", __VA_ARGS__, NULL }, \
		   sizeof((char *[]){ "build", __VA_ARGS__ }) / sizeof(char *))

static int build_with(char **argv, int argc)
{
	log_forget();
	return table_build_main(argc, argv);
}

static void read_table(void)
{
	int fd = open("table", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_true(n >= 0);
	size = (size_t)n;
}

static void what_is_built_is_what_is_parsed(void **state)
{
	static struct secret_entry entries[8];
	struct secret_table table = { .entries = entries, .capacity = 8 };
	struct secret_fault fault;
	char uuid[GUID_TEXT_SIZE];
	struct stat st;

	(void)state;
	write_file("key", "\0binary\nkey\0", 12);
	write_file("empty", "", 0);
	assert_int_equal(BUILD("-o", "table", "736869E5-84F0-4973-92EC-06879CE3DA0B=key", KEY("empty")), 0);
	read_table();
	assert_int_equal(size % 16, 0);
	assert_int_equal(secret_table_parse(&table, bytes, size, &fault), 0);
	assert_int_equal(table.length, 20 + 32 + 20);
	assert_int_equal(table.count, 2);
	guid_from_efi(entries[0].guid, uuid);
	assert_string_equal(uuid, GUID_DISK_KEY);
	assert_int_equal(entries[0].size, 12);
	assert_memory_equal(bytes + entries[0].offset, "\0binary\nkey\0", 12);
	assert_int_equal(entries[1].size, 0);
	for (size_t i = table.length; i < size; i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(stat("table", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(table_show_main(2, (char *[]){ "show", "table", NULL }), 0);
}

static void a_key_without_a_uuid_is_the_disk_key(void **state)
{
	char uuid[GUID_TEXT_SIZE];

	(void)state;
	write_file("key", "k", 1);
	assert_int_equal(BUILD("-o", "table", "key", KEY("key")), 0);
	read_table();
	guid_from_efi(bytes + SECRET_HEAD_SIZE, uuid);
	assert_string_equal(uuid, GUID_DISK_KEY);
}

static void the_area_is_the_limit(void **state)
{
	static const uint8_t key[4096];

	(void)state;
	write_file("fits", key, 0xc00 - 40);
	write_file("over", key, 0xc00 - 39);
	assert_int_equal(BUILD("-o", "table", KEY("fits")), 0);
	read_table();
	assert_int_equal(size, 0xc00);
	assert_int_equal(BUILD("-o", "table", KEY("over")), EXIT_CONFIG);
	assert_non_null(strstr(log_text(), "16 bytes over"));
	assert_int_equal(BUILD("--max", "0x1000", "-o", "table", KEY("over")), 0);
	assert_int_equal(BUILD("--max", "0", "-o", "table", KEY("fits")), EXIT_CONFIG);
	assert_int_equal(BUILD("--max", "3k", "-o", "table", KEY("fits")), EXIT_CONFIG);
}

static void a_failure_leaves_the_old_table(void **state)
{
	(void)state;
	write_file("table", "old", 3);
	write_file("key", "k", 1);
	assert_int_equal(BUILD("-o", "table", KEY("absent")), EXIT_IO);
	assert_int_equal(BUILD("-o", "table", KEY("key"), KEY("key")), EXIT_CONFIG);
	assert_int_equal(BUILD("-o", "table", "00000000-0000-0000-0000-000000000000=key"), EXIT_CONFIG);
	assert_int_equal(BUILD("-o", "table", "736869e5=key"), EXIT_CONFIG);
	assert_int_equal(BUILD("-o", "table", "key", GUID_DISK_KEY "=key"), EXIT_CONFIG);
	assert_int_equal(BUILD("-o", "table"), EXIT_CONFIG);
	assert_int_equal(BUILD(KEY("key")), EXIT_CONFIG);
	assert_int_equal(BUILD("-x"), EXIT_CONFIG);
	read_table();
	assert_int_equal(size, 3);
	assert_memory_equal(bytes, "old", 3);
	assert_int_equal(BUILD("-o", "nowhere/table", KEY("key")), EXIT_IO);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(BUILD("-o", "folder", KEY("key")), EXIT_CONFIG);
}

static void shows_why_a_table_is_none(void **state)
{
	(void)state;
	write_file("table", "no table at all, just some text", 31);
	log_forget();
	assert_int_equal(table_show_main(2, (char *[]){ "show", "table", NULL }), EXIT_CONFIG);
	assert_non_null(strstr(log_text(), "no secret table"));
	assert_int_equal(table_show_main(2, (char *[]){ "show", "absent", NULL }), EXIT_IO);
	assert_int_equal(table_show_main(1, (char *[]){ "show", NULL }), EXIT_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_built_is_what_is_parsed, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(a_key_without_a_uuid_is_the_disk_key, enter_scratch,
						leave_scratch),
		cmocka_unit_test_setup_teardown(the_area_is_the_limit, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(a_failure_leaves_the_old_table, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(shows_why_a_table_is_none, enter_scratch, leave_scratch),
	};

	return cmocka_run_group_tests_name("table build", tests, NULL, NULL);
}
