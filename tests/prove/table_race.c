// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A host that writes to the area while it is read: each read of it brings whatever the host likes. Even
 * so the entries lie in the table, the table in the area, apart from each other, in the room for them;
 * which would not hold if a length were read once to be checked and again to be used.
 *
 * Bound: an area of 84 bytes, room for 0 to 3 entries
 * Instrument: --replace-calls bucket_of:one_bucket --nondet-volatile
 * CBMC: --unsigned-overflow-check --conversion-check --unwind 5 --unwindset memcmp.0:17,read_head.0:21,all_zero.0:66 --max-field-sensitivity-array-size 256
 *
 * What is read is no longer looked up, so this proves nothing of where it is read; table.c does.
 */
#include <assert.h>

#include "module/table.c"

enum { AREA = 84, ROOM = 3 };

uint16_t *one_bucket(struct secret_table *table, const uint8_t *guid)
{
	(void)guid;
	return &table->bucket[0];
}

int main(void)
{
	struct secret_entry entries[ROOM];
	struct secret_table table = { entries };
	struct secret_fault fault;
	uint32_t capacity, one, other;
	uint8_t area[AREA];

	__CPROVER_assume(capacity <= ROOM);
	table.capacity = capacity;
	if (secret_table_parse(&table, area, sizeof(area), &fault) < 0) {
		assert(table.count == 0 && fault.kind != SECRET_FAULT_NONE);
		return 0;
	}
	assert(table.count <= capacity && table.length <= sizeof(area));
	__CPROVER_assume(one < table.count && other < one);
	assert(entries[one].offset <= table.length && entries[one].size <= table.length - entries[one].offset);
	assert(entries[other].offset >= 2 * SECRET_HEAD_SIZE);
	assert(entries[one].offset >= entries[other].offset + entries[other].size + SECRET_HEAD_SIZE);
	assert(memcmp(entries[one].guid, entries[other].guid, SECRET_GUID_SIZE) != 0);
	return 0;
}
