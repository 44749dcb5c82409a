// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/guid.h"

#include <string.h>

#include "support.h"

static void parses_either_case_to_lower(void **state)
{
	char out[GUID_TEXT_SIZE];

	(void)state;
	assert_int_equal(guid_parse(SLICE("736869E5-84F0-4973-92EC-06879CE3DA0B"), out), 0);
	assert_string_equal(out, GUID_DISK_KEY);
}

static void refuses_what_is_no_uuid(void **state)
{
	static const char *const wrong[] = {
		"", "-", "736869e5", "736869e5-84f0-4973-92ec-06879ce3da0", "{36869e5-84f0-4973-92ec-06879ce3da0b",
		"736869e5-84f0-4973-92ec-06879ce3da0bb", "736869e5-84f0-4973-92ec-06879ce3da0g",
		"736869e5 84f0 4973 92ec 06879ce3da0b", " 736869e5-84f0-4973-92ec-06879ce3da0",
	};
	char out[GUID_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_true(guid_parse(slice_of(wrong[i]), out) < 0);
}

static void does_not_read_past_the_slice(void **state)
{
	char out[GUID_TEXT_SIZE];
	struct slice s = SLICE(GUID_DISK_KEY ":more");

	(void)state;
	s.length = GUID_TEXT_LENGTH;
	assert_int_equal(guid_parse(s, out), 0);
}

static void swaps_to_efi_and_back(void **state)
{
	static const uint8_t efi[GUID_BYTES] = { 0xe5, 0x69, 0x68, 0x73, 0xf0, 0x84, 0x73, 0x49,
						 0x92, 0xec, 0x06, 0x87, 0x9c, 0xe3, 0xda, 0x0b };
	uint8_t bytes[GUID_BYTES];
	char text[GUID_TEXT_SIZE];

	(void)state;
	guid_to_efi(GUID_DISK_KEY, bytes);
	assert_memory_equal(bytes, efi, sizeof(efi));
	guid_from_efi(efi, text);
	assert_string_equal(text, GUID_DISK_KEY);
}

static void escapes_what_is_not_plain(void **state)
{
	char many[400];

	(void)state;
	memset(many, '\n', sizeof(many));
	assert_string_equal(ESCAPED(SLICE("a b")), "a b");
	assert_string_equal(ESCAPED(SLICE("\n\"\\\033[0m\377")), "\\x0a\\x22\\x5c\\x1b[0m\\xff");
	assert_true(strlen(ESCAPED(((struct slice){ many, sizeof(many) }))) < ESCAPED_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_either_case_to_lower),
		cmocka_unit_test(refuses_what_is_no_uuid),
		cmocka_unit_test(does_not_read_past_the_slice),
		cmocka_unit_test(swaps_to_efi_and_back),
		cmocka_unit_test(escapes_what_is_not_plain),
	};

	return cmocka_run_group_tests_name("guid", tests, NULL, NULL);
}
