/* SPDX-License-Identifier: GPL-2.0 */
/* The secret area: the piece of memory that the firmware set aside. */
#ifndef COCOSECRET_AREA_H
#define COCOSECRET_AREA_H

#include <linux/types.h>

struct secret_area {
	u8 *memory;	/* the launch page itself, mapped as the guest's own */
	size_t size;
};

/*
 * Finds the area through the EFI configuration table and maps it. Returns 0;
 * -ENODEV, silently, where the firmware publishes none, and only there; else,
 * with a message, -EINVAL where what it publishes cannot be right, or why that
 * could not be found out.
 */
int secret_area_map(struct secret_area *area);

/* Does nothing to an area that is not mapped. */
void secret_area_unmap(struct secret_area *area);

/*
 * Overwrites size bytes at offset with zeros, in memory and not only in the
 * cache: the owner's key must not stay in a line that is never written back.
 */
void secret_area_wipe(const struct secret_area *area, size_t offset,
		      size_t size);

#endif
