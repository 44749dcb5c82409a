// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever a field of cocotab holds, turning \NNN into bytes makes it no longer, and reads nothing
 * behind it.
 *
 * Bound: fields of 0 to 8 bytes
 * CBMC: --unsigned-overflow-check --unwind 10
 *
 * Eight bytes hold two such numbers; a longer field would be more of them.
 */
#include <assert.h>

#include "unlock/config/cocotab.c"

enum { FIELD = 8 };

int main(void)
{
	char field[FIELD], out[FIELD];
	size_t length;

	__CPROVER_assume(length <= FIELD);
	assert(unescape((struct slice){ field + FIELD - length, length }, out + FIELD - length) <= length);
	return 0;
}
