// SPDX-License-Identifier: GPL-2.0
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <asm/processor.h>

#include "firmware.h"

bool firmware_can_be(u64 address, u64 size)
{
	u64 last = address + size - 1;

	return address && size && last >= address &&
	       !(last >> boot_cpu_data.x86_phys_bits);
}

static int ram_at(u64 address, u64 size)
{
	return region_intersects(address, size, IORESOURCE_SYSTEM_RAM,
				 IORES_DESC_NONE);
}

bool firmware_is_ram(u64 address, u64 size)
{
	return ram_at(address, size) != REGION_DISJOINT;
}

/*
 * Where SEV is on, memremap() maps what is not RAM as shared with the host,
 * unless the EFI memory map says better, and with efi=noruntime there is none.
 * What the firmware left is private, and memory, not a device.
 */
void *firmware_map(u64 address, u64 size)
{
	if (!firmware_can_be(address, size))
		return NULL;
	switch (ram_at(address, size)) {
	case REGION_DISJOINT:
		return (__force void *)ioremap_encrypted(address, size);
	case REGION_INTERSECTS:
		return memremap(address, size, MEMREMAP_WB);
	default: /* of which memremap() warns */
		return NULL;
	}
}

/* It takes down what either of them made. */
void firmware_unmap(void *memory)
{
	if (memory)
		memunmap(memory);
}
