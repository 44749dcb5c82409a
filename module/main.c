// SPDX-License-Identifier: GPL-2.0
/* efi_secret: the launch secrets of a confidential VM as files. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "area.h"
#include "folder.h"
#include "table.h"

static bool keep_on_unload;
module_param(keep_on_unload, bool, 0444);
MODULE_PARM_DESC(keep_on_unload,
		 "Leave the secrets in the launch page when the module is unloaded");

static struct secret_folder folder;

/* Also before kexec: the next kernel was not launched with these secrets. */
static int wipe_on_reboot(struct notifier_block *notifier, unsigned long event,
			  void *command)
{
	secret_folder_wipe(&folder);
	return NOTIFY_DONE;
}

static struct notifier_block reboot_notifier = {
	.notifier_call = wipe_on_reboot,
};

static bool is_blank(const struct secret_area *area)
{
	return !memchr_inv(area->memory, 0, area->size);
}

/* A secret that nobody can name must not stay where nobody can wipe it. */
static int read_table(struct secret_table *table,
		      const struct secret_area *area)
{
	char text[SECRET_FAULT_TEXT];
	struct secret_fault fault;
	int error;

	error = secret_table_parse(table, area->memory, area->size, &fault);
	if (!error)
		return 0;
	if (error == -ENODEV && is_blank(area))
		return error;
	secret_area_wipe(area, 0, area->size);
	secret_fault_explain(&fault, text, sizeof(text));
	if (error == -ENODEV) {
		pr_info("the contents of the secret area are wiped: %s\n", text);
		return error;
	}
	pr_err("malformed secret table, the whole area is wiped: %s\n", text);
	return -EBADMSG;
}

static int __init efi_secret_init(void)
{
	struct secret_table table = {};
	int error;

	error = secret_area_map(&folder.area);
	if (error)
		return error;
	error = -ENOMEM;
	table.capacity = secret_table_capacity(folder.area.size);
	table.entries = kvcalloc(table.capacity, sizeof(*table.entries),
				 GFP_KERNEL);
	if (!table.entries)
		goto unmap;
	error = read_table(&table, &folder.area);
	if (error)
		goto free;
	error = secret_folder_create(&folder, &table);
	if (error)
		goto free;
	register_reboot_notifier(&reboot_notifier);
	pr_info("secrets in securityfs secrets/coco: %u\n", table.count);
free:
	kvfree(table.entries);
unmap:
	if (error)
		secret_area_unmap(&folder.area);
	return error;
}

static void __exit efi_secret_exit(void)
{
	unregister_reboot_notifier(&reboot_notifier);
	if (!keep_on_unload)
		secret_folder_wipe(&folder);
	secret_folder_remove(&folder);
	secret_area_unmap(&folder.area);
}

module_init(efi_secret_init);
module_exit(efi_secret_exit);

MODULE_AUTHOR("The cocosecret authors");
MODULE_DESCRIPTION("Launch secrets of a confidential VM in securityfs");
MODULE_LICENSE("GPL");
/* The device that kernels with CONFIG_EFI_COCO_SECRET register. */
MODULE_ALIAS("platform:efi_secret");
