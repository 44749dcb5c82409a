// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever a program's bytes are, they are read up to their end, and a section that is found loaded
 * lies within them.
 *
 * Bound: programs of 0 to 200 bytes, which have at most two sections
 * CBMC: --unsigned-overflow-check --conversion-check --unwind 4 --unwindset same.0:9
 *
 * The numbers of a program are of 32 bits and the arithmetic of 64, whatever the bound.
 */
#include <assert.h>

#include "stub/pe.c"

enum { PROGRAM = 200 };

int main(void)
{
	uint8_t bytes[PROGRAM];
	const uint8_t *at, *start;
	size_t size, length = 0;
	struct pe pe;

	__CPROVER_assume(size <= PROGRAM);
	start = bytes + PROGRAM - size;
	if (!pe_read(&pe, start, size))
		return 0;
	at = pe_loaded(&pe, PE_KERNEL, &length);
	assert(!at || (at >= start && length <= size && (size_t)(at - start) <= size - length));
	return 0;
}
