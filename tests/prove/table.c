// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever a host writes into the area of secrets, the parser reads nothing but the area and writes
 * nothing but its caller's table and entries. What it accepts is what cocosecret table build makes,
 * with wiped entries between: one entry behind the other, each listed once, in its order and in the
 * table, no two of one GUID; then zeros, or less than a head of anything, which nobody reads.
 *
 * Bound: an area of 84 bytes, a table of any length, room for 0 to 3 entries
 * Instrument: --replace-calls bucket_of:one_bucket
 * CBMC: --unsigned-overflow-check --conversion-check --unwind 5 --unwindset memcmp.0:21,is_zero.0:21,read_head.0:21,all_zero.0:66 --max-field-sensitivity-array-size 256
 *
 * All entries are in one bucket; table_bucket.c proves what that needs. The bound hides whatever would
 * need a fourth entry. What a host changes meanwhile is in table_race.c.
 */
#include <assert.h>

#include "module/table.c"

enum { AREA = 84, ROOM = 3 };

uint16_t *one_bucket(struct secret_table *table, const uint8_t *guid)
{
	(void)guid;
	return &table->bucket[0];
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

/* A second reader, which knows nothing of the first. */
static void check_entries(const struct secret_table *table, const uint8_t *area)
{
	uint32_t at = SECRET_HEAD_SIZE, seen = 0, length, behind;

	for (; table->length - at >= SECRET_HEAD_SIZE; at += length) {
		if (is_zero(area + at, SECRET_HEAD_SIZE))
			break;
		memcpy(&length, area + at + SECRET_GUID_SIZE, sizeof(length));
		assert(length >= SECRET_HEAD_SIZE && length <= table->length - at);
		if (is_zero(area + at, SECRET_GUID_SIZE))
			continue;
		assert(seen < table->count && table->entries[seen].offset == at + SECRET_HEAD_SIZE);
		assert(table->entries[seen++].size == length - SECRET_HEAD_SIZE);
	}
	assert(seen == table->count);
	__CPROVER_assume(behind >= at && behind < table->length);
	assert(table->length - at < SECRET_HEAD_SIZE || area[behind] == 0);
}

static void check_guids(const struct secret_entry *entries, uint32_t count, const uint8_t *area)
{
	uint32_t one, other, byte;

	__CPROVER_assume(one < count && other < one && byte < SECRET_GUID_SIZE);
	assert(memcmp(entries[one].guid, entries[other].guid, SECRET_GUID_SIZE) != 0);
	assert(entries[one].guid[byte] == area[entries[one].offset - SECRET_HEAD_SIZE + byte]);
}

int main(void)
{
	struct secret_entry entries[ROOM];
	struct secret_table table = { entries };
	uint8_t area[AREA], head[SECRET_HEAD_SIZE];
	struct secret_fault fault;
	uint32_t capacity;
	bool accepted;

	__CPROVER_assume(capacity <= ROOM);
	table.capacity = capacity;
	accepted = secret_table_parse(&table, area, sizeof(area), &fault) == 0;
	assert(table.count <= capacity && (accepted || (table.count == 0 && fault.kind)));
	if (!accepted)
		return 0;
	secret_head_write(head, table_guid, table.length);
	assert(table.length <= sizeof(area) && memcmp(head, area, sizeof(head)) == 0);
	check_guids(entries, table.count, area);
	check_entries(&table, area);
	return 0;
}
