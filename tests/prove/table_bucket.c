// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each GUID's bucket is one of the table's, and one GUID has one bucket: so an entry that has the GUID
 * of an earlier one finds it, however the others are spread.
 *
 * Bound: none
 * CBMC: --unsigned-overflow-check --conversion-check --unwind 17
 */
#include <assert.h>

#include "module/table.c"

int main(void)
{
	uint8_t one[SECRET_GUID_SIZE], other[SECRET_GUID_SIZE];
	static struct secret_table table;
	const uint16_t *bucket = bucket_of(&table, one);

	assert(bucket >= table.bucket && bucket < table.bucket + SECRET_BUCKETS);
	__CPROVER_assume(memcmp(one, other, sizeof(one)) == 0);
	assert(bucket_of(&table, other) == bucket);
	return 0;
}
