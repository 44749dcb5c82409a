/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's fw_cfg files, read through its I/O ports. */
#ifndef FWCFG_H
#define FWCFG_H

#include <efi.h>

struct fwcfg_file {
	UINT32 size;
	UINT16 key;
};

void debug_write(const CHAR8 *text);

BOOLEAN fwcfg_find(const CHAR8 *name, struct fwcfg_file *file);

/* Reads at most @size bytes from the file's beginning, straight into @to. */
void fwcfg_read(const struct fwcfg_file *file, void *to, UINTN size);

#endif
