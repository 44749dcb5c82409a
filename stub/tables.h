/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ACPI tables that take the place of the host's: plain C, for tests as well. */
#ifndef STUB_TABLES_H
#define STUB_TABLES_H

#include "machine.h"

/* What they need at most, with the most processors. */
enum { TABLES_SIZE = 256 * 1024 };

/*
 * Fills TABLES_SIZE bytes of zeros, which will stand at @address, a multiple of 64 below 4 GiB; the
 * RSDP comes first. @dsdt is what iasl made of dsdt.asl. NULL, or what is wrong.
 */
const char *tables_make(void *memory, uint64_t address, const struct platform *platform,
			const struct machine *machine, const void *dsdt, size_t dsdt_size);

#endif
