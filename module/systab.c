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
#include <linux/magic.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/bootparam.h>

#include "firmware.h"
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
	ssize_t size = -ENODEV;

	if (!IS_ERR(file)) {
		if (is_sysfs(file))
			size = kernel_read(file, info, sizeof(*info), &at);
		filp_close(file, NULL);
	}
	if (size == sizeof(*info))
		return 0;
	pr_err("cannot read " BOOT_PARAMS_FILE ": is sysfs mounted on /sys?\n");
	return -EIO;
}

static int find_systab(u64 *address)
{
	struct efi_info info;
	int error;

	error = read_efi_info(&info);
	if (error)
		return error;
	if (memcmp(&info.efi_loader_signature, LOADER_64BIT,
		   sizeof(info.efi_loader_signature))) {
		pr_err("the firmware is not a 64-bit EFI\n");
		return -EOPNOTSUPP;
	}
	*address = (u64)info.efi_systab_hi << 32 | info.efi_systab;
	return 0;
}

/* Only the regions that the firmware keeps using have a virtual address. */
static u64 virtual_to_physical(u64 address, u64 size)
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

/*
 * Where the kernel uses the firmware's runtime services, it gave the firmware
 * a virtual address map, and with it the pointers in the system table became
 * virtual. With efi=noruntime it gave none, and forgot the memory map: they are
 * physical then, and lie in memory that the kernel does not use.
 */
static u64 to_physical(u64 address, u64 size)
{
	if (efi_enabled(EFI_MEMMAP))
		return virtual_to_physical(address, size);
	if (efi_enabled(EFI_RUNTIME_SERVICES) ||
	    !firmware_can_be(address, size) || firmware_is_ram(address, size))
		return 0;
	return address;
}

static int check_systab(const efi_system_table_64_t *systab, u64 address)
{
	if (systab->hdr.signature != EFI_SYSTEM_TABLE_SIGNATURE) {
		pr_err("no EFI system table at 0x%llx\n", address);
		return -EIO;
	}
	if (systab->nr_tables > TABLES_MAX) {
		pr_err("the EFI system table at 0x%llx claims %u tables\n",
		       address, systab->nr_tables);
		return -EIO;
	}
	return 0;
}

static int read_systab(efi_system_table_64_t *systab)
{
	efi_system_table_64_t *published;
	u64 address;
	int error;

	error = find_systab(&address);
	if (error)
		return error;
	published = firmware_map(address, sizeof(*published));
	if (!published) {
		pr_err("cannot map the EFI system table at 0x%llx\n", address);
		return -ENOMEM;
	}
	memcpy(systab, published, sizeof(*systab));
	firmware_unmap(published);
	return check_systab(systab, address);
}

static int search(const efi_config_table_64_t *tables, u32 count,
		  efi_guid_t guid, u64 *found)
{
	u32 i;

	for (i = 0; i < count; i++) {
		if (efi_guidcmp(tables[i].guid, guid))
			continue;
		*found = tables[i].table;
		return 0;
	}
	return -ENODEV;
}

int systab_find(efi_guid_t guid, u64 *found)
{
	efi_config_table_64_t *tables;
	efi_system_table_64_t systab;
	u64 address, size;
	int error;

	if (!efi_enabled(EFI_BOOT))
		return -ENODEV;
	error = read_systab(&systab);
	if (error)
		return error;
	if (!systab.nr_tables)
		return -ENODEV;
	size = systab.nr_tables * sizeof(*tables);
	address = to_physical(systab.tables, size);
	tables = firmware_map(address, size);
	if (!tables) {
		pr_err("cannot map the EFI configuration table at 0x%llx%s\n",
		       systab.tables, efi_enabled(EFI_RUNTIME_SERVICES) ? "" :
		       ": the kernel has no EFI runtime services (efi=noruntime?)");
		return -EIO;
	}
	error = search(tables, systab.nr_tables, guid, found);
	firmware_unmap(tables);
	return error;
}
