/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of a kind of machine beforehand, and so not asked of the host. */
#ifndef STUB_PLATFORM_H
#define STUB_PLATFORM_H

#include <stdint.h>

/* A register in the configuration space of bus 0, by which the machine is recognised. */
struct mark {
	uint8_t device, function, offset;
	uint32_t mask, value;
};

struct platform {
	const char *name;
	struct mark marks[4];

	/* A fixed-length span below 4 GiB: what may hold PCI devices ends at the first chip. */
	uint64_t chips;
	uint32_t local_apic, io_apic;
	uint64_t hpet;
	uint32_t hpet_id;

	/* I/O ports, ACPI 6.5, 5.2.9 "Fixed ACPI Description Table" */
	uint16_t pm_event, pm_control, pm_timer, gpe, reset;
	uint8_t gpe_size, reset_value, sci, century;

	/* Where the base of the PCI configuration space stands: a register of 64 bits. */
	struct mark ecam;
};

extern const struct platform q35;

#endif
