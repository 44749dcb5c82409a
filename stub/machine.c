// SPDX-License-Identifier: GPL-2.0-or-later
#include "machine.h"

enum {
	/* UEFI specification 2.10, 7.2.3, EFI_MEMORY_TYPE */
	TYPE_RESERVED = 0,
	TYPE_DEVICE = 11,
	TYPE_DEVICE_PORTS = 12,
	PAGE_BITS = 12,
	/* What a machine with less than this has, nobody runs a confidential guest on. */
	MIN_ADDRESS_BITS = 36,
	MAX_ADDRESS_BITS = 52,
	/* Intel 82Q35 data sheet, 5.1.17 "PCIEXBAR" */
	ECAM_ON = 1,
	ECAM_LENGTH_SHIFT = 1,
	ECAM_LENGTH_MASK = 3,
};

#define ECAM_LARGEST (256ULL << 20)
#define ECAM_SIZES   3
#define ECAM_FLAGS   0x3ffffffULL
#define FOUR_GIB     (1ULL << 32)

const char *map_add(struct map *map, uint32_t type, uint64_t start, uint64_t pages)
{
	struct region *region = &map->regions[map->count];

	if (pages > (UINT64_MAX >> PAGE_BITS) || start > UINT64_MAX - (pages << PAGE_BITS))
		return "the memory map has an entry past the end of memory";
	region->span = (struct span){ start, start + (pages << PAGE_BITS) };
	region->is_memory = type != TYPE_RESERVED && type != TYPE_DEVICE &&
			    type != TYPE_DEVICE_PORTS;
	map->count++;
	return NULL;
}

static bool overlap(struct span a, struct span b)
{
	return a.start < b.end && b.start < a.end;
}

static bool holds(struct span outer, struct span inner)
{
	return outer.start <= inner.start && inner.end <= outer.end;
}

/*
 * Reserved memory may be RAM, the launch secret's page for one, but none of it is so large: so a
 * reserved entry has to hold all of it, and what overlaps it has to.
 */
static const char *check_ecam(const struct map *map, struct span ecam)
{
	bool held = false;

	for (size_t i = 0; i < map->count; i++) {
		const struct region *region = &map->regions[i];

		if (!overlap(region->span, ecam))
			continue;
		if (region->is_memory || !holds(region->span, ecam))
			return "PCI's configuration space lies in memory";
		held = true;
	}
	return held ? NULL : "the firmware does not reserve PCI's configuration space";
}

const char *machine_set_ecam(struct machine *machine, const struct platform *platform,
			     const struct map *map, uint64_t pciexbar)
{
	unsigned int length = (pciexbar >> ECAM_LENGTH_SHIFT) & ECAM_LENGTH_MASK;
	uint64_t base = pciexbar & ~ECAM_FLAGS, size;

	if (!(pciexbar & ECAM_ON) || length >= ECAM_SIZES)
		return "PCI's configuration space is not mapped";
	size = ECAM_LARGEST >> length;
	if (base == 0 || base % size || base >= platform->chips || size > platform->chips - base)
		return "PCI's configuration space is in no place for it";
	machine->ecam = (struct span){ base, base + size };
	return check_ecam(map, machine->ecam);
}

/* What is left of a span behind everything in it, if it is memory or @all. */
static struct span behind(const struct map *map, struct span span, bool all)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct region *region = &map->regions[i];

		if ((all || region->is_memory) && overlap(region->span, span))
			span.start = region->span.end < span.end ? region->span.end : span.end;
	}
	return span;
}

const char *machine_set_windows(struct machine *machine, const struct platform *platform,
				const struct map *map, unsigned int address_bits)
{
	if (address_bits < MIN_ADDRESS_BITS || address_bits > MAX_ADDRESS_BITS)
		return "the processor has no such number of address bits";
	machine->windows[0] = behind(map, (struct span){ 0, machine->ecam.start }, true);
	machine->windows[1] = behind(map, (struct span){ machine->ecam.end, platform->chips }, true);
	machine->windows[2] = behind(map, (struct span){ FOUR_GIB, 1ULL << address_bits }, false);
	return NULL;
}

const char *machine_add_processor(struct machine *machine, uint64_t id)
{
	/* One that is for all processors cannot be one's own. */
	if (id >= UINT32_MAX)
		return "a processor has an impossible number";
	for (size_t i = 0; i < machine->processor_count; i++)
		if (machine->processors[i] == id)
			return "two processors have one number";
	if (machine->processor_count == MAX_PROCESSORS)
		return "there are more processors than this program knows of";
	machine->processors[machine->processor_count++] = (uint32_t)id;
	return NULL;
}
