// SPDX-License-Identifier: GPL-2.0-or-later
#include "keep.h"

const struct guid acpi_guid = { 0x8868e871, 0xe4f1, 0x11d3, { 0xbc, 0x22, 0, 0x80, 0xc7, 0x3c, 0x88, 0x81 } };
const struct guid rt_properties_guid = {
	0xeb66918a, 0x7eef, 0x402a, { 0x84, 0x2e, 0x93, 0x1d, 0x21, 0xc3, 0x8a, 0xe9 }
};

static const struct guid allowed[] = {
	/* the launch secret, SEV-SNP's page of secrets, and memory that is not accepted yet */
	{ 0xadf956ad, 0xe98c, 0x484c, { 0xae, 0x11, 0xb5, 0x1c, 0x7d, 0x33, 0x64, 0x47 } },
	{ 0x067b1f5f, 0xcf26, 0x44c5, { 0x85, 0x54, 0x93, 0xd7, 0x77, 0x91, 0x2d, 0x42 } },
	{ 0xd5d1de3c, 0x105c, 0x44f9, { 0x9e, 0xa9, 0xbc, 0xef, 0x98, 0x12, 0x00, 0x31 } },
	/* which of the firmware's memory is code */
	{ 0xdcfa911d, 0x26eb, 0x469f, { 0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20 } },
	/* shim's list of an owner's keys */
	{ 0xc451ed2b, 0x9694, 0x45d3, { 0xba, 0xba, 0xed, 0x9f, 0x89, 0x88, 0xa3, 0x89 } },
	/* the firmware's own, which the kernel's EFI stub asks about memory and nobody else */
	{ 0x7739f24c, 0x93d7, 0x11d4, { 0x9a, 0x3a, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d } },
	{ 0x05ad34ba, 0x6f02, 0x4214, { 0x95, 0x2e, 0x4d, 0xa0, 0x39, 0x8e, 0x2b, 0xb9 } },
	/* what that stub makes: a random seed, and a list of reserved memory */
	{ 0x1ce1e5bc, 0x7ceb, 0x42f2, { 0x81, 0xe5, 0x8a, 0xad, 0xf1, 0x80, 0xf5, 0x7b } },
	{ 0x888eb0c6, 0x8ede, 0x4ff5, { 0xa8, 0xf0, 0x9a, 0xee, 0x5c, 0xb9, 0x77, 0xc2 } },
};

static bool same(const struct guid *one, const struct guid *other)
{
	for (size_t i = 0; i < sizeof(one->d); i++)
		if (one->d[i] != other->d[i])
			return false;
	return one->a == other->a && one->b == other->b && one->c == other->c;
}

bool keep_allows(const struct guid *guid)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		if (same(guid, &allowed[i]))
			return true;
	return same(guid, &acpi_guid) || same(guid, &rt_properties_guid);
}

bool keep_restore(struct table_entry *entries, size_t count, const struct ours *ours)
{
	bool has_acpi = false, has_properties = false;

	for (size_t i = 0; i < count; i++) {
		struct table_entry *entry = &entries[i];

		if (same(&entry->guid, &acpi_guid)) {
			entry->table = ours->rsdp;
			has_acpi = true;
		} else if (same(&entry->guid, &rt_properties_guid)) {
			entry->table = ours->rt_properties;
			has_properties = true;
		} else if (!keep_allows(&entry->guid)) {
			*entry = (struct table_entry){ 0 };
		}
	}
	return has_acpi && has_properties;
}
