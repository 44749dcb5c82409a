// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever the firmware's memory map, PCIEXBAR and the processor say: the configuration space and the
 * windows for PCI devices that go into our ACPI tables hold no memory, overlap neither each other nor the
 * chips, and do not wrap round.
 *
 * Bound: memory maps of 0 to 6 entries
 * CBMC: --unsigned-overflow-check --unwind 8
 */
#include <assert.h>

#include "stub/machine.c"
#include "stub/q35.c"

enum { REGIONS = 6 };

static struct machine machine;

static bool apart(struct span a, struct span b)
{
	return a.start == a.end || b.start == b.end || a.end <= b.start || b.end <= a.start;
}

static void check_span(const struct map *map, struct span span)
{
	unsigned int i;

	assert(span.start <= span.end);
	__CPROVER_assume(i < map->count);
	assert(!map->regions[i].is_memory || apart(map->regions[i].span, span));
}

int main(void)
{
	struct region regions[REGIONS];
	struct map map = { regions, 0 };
	unsigned int count, type, address_bits, i, j;
	uint64_t start, pages, pciexbar;

	__CPROVER_assume(count <= REGIONS);
	for (unsigned int n = 0; n < count; n++) {
		__CPROVER_havoc_object(&start);
		__CPROVER_havoc_object(&pages);
		__CPROVER_havoc_object(&type);
		map_add(&map, type, start, pages);
	}
	if (machine_set_ecam(&machine, &q35, &map, pciexbar) ||
	    machine_set_windows(&machine, &q35, &map, address_bits))
		return 0;
	__CPROVER_assume(i < WINDOWS && j < i);
	check_span(&map, machine.ecam);
	check_span(&map, machine.windows[i]);
	assert(machine.ecam.end <= q35.chips && apart(machine.ecam, machine.windows[i]));
	assert(apart(machine.windows[i], machine.windows[j]));
	assert(apart(machine.windows[i], (struct span){ q35.chips, FOUR_GIB }));
	return 0;
}
