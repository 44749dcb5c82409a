// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/crypttab.h"

#include <stdio.h>
#include <string.h>

#include "support.h"

static char heard[1024];

static void append(struct slice piece)
{
	size_t used = strlen(heard);

	snprintf(heard + used, sizeof(heard) - used, "%.*s|", (int)piece.length, piece.at);
}

static void hear(void *context, const struct crypttab_entry *entry)
{
	(void)context;
	append(entry->name);
	append(entry->device);
	append(crypttab_uuid(entry));
	append(crypttab_has(entry, "x-initrd.attach") ? SLICE("initrd") : SLICE("-"));
}

static const char *read_all(const char *text)
{
	heard[0] = '\0';
	crypttab_each(slice_of(text), hear, NULL);
	return heard;
}

static void entries_have_a_name_and_a_device(void **state)
{
	(void)state;
	assert_string_equal(read_all(""), "");
	assert_string_equal(read_all("# a comment\n\n   \nname\n#name UUID=a\n"), "");
	assert_string_equal(read_all("a /dev/vda"), "a|/dev/vda||-|");
	assert_string_equal(read_all("a\tUUID=x  none  luks,x-initrd.attach,discard\r\n b LABEL=y\n"),
			    "a|UUID=x|x|initrd|b|LABEL=y||-|");
}

static void a_uuid_is_written_in_three_ways(void **state)
{
	(void)state;
	assert_string_equal(read_all("a UUID=\"x\""), "a|UUID=\"x\"|x|-|");
	assert_string_equal(read_all("a UUID=\""), "a|UUID=\"|\"|-|");
	assert_string_equal(read_all("a /dev/disk/by-uuid/x"), "a|/dev/disk/by-uuid/x|x|-|");
	assert_string_equal(read_all("a PARTUUID=x"), "a|PARTUUID=x||-|");
}

static void an_option_is_a_whole_word(void **state)
{
	(void)state;
	assert_string_equal(read_all("a b - x-initrd.attach=yes"), "a|b||initrd|");
	assert_string_equal(read_all("a b - x-initrd.attached"), "a|b||-|");
	assert_string_equal(read_all("a b - nox-initrd.attach"), "a|b||-|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_have_a_name_and_a_device),
		cmocka_unit_test(a_uuid_is_written_in_three_ways),
		cmocka_unit_test(an_option_is_a_whole_word),
	};

	return cmocka_run_group_tests_name("crypttab", tests, NULL, NULL);
}
