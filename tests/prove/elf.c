// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever a program's head and table of parts are, and wherever they say that its loader's name is,
 * the name that is taken fits its place and is terminated, and what is read is put into its place.
 *
 * Bound: programs of at most 3 parts
 * CBMC: --unwind 5 --unwindset memcmp.0:5 --object-bits 9
 *
 * The file is any bytes, anew at each read. An offset that wraps round is read where it comes to.
 */
#include <assert.h>

#include "unlock/owner/libraries.c"

enum { PARTS = 3 };

static size_t last_size;

int file_read_at(int fd, void *bytes, size_t size, uint64_t offset)
{
	int r;

	(void)fd, (void)offset;
	assert(__CPROVER_w_ok(bytes, size));
	__CPROVER_havoc_slice(bytes, size);
	last_size = size;
	if (size == sizeof(ElfW(Ehdr)))
		__CPROVER_assume(((ElfW(Ehdr) *)bytes)->e_phnum <= PARTS);
	return r;
}

int main(void)
{
	char loader[NAME_SIZE];

	if (find_loader(3, loader) == 0)
		assert(last_size <= NAME_SIZE && loader[last_size - 1] == '\0');
	return 0;
}
