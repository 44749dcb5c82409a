/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of the firmware's configuration tables the kernel may find: plain C, for tests as well. UEFI
 * specification 2.10, 4.6 "EFI Configuration Table".
 */
#ifndef STUB_KEEP_H
#define STUB_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guid {
	uint32_t a;
	uint16_t b, c;
	uint8_t d[8];
};

struct table_entry {
	struct guid guid;
	void *table;
};

extern const struct guid acpi_guid, rt_properties_guid;

/* What we put in the place of the firmware's. */
struct ours {
	void *rsdp, *rt_properties;
};

bool keep_allows(const struct guid *guid);

/*
 * Puts right what the firmware changed since, in place: there is nobody left who would do it. False
 * where a table of ours is not listed at all.
 */
bool keep_restore(struct table_entry *entries, size_t count, const struct ours *ours);

#endif
