// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/cocotab.h"

#include <stdio.h>
#include <string.h>

#include "support.h"

#define UUID "5aa5c3f0-0000-4000-8000-00000000000a"

static struct volumes volumes;
static struct fault fault;

static int parse(const char *text)
{
	volumes_free(&volumes);
	return cocotab_parse(slice_of(text), "tab", &volumes, &fault);
}

static int forget(void **state)
{
	(void)state;
	volumes_free(&volumes);
	return 0;
}

static void reads_lines_of_two_to_four_fields(void **state)
{
	(void)state;
	assert_int_equal(parse("# name device secret options\n"
			       "\n"
			       "  root\tUUID=" UUID "  -  root,unsealed\n"
			       "data /dev/vdb 11111111-2222-3333-4444-555555555555\r\n"
			       "swap PARTLABEL=a # comment\n"
			       "last LABEL=x none none # comment"), 0);
	assert_int_equal(volumes.count, 4);
	assert_string_equal(volumes.list[0].name, "root");
	assert_string_equal(volumes.list[0].device.value, UUID);
	assert_string_equal(volumes.list[0].secret, GUID_DISK_KEY);
	assert_int_equal(volumes.list[0].options, VOLUME_ROOT | VOLUME_UNSEALED);
	assert_string_equal(volumes.list[1].secret, "11111111-2222-3333-4444-555555555555");
	assert_string_equal(volumes.list[2].device.value, "a");
	assert_int_equal(volumes.list[3].options, 0);
}

static void nothing_is_no_volume(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 0);
	assert_int_equal(parse("\n \t\n#x\n  # y"), 0);
	assert_int_equal(volumes.count, 0);
}

static void unescapes_as_fstab(void **state)
{
	(void)state;
	assert_int_equal(parse("a LABEL=my\\040disk\\134\\x\\04 - -"), 0);
	assert_string_equal(volumes.list[0].device.value, "my disk\\\\x\\04");
	assert_true(parse("a LABEL=x\\000y - -") < 0);
	assert_int_equal(parse("a LABEL=x\\400 - -"), 0);
	assert_string_equal(volumes.list[0].device.value, "x\\400");
}

static void a_fault_names_file_line_and_field(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "a\n", "tab:1: the device is missing" },
		{ "\na/b /dev/vda\n", "tab:2: field 1 (name): " },
		{ "#\n#\na vda\n", "tab:3: field 2 (device): " },
		{ "a /dev/vda key\n", "tab:1: field 3 (secret): " },
		{ "a /dev/vda - discrad\n", "tab:1: field 4 (options): unknown option \"discrad\"" },
		{ "a /dev/vda - - more\n", "tab:1: a fifth field \"more\"" },
		{ "a /dev/vda\nb /dev/vdb\na /dev/vdc\n", "tab:3: a second volume has the name \"a\"" },
		{ "a\033[2J /dev/vda\n", "tab:1: field 1 (name): the name \"a\\x1b[2J\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_true(parse(wrong[i].text) < 0);
		assert_memory_equal(fault.text, wrong[i].says, strlen(wrong[i].says));
	}
}

static void a_field_too_long_is_a_fault(void **state)
{
	char line[4096] = "a /";

	(void)state;
	memset(line + 3, 'x', sizeof(line) - 4);
	assert_true(parse(line) < 0);
	line[3 + DEVICE_VALUE_SIZE] = '\0';
	assert_true(parse(line) < 0);
	line[2 + DEVICE_VALUE_SIZE - 1] = '\0';
	assert_int_equal(parse(line), 0);
}

static void a_nul_is_no_terminator(void **state)
{
	(void)state;
	volumes_free(&volumes);
	assert_true(cocotab_parse(SLICE("a /dev/v\0da\n"), "tab", &volumes, &fault) < 0);
}

static void too_many_volumes_are_a_fault(void **state)
{
	char text[VOLUMES_MAX * 20];
	size_t used = 0;

	(void)state;
	for (int i = 0; i <= VOLUMES_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "v%d /dev/vda\n", i);
	assert_true(parse(text) < 0);
	assert_int_equal(volumes.count, VOLUMES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(reads_lines_of_two_to_four_fields, forget),
		cmocka_unit_test_teardown(nothing_is_no_volume, forget),
		cmocka_unit_test_teardown(unescapes_as_fstab, forget),
		cmocka_unit_test_teardown(a_fault_names_file_line_and_field, forget),
		cmocka_unit_test_teardown(a_field_too_long_is_a_fault, forget),
		cmocka_unit_test_teardown(a_nul_is_no_terminator, forget),
		cmocka_unit_test_teardown(too_many_volumes_are_a_fault, forget),
	};

	return cmocka_run_group_tests_name("cocotab", tests, NULL, NULL);
}
