// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the machine: registers, the firmware's memory map, the processors that it has started. */
#include "firmware.h"

enum {
	PORT_PCI_ADDRESS = 0xcf8,
	PORT_PCI_DATA = 0xcfc,
	CPUID_ADDRESS_BITS = 0x80000008,
	PROCESSOR_ENABLED = 1 << 1,
	MAX_REGIONS = 1 << 16,
};

#define PCI_ENABLE (1U << 31)

/* Platform Initialization specification 1.8, II-13.4 "MP Services Protocol" */
static EFI_GUID mp_guid = { 0x3fdda605, 0xa76e, 0x4f46, { 0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08 } };

struct mp_processor {
	UINT64 id;
	UINT32 status, place[3], place_of_later_versions[6];
};

struct mp_services {
	EFI_STATUS (EFIAPI *count)(struct mp_services *self, UINTN *all, UINTN *enabled);
	EFI_STATUS (EFIAPI *look)(struct mp_services *self, UINTN number, struct mp_processor *processor);
};

static void out32(UINT16 port, UINT32 value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static UINT32 in32(UINT16 port)
{
	UINT32 value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* Of bus 0. */
static UINT32 read_pci(const struct mark *mark, UINT8 further)
{
	out32(PORT_PCI_ADDRESS, PCI_ENABLE | (UINT32)mark->device << 11 | (UINT32)mark->function << 8 |
				(UINT32)(mark->offset + further));
	return in32(PORT_PCI_DATA);
}

void check_platform(const struct platform *platform)
{
	for (UINTN i = 0; i < sizeof(platform->marks) / sizeof(*platform->marks); i++) {
		const struct mark *mark = &platform->marks[i];

		if ((read_pci(mark, 0) & mark->mask) != mark->value)
			give_up("this machine is not QEMU's q35, the only one whose tables are known here");
	}
}

/* Every processor with 64 bits has this leaf. */
static unsigned int address_bits(void)
{
	UINT32 a = CPUID_ADDRESS_BITS, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return a & 0xff;
}

static void read_map(struct map *map)
{
	UINTN count = 0, key, size;
	UINT32 version;
	EFI_MEMORY_DESCRIPTOR *at = LibMemoryMap(&count, &key, &size, &version);

	if (!at || count > MAX_REGIONS)
		give_up("there is no memory map");
	map->regions = take_memory(EfiLoaderData, count * sizeof(*map->regions));
	for (UINTN i = 0; i < count; i++, at = NextMemoryDescriptor(at, size))
		need(map_add(map, at->Type, at->PhysicalStart, at->NumberOfPages));
}

static void read_processors(struct machine *machine)
{
	struct mp_services *services;
	struct mp_processor processor;
	UINTN count, enabled;

	need_success(LibLocateProtocol(&mp_guid, (void **)&services),
		     "the firmware does not tell its processors");
	need_success(services->count(services, &count, &enabled), "the processors cannot be counted");
	for (UINTN i = 0; i < count; i++) {
		need_success(services->look(services, i, &processor), "a processor cannot be seen");
		if (processor.status & PROCESSOR_ENABLED)
			need(machine_add_processor(machine, processor.id));
	}
}

void look_at_machine(struct machine *machine, const struct platform *platform)
{
	UINT64 ecam = read_pci(&platform->ecam, 0) | (UINT64)read_pci(&platform->ecam, 4) << 32;
	struct map map = { 0 };

	read_map(&map);
	need(machine_set_ecam(machine, platform, &map, ecam));
	need(machine_set_windows(machine, platform, &map, address_bits()));
	read_processors(machine);
}
