// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * QEMU's q35: Intel's 82Q35 (MCH) and ICH9, as their data sheets and QEMU's own tables of a trusted
 * run have them.
 */
#include "platform.h"

const struct platform q35 = {
	.name = "q35",
	.marks = {
		{ 0, 0, 0x00, UINT32_MAX, 0x29c08086 },	   /* MCH */
		{ 0x1f, 0, 0x00, UINT32_MAX, 0x29188086 }, /* LPC bridge of ICH9 */
		{ 0x1f, 0, 0x40, 0xff80, 0x600 },	   /* PMBASE */
		{ 0x1f, 0, 0x44, 0x87, 0x80 },		   /* ACPI_CNTL: enabled, SCI is IRQ 9 */
	},
	.chips = 0xfec00000,
	.local_apic = 0xfee00000,
	.io_apic = 0xfec00000,
	.hpet = 0xfed00000,
	.hpet_id = 0x8086a201,
	.pm_event = 0x600,
	.pm_control = 0x604,
	.pm_timer = 0x608,
	.gpe = 0x620,
	.gpe_size = 16,
	.reset = 0xcf9,
	.reset_value = 0x0f,
	.sci = 9,
	.century = 0x32,
	.ecam = { .device = 0, .function = 0, .offset = 0x60 }, /* PCIEXBAR */
};
