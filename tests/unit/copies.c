// SPDX-License-Identifier: GPL-2.0-or-later
/* The two copies of a header, held against each other. */
#include "header/copies.h"

#include <fcntl.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sealed.h"
#include "support.h"

enum { COPY = 16384, START = 1 << 20 };

static struct fault fault;
static char copies[2 * COPY];

static bool differ_at(const char *path, uint64_t start)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool found = copies_differ(fd, start, &fault);

	close(fd);
	return found;
}

static bool differ(void)
{
	return differ_at("image", 0);
}

static void load(void)
{
	int fd = open("image", O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, copies, sizeof(copies), 0), sizeof(copies));
	close(fd);
}

/* Copy @number, as it was when it was loaded. */
static void put(int number)
{
	int fd = open("image", O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, copies + number * COPY, COPY, number * COPY), COPY);
	close(fd);
}

static void what_libcryptsetup_writes_is_alike(void **state)
{
	(void)state;
	assert_false(differ());
	edit_header("image", "", "");
	assert_false(differ());
}

static void a_sequence_number_alone_makes_no_difference(void **state)
{
	(void)state;
	load();
	edit_header("image", "", "");
	put(1);
	assert_false(differ());
}

/* A host's, or what a cut left. */
static void other_metadata_is_told(void **state)
{
	(void)state;
	load();
	edit_header("image", "\"sector_size\":4096", "\"sector_size\":512");
	put(0);
	assert_true(differ());
	assert_non_null(strstr(fault.text, "their metadata is not the same (sequence numbers "));
}

static void set(const char *uuid, const char *label, const char *subsystem)
{
	struct crypt_device *cd;

	assert_int_equal(crypt_init(&cd, "image"), 0);
	assert_int_equal(crypt_load(cd, CRYPT_LUKS2, NULL), 0);
	if (uuid)
		assert_int_equal(crypt_set_uuid(cd, uuid), 0);
	else
		assert_int_equal(crypt_set_label(cd, label, subsystem), 0);
	crypt_free(cd);
}

static void two_volumes_in_one_are_told(void **state)
{
	(void)state;
	set("11111111-2222-3333-4444-555555555555", NULL, NULL);
	load();
	set("66666666-2222-3333-4444-555555555555", NULL, NULL);
	put(0);
	assert_true(differ());
	assert_string_equal(fault.text, "its two copies differ: the first is of UUID "
			    "11111111-2222-3333-4444-555555555555, the second of UUID "
			    "66666666-2222-3333-4444-555555555555");
}

static void another_label_is_told_and_does_nothing_to_a_terminal(void **state)
{
	(void)state;
	load();
	set(NULL, "\033[2J", NULL);
	put(0);
	assert_true(differ());
	assert_string_equal(fault.text, "its two copies differ: the first is of label \"\", the second "
			    "of label \"\\x1b[2J\"");
	set(NULL, "", NULL);
	load();
	set(NULL, NULL, "x");
	put(0);
	assert_true(differ());
	assert_non_null(strstr(fault.text, "subsystem"));
}

static void a_damaged_copy_is_told(void **state)
{
	(void)state;
	load();
	damage(0x1000);
	assert_true(differ());
	assert_string_equal(fault.text, "the first of its two copies is damaged");
	damage(0);
	assert_true(differ());
	put(0);
	damage(COPY + 0x1000);
	assert_true(differ());
	assert_string_equal(fault.text, "the second of its two copies is damaged");
	damage(0x1000);
	assert_false(differ());
}

static void what_is_no_header_does_not_differ(void **state)
{
	static const off_t sizes[] = { 8, 8 + 7, 4096, COPY, COPY + 4096 };
	int fd;

	(void)state;
	write_file("empty", "", 0);
	assert_false(differ_at("empty", 0));
	assert_false(differ_at("image", START));
	assert_false(copies_differ(-1, 0, &fault));
	/* A size that is none, in a header with a right magic. */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(truncate("image", sizes[i]), 0);
		differ();
	}
	fd = open("image", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 8), 8);
	close(fd);
	assert_false(differ());
}

static void a_partition_is_looked_at_where_it_begins(void **state)
{
	int fd;

	(void)state;
	load();
	set(NULL, "another", NULL);
	put(0);
	load();
	fd = open("disk", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(fd, copies, sizeof(copies), START), sizeof(copies));
	close(fd);
	assert_true(differ_at("disk", START));
	assert_false(differ_at("disk", 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_enrolled, leave_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_libcryptsetup_writes_is_alike),
		TEST(a_sequence_number_alone_makes_no_difference),
		TEST(other_metadata_is_told),
		TEST(two_volumes_in_one_are_told),
		TEST(another_label_is_told_and_does_nothing_to_a_terminal),
		TEST(a_damaged_copy_is_told),
		TEST(what_is_no_header_does_not_differ),
		TEST(a_partition_is_looked_at_where_it_begins),
	};

	sealed_use_memory();
	return cmocka_run_group_tests_name("copies", tests, NULL, NULL);
}
