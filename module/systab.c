// SPDX-License-Identifier: GPL-2.0
/*
 * The walk through the EFI system table (UEFI specification 2.10, 4.3 and
 * 4.6), for kernels built without CONFIG_EFI_COCO_SECRET: they neither note
 * our entry nor export what leads to it. The way in is the boot parameters,
 * which say where the firmware left its system table.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/efi.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/magic.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/bootparam.h>

#include "systab.h"

/* asm/efi.h has it too, but modules cannot include that header. */
#define LOADER_64BIT "EL64"

#define BOOT_PARAMS_FILE "/sys/kernel/boot_params/data"

/* OVMF publishes some twenty; a count far beyond that is not one. */
#define TABLES_MAX 1024

static bool is_sysfs(const struct file *file)
{
	return file_inode(file)->i_sb->s_magic == SYSFS_MAGIC;
}

static int read_efi_info(struct efi_info *info)
{
	loff_t at = offsetof(struct boot_params, efi_info);
	struct file *file = filp_open(BOOT_PARAMS_FILE, O_RDONLY, 0);
	ssize_t size;

	if (IS_ERR(file)) {
		pr_info("cannot open " BOOT_PARAMS_FILE ": is sysfs mounted on /sys?\n");
		return PTR_ERR(file);
	}
	size = is_sysfs(file) ?
		       kernel_read(file, info, sizeof(*info), &at) : -ENODEV;
	filp_close(file, NULL);
	return size == sizeof(*info) ? 0 : -EIO;
}

static phys_addr_t find_systab(void)
{
	struct efi_info info;

	if (read_efi_info(&info))
		return 0;
	if (memcmp(&info.efi_loader_signature, LOADER_64BIT,
		   sizeof(info.efi_loader_signature)))
		return 0;
	return (phys_addr_t)info.efi_systab_hi << 32 | info.efi_systab;
}

/*
 * The kernel gave the firmware a virtual address map, and with it the
 * pointers in the system table became virtual. Only the regions that the
 * firmware goes on using have such an address.
 */
static phys_addr_t to_physical(u64 address, u64 size)
{
	efi_memory_desc_t *region;

	for_each_efi_memory_desc(region) {
		u64 length = (u64)region->num_pages << EFI_PAGE_SHIFT;
		u64 offset = address - region->virt_addr;

		if (!(region->attribute & EFI_MEMORY_RUNTIME))
			continue;
		if (offset < length && size <= length - offset)
			return region->phys_addr + offset;
	}
	return 0;
}

static phys_addr_t find_tables(phys_addr_t address, u64 *count)
{
	efi_system_table_64_t *systab;
	phys_addr_t tables = 0;

	systab = memremap(address, sizeof(*systab), MEMREMAP_WB);
	if (!systab)
		return 0;
	*count = systab->nr_tables;
	if (systab->hdr.signature != EFI_SYSTEM_TABLE_SIGNATURE)
		pr_err("no EFI system table at %pa\n", &address);
	else if (*count > TABLES_MAX)
		pr_err("the EFI system table at %pa claims %llu tables\n",
		       &address, *count);
	else
		tables = to_physical(systab->tables,
				     *count * sizeof(efi_config_table_64_t));
	memunmap(systab);
	return tables;
}

phys_addr_t systab_find(efi_guid_t guid)
{
	efi_config_table_64_t *tables;
	phys_addr_t address, found = 0;
	u64 count, i;

	if (!efi_enabled(EFI_64BIT) || !efi_enabled(EFI_MEMMAP))
		return 0;
	address = find_systab();
	if (!address)
		return 0;
	address = find_tables(address, &count);
	if (!address || !count)
		return 0;
	tables = memremap(address, count * sizeof(*tables), MEMREMAP_WB);
	if (!tables)
		return 0;
	for (i = 0; i < count && !found; i++)
		if (!efi_guidcmp(tables[i].guid, guid))
			found = tables[i].table;
	memunmap(tables);
	return found;
}
