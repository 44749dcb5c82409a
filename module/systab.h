/* SPDX-License-Identifier: GPL-2.0 */
/* The EFI configuration table, also on kernels that do not look for ours. */
#ifndef COCOSECRET_SYSTAB_H
#define COCOSECRET_SYSTAB_H

#include <linux/efi.h>

/*
 * Physical address of the configuration table that guid names, found by a
 * walk from the EFI system table; 0 where there is none, or no EFI.
 */
phys_addr_t systab_find(efi_guid_t guid);

#endif
