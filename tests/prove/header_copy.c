// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * However the areas of a new header lie, storing it writes each block that changed once, at its own
 * place and nowhere else, and reads nothing beyond the two copies of the header's file; and the copy
 * of the header that is in force is written after the other one.
 *
 * Bound: headers of 4 blocks, areas of 0 to 4 blocks, 0 to 2 of them named
 * Instrument: --replace-calls write_whole:note_block
 * CBMC: --unsigned-overflow-check --unwind 10
 *
 * A block is known by whether it changed, not by its bytes. Larger headers would be more of the same
 * blocks; that they are whole ones is proven in policy.c.
 */
#include <assert.h>

#include "unlock/owner/header_copy.c"

enum { BLOCKS = 8, COPY = 2 };

static unsigned char before[BLOCKS * BLOCK], after[BLOCKS * BLOCK];
static bool changed[BLOCKS], whole[2];
static unsigned int written[BLOCKS], clock_of[BLOCKS], ticks;
static uint64_t start, sequence[2];

int memcmp(const void *one, const void *other, size_t size)
{
	size_t at = (size_t)((const unsigned char *)one - after);

	assert(size == BLOCK && at % BLOCK == 0 && at / BLOCK < BLOCKS);
	assert((const unsigned char *)other == before + at);
	return changed[at / BLOCK];
}

int note_block(int fd, const unsigned char *bytes, size_t size, uint64_t at)
{
	(void)fd;
	assert(size == BLOCK && at - start == (uint64_t)(bytes - after) && (at - start) % BLOCK == 0);
	written[(at - start) / BLOCK]++;
	clock_of[(at - start) / BLOCK] = ++ticks;
	return 0;
}

bool copies_is_whole(const unsigned char *copy, size_t size)
{
	assert(size == COPY * BLOCK && (copy == before || copy == before + size));
	return whole[copy != before];
}

uint64_t copies_sequence(const unsigned char *copy)
{
	return sequence[copy != before];
}

int fsync(int fd)
{
	(void)fd;
	return 0;
}

int main(void)
{
	struct header_copy copy = { .binary = COPY * BLOCK, .before = before };
	struct header_areas named;
	unsigned int blocks, one, first, second;

	__CPROVER_havoc_object(changed);
	__CPROVER_havoc_object(whole);
	__CPROVER_havoc_object(sequence);
	__CPROVER_havoc_object(&start);
	__CPROVER_assume(blocks >= 2 * COPY && blocks <= BLOCKS && named.count <= 2);
	__CPROVER_assume(start <= INT64_MAX - sizeof(before));
	for (size_t i = 0; i < named.count; i++)
		__CPROVER_assume(named.list[i].to <= sizeof(before));
	copy.size = blocks * BLOCK;
	copy.place.start = start;
	assert(store(&copy, &named, after) == 0);
	__CPROVER_assume(one < BLOCKS && first < COPY && second >= COPY && second < 2 * COPY);
	assert(written[one] == (one < blocks && changed[one]));
	if (!changed[first] || !changed[second] || (!whole[0] && !whole[1]))
		return 0;
	if (!whole[1] || (whole[0] && sequence[0] > sequence[1]))
		assert(clock_of[second] < clock_of[first]);
	else
		assert(clock_of[first] < clock_of[second]);
	return 0;
}
