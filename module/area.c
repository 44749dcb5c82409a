// SPDX-License-Identifier: GPL-2.0
/* Finding, checking and mapping the secret area. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/efi.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/cacheflush.h>

#include "area.h"
#include "firmware.h"
#include "systab.h"
#include "table.h"

/* What the configuration table entry points to: OVMF's secret location. */
struct location {
	u64 base;
	u64 size;
};

/*
 * 0 where the kernel does not know the entry, ~0 where it does and the
 * firmware has none. In both cases a walk of our own decides: a kernel that
 * looked and found nothing costs us one look more, at load time only.
 */
static int find_location(u64 *address)
{
	if (!efi.coco_secret || efi.coco_secret == EFI_INVALID_TABLE_ADDR)
		return systab_find(LINUX_EFI_COCO_SECRET_AREA_GUID, address);
	*address = efi.coco_secret;
	return 0;
}

static int read_location(struct location *location)
{
	struct location *published;
	u64 address;
	int error;

	error = find_location(&address);
	if (error)
		return error;
	published = firmware_map(address, sizeof(*published));
	if (!published) {
		pr_err("cannot map the secret area's location at 0x%llx\n",
		       address);
		return -ENOMEM;
	}
	memcpy(location, published, sizeof(*location));
	firmware_unmap(published);
	return 0;
}

/* What is wrong with it, or NULL. */
static const char *find_fault(const struct location *area)
{
	if (!area->base)
		return "has no address";
	if (area->size < SECRET_HEAD_SIZE)
		return "is too small for a table";
	if (area->size > SECRET_AREA_MAX)
		return "is larger than 64 KiB";
	if (!firmware_can_be(area->base, area->size))
		return "ends beyond the physical address space";
	if (firmware_is_ram(area->base, area->size))
		return "is not reserved, the kernel uses it as RAM (OVMF before edk2-stable202202)";
	return NULL;
}

int secret_area_map(struct secret_area *area)
{
	struct location location;
	const char *fault;
	int error;

	error = read_location(&location);
	if (error)
		return error;
	fault = find_fault(&location);
	if (fault) {
		pr_err("the firmware's secret area (base 0x%llx, size 0x%llx) %s\n",
		       location.base, location.size, fault);
		return -EINVAL;
	}
	area->memory = firmware_map(location.base, location.size);
	if (!area->memory) {
		pr_err("cannot map the secret area at 0x%llx\n", location.base);
		return -ENOMEM;
	}
	area->size = location.size;
	return 0;
}

void secret_area_unmap(struct secret_area *area)
{
	firmware_unmap(area->memory);
	area->memory = NULL;
	area->size = 0;
}

void secret_area_wipe(const struct secret_area *area, size_t offset,
		      size_t size)
{
	memzero_explicit(area->memory + offset, size);
	clflush_cache_range(area->memory + offset, size);
}
