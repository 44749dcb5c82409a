/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must come from the machine, and whether it can be: plain C, for tests as well. */
#ifndef STUB_MACHINE_H
#define STUB_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform.h"

enum { MAX_PROCESSORS = 4096, WINDOWS = 3 };

/* From start to before end. */
struct span {
	uint64_t start, end;
};

/* An entry of the firmware's memory map. */
struct region {
	struct span span;
	bool is_memory; /* not reserved, and no device's */
};

struct map {
	struct region *regions;
	size_t count;
};

struct machine {
	struct span ecam;
	struct span windows[WINDOWS]; /* for PCI devices; an empty one begins where it ends */
	uint32_t processors[MAX_PROCESSORS];
	size_t processor_count;
};

/* These return NULL, or what is wrong. */

/* UEFI specification 2.10, 7.2 "GetMemoryMap()": the type, and 4 KiB pages. */
const char *map_add(struct map *map, uint32_t type, uint64_t start, uint64_t pages);

/* The register PCIEXBAR, whatever it may hold. */
const char *machine_set_ecam(struct machine *machine, const struct platform *platform,
			     const struct map *map, uint64_t pciexbar);

/* After the configuration space. @address_bits is what the processor says that it has. */
const char *machine_set_windows(struct machine *machine, const struct platform *platform,
				const struct map *map, unsigned int address_bits);

const char *machine_add_processor(struct machine *machine, uint64_t id);

#endif
