// SPDX-License-Identifier: GPL-2.0
/*
 * The table parser under the kernel's own checkers: spoilt tables in buffers
 * of exactly their size, so that KASAN sees every byte too far. Loading it
 * runs the test; it fails to load where the parser breaks its word.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "table.h"

static unsigned int tables = 20000;
module_param(tables, uint, 0444);

enum { ENTRIES_MAX = 12, DATA_MAX = 40 };

static u32 below(u32 limit)
{
	return get_random_u32() % limit;
}

static u32 good_table(u8 *to)
{
	static const u8 guid[SECRET_GUID_SIZE] = SECRET_TABLE_GUID;
	u32 count = below(ENTRIES_MAX), at = SECRET_HEAD_SIZE, i;

	for (i = 0; i < count; i++) {
		u8 name[SECRET_GUID_SIZE];
		u32 size = below(DATA_MAX);

		get_random_bytes(name, sizeof(name));
		secret_head_write(to + at, name, SECRET_HEAD_SIZE + size);
		get_random_bytes(to + at + SECRET_HEAD_SIZE, size);
		at += SECRET_HEAD_SIZE + size;
	}
	secret_head_write(to, guid, at);
	return at;
}

static void spoil(u8 *bytes, u32 size)
{
	u32 times = below(4);

	while (times--)
		bytes[below(size)] = below(3) ? below(256) : 0;
}

static bool keeps_its_word(const struct secret_table *table, int error,
			   const struct secret_fault *fault, u32 size)
{
	char text[SECRET_FAULT_TEXT];
	u32 i;

	if (secret_fault_explain(fault, text, sizeof(text)) >= sizeof(text))
		return false;
	if (error)
		return !table->count && fault->kind != SECRET_FAULT_NONE;
	for (i = 0; i < table->count; i++)
		if (table->entries[i].size > size ||
		    table->entries[i].offset > size - table->entries[i].size)
			return false;
	return true;
}

static int try_one(struct secret_table *table, u8 *work, u32 *refused)
{
	u32 size = good_table(work);
	struct secret_fault fault;
	int error;
	u8 *exact;

	size -= below(8) ? 0 : below(size);
	exact = kmemdup(work, size, GFP_KERNEL);
	if (!exact)
		return -ENOMEM;
	if (size)
		spoil(exact, size);
	error = secret_table_parse(table, exact, size, &fault);
	*refused += !!error;
	if (!keeps_its_word(table, error, &fault, size)) {
		pr_err("kind %d, error %d, size %u\n", fault.kind, error, size);
		error = -ENOTRECOVERABLE;
	} else {
		error = 0;
	}
	kfree(exact);
	return error;
}

static int __init table_test_init(void)
{
	struct secret_table *table = kzalloc(sizeof(*table), GFP_KERNEL);
	u8 *work = kzalloc(SECRET_AREA_MAX, GFP_KERNEL);
	u32 i, refused = 0;
	int error = -ENOMEM;

	if (!table || !work)
		goto out;
	table->capacity = ENTRIES_MAX;
	table->entries = kcalloc(table->capacity, sizeof(*table->entries),
				 GFP_KERNEL);
	if (!table->entries)
		goto out;
	for (i = 0, error = 0; i < tables && !error; i++) {
		error = try_one(table, work, &refused);
		cond_resched();
	}
	pr_info("%u tables, %u refused\n", i, refused);
out:
	if (table)
		kfree(table->entries);
	kfree(work);
	kfree(table);
	return error;
}

static void __exit table_test_exit(void)
{
}

module_init(table_test_init);
module_exit(table_test_exit);
MODULE_DESCRIPTION("Test of cocosecret's table parser");
MODULE_LICENSE("GPL");
