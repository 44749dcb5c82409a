/* SPDX-License-Identifier: GPL-2.0 */
/* The EFI configuration table, also on kernels that do not look for ours. */
#ifndef COCOSECRET_SYSTAB_H
#define COCOSECRET_SYSTAB_H

#include <linux/efi.h>

/*
 * Finds the configuration table that guid names, by a walk from the EFI system
 * table. Returns 0, with its physical address; -ENODEV, silently, where it is
 * known that there is none, or no EFI; else, with a message, why it is not.
 */
int systab_find(efi_guid_t guid, u64 *found);

#endif
