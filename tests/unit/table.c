// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* An area that a test puts together; its end is the end of its memory, for the sanitizer to see. */
struct area {
	uint8_t *bytes;
	size_t used;
};

static const uint8_t table_guid[SECRET_GUID_SIZE] = SECRET_TABLE_GUID;
static const uint8_t wiped[SECRET_GUID_SIZE];

static struct secret_entry entries[SECRET_CAPACITY_MAX];
static struct secret_table table;
static struct secret_fault fault;

static const uint8_t *guid(uint16_t n)
{
	static uint8_t bytes[SECRET_GUID_SIZE];

	memset(bytes, 0x11, sizeof(bytes));
	bytes[0] = (uint8_t)n;
	bytes[5] = (uint8_t)(n >> 8);
	return bytes;
}

static struct area begin(void)
{
	struct area area = { calloc(1, SECRET_AREA_MAX), SECRET_HEAD_SIZE };

	assert_non_null(area.bytes);
	return area;
}

/* Adds an entry; @length is what its head says, which may be a lie. */
static uint32_t add_as(struct area *area, const uint8_t *id, const void *data, size_t size, uint32_t length)
{
	uint32_t at = (uint32_t)area->used;

	secret_head_write(area->bytes + area->used, id, length);
	memcpy(area->bytes + area->used + SECRET_HEAD_SIZE, data, size);
	area->used += SECRET_HEAD_SIZE + size;
	return at;
}

static uint32_t add(struct area *area, const uint8_t *id, const void *data, size_t size)
{
	return add_as(area, id, data, size, (uint32_t)(SECRET_HEAD_SIZE + size));
}

static int parse_as(struct area *area, size_t size, uint32_t length)
{
	uint8_t *exact = malloc(size ? size : 1);
	int r;

	assert_non_null(exact);
	secret_head_write(area->bytes, table_guid, length);
	memcpy(exact, area->bytes, size);
	table = (struct secret_table){ .entries = entries, .capacity = secret_table_capacity(size) };
	r = secret_table_parse(&table, exact, size, &fault);
	free(exact);
	free(area->bytes);
	return r;
}

static int parse(struct area *area)
{
	return parse_as(area, area->used, (uint32_t)area->used);
}

static void assert_fault(enum secret_fault_kind kind, uint32_t entry, uint32_t offset)
{
	assert_int_equal(fault.kind, kind);
	assert_int_equal(fault.entry, entry);
	assert_int_equal(fault.offset, offset);
	assert_int_equal(table.count, 0);
}

static void reads_entries_where_they_are(void **state)
{
	struct area area = begin();
	uint32_t first = add(&area, guid(1), "abc", 3);
	uint32_t second = add(&area, guid(2), "\0\n\0", 3);

	(void)state;
	assert_int_equal(parse(&area), 0);
	assert_int_equal(table.count, 2);
	assert_int_equal(table.length, 20 + 23 + 23);
	assert_int_equal(entries[0].offset, first + 20);
	assert_int_equal(entries[0].size, 3);
	assert_memory_equal(entries[0].guid, guid(1), 16);
	assert_int_equal(entries[1].offset, second + 20);
}

static void bytes_after_the_table_are_not_looked_at(void **state)
{
	struct area area = begin();
	uint32_t length;

	(void)state;
	add(&area, guid(1), "abc", 3);
	length = (uint32_t)area.used;
	memset(area.bytes + length, 0xff, 100);
	assert_int_equal(parse_as(&area, length + 100, length), 0);
	assert_int_equal(table.count, 1);
}

static void an_empty_table_and_empty_data_are_fine(void **state)
{
	struct area none = begin(), empty = begin();

	(void)state;
	assert_int_equal(parse(&none), 0);
	assert_int_equal(table.count, 0);
	add(&empty, guid(1), "", 0);
	assert_int_equal(parse(&empty), 0);
	assert_int_equal(table.count, 1);
	assert_int_equal(entries[0].size, 0);
}

static void a_wiped_entry_is_skipped_and_counted(void **state)
{
	struct area area = begin();
	uint32_t second;

	(void)state;
	add(&area, wiped, "\0\0\0\0", 4);
	add(&area, wiped, "\0\0\0\0", 4);
	second = add(&area, guid(1), "x", 1);
	assert_int_equal(parse(&area), 0);
	assert_int_equal(table.count, 1);
	assert_int_equal(entries[0].offset, second + 20);
}

static void no_table_is_no_device(void **state)
{
	struct area area = begin();
	uint8_t zero[64] = { 0 };

	(void)state;
	table = (struct secret_table){ .entries = entries };
	assert_int_equal(secret_table_parse(&table, zero, sizeof(zero), &fault), -ENODEV);
	assert_int_equal(fault.kind, SECRET_FAULT_NO_TABLE);
	assert_int_equal(parse_as(&area, 19, 20), -ENODEV);
}

static void a_length_that_cannot_be_is_refused(void **state)
{
	struct area less = begin(), more = begin(), most = begin();

	(void)state;
	assert_int_equal(parse_as(&less, 64, 19), -EINVAL);
	assert_fault(SECRET_FAULT_TABLE_SHORT, 0, 0);
	assert_int_equal(parse_as(&more, 64, 65), -EINVAL);
	assert_fault(SECRET_FAULT_TABLE_LONG, 0, 0);
	assert_int_equal(parse_as(&most, 64, 0xffffffff), -EINVAL);
	assert_fault(SECRET_FAULT_TABLE_LONG, 0, 0);
	assert_int_equal(fault.length, 0xffffffff);
	assert_int_equal(fault.limit, 64);
}

static void a_duplicate_is_named_by_its_place(void **state)
{
	struct area area = begin();
	uint32_t at;

	(void)state;
	add(&area, wiped, "\0", 1);
	add(&area, guid(7), "one", 3);
	add(&area, guid(8), "two", 3);
	at = add(&area, guid(7), "three", 5);
	assert_int_equal(parse(&area), -EINVAL);
	assert_fault(SECRET_FAULT_DUPLICATE, 3, at);
}

static void an_entry_too_short_or_too_long_is_named_by_its_place(void **state)
{
	struct area less = begin(), more = begin(), zero = begin();
	uint32_t at;

	(void)state;
	add(&less, guid(1), "abc", 3);
	at = add_as(&less, guid(2), "abc", 3, 19);
	assert_int_equal(parse(&less), -EINVAL);
	assert_fault(SECRET_FAULT_ENTRY_SHORT, 1, at);

	add(&more, guid(1), "abc", 3);
	at = add_as(&more, guid(2), "abc", 3, 24);
	assert_int_equal(parse(&more), -EINVAL);
	assert_fault(SECRET_FAULT_ENTRY_LONG, 1, at);
	assert_int_equal(fault.length, 24);
	assert_int_equal(fault.limit, 23);

	at = add_as(&zero, guid(1), "abc", 3, 0xffffffff);
	assert_int_equal(parse(&zero), -EINVAL);
	assert_fault(SECRET_FAULT_ENTRY_LONG, 0, at);
}

static void slack_is_short_or_zero(void **state)
{
	struct area brief = begin(), blank = begin(), dirty = begin();
	uint32_t at;

	(void)state;
	add(&brief, guid(1), "abc", 3);
	memset(brief.bytes + brief.used, 0xee, 19);
	brief.used += 19;
	assert_int_equal(parse(&brief), 0);
	assert_int_equal(table.count, 1);

	add(&blank, guid(1), "abc", 3);
	blank.used += 1000;
	assert_int_equal(parse(&blank), 0);
	assert_int_equal(table.count, 1);

	add(&dirty, guid(1), "abc", 3);
	at = (uint32_t)dirty.used;
	dirty.used += 1000;
	dirty.bytes[dirty.used - 1] = 1;
	assert_int_equal(parse(&dirty), -EINVAL);
	assert_fault(SECRET_FAULT_SLACK, 1, at);
}

static void sixty_four_is_no_limit(void **state)
{
	struct area area = begin();

	(void)state;
	for (unsigned int i = 0; i < SECRET_CAPACITY_MAX - 1; i++)
		add(&area, guid((uint16_t)i), "", 0);
	assert_int_equal(parse(&area), 0);
	assert_int_equal(table.count, SECRET_CAPACITY_MAX - 1);
}

static void every_fault_has_words(void **state)
{
	char text[SECRET_FAULT_TEXT];

	(void)state;
	for (int kind = 0; kind <= SECRET_FAULT_CAPACITY; kind++) {
		struct secret_fault f = { (enum secret_fault_kind)kind, 0xffffffff, 0xffffffff,
					  0xffffffff, 0xffffffff };

		assert_in_range(secret_fault_explain(&f, text, sizeof(text)), 1, sizeof(text) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_entries_where_they_are),
		cmocka_unit_test(bytes_after_the_table_are_not_looked_at),
		cmocka_unit_test(an_empty_table_and_empty_data_are_fine),
		cmocka_unit_test(a_wiped_entry_is_skipped_and_counted),
		cmocka_unit_test(no_table_is_no_device),
		cmocka_unit_test(a_length_that_cannot_be_is_refused),
		cmocka_unit_test(a_duplicate_is_named_by_its_place),
		cmocka_unit_test(an_entry_too_short_or_too_long_is_named_by_its_place),
		cmocka_unit_test(slack_is_short_or_zero),
		cmocka_unit_test(sixty_four_is_no_limit),
		cmocka_unit_test(every_fault_has_words),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
