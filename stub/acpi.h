/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats of ACPI 6.5 that are made here; chapters of the specification are named. */
#ifndef STUB_ACPI_H
#define STUB_ACPI_H

#include <stdint.h>

#define PACKED __attribute__((packed))

/* 5.2.5.3 */
struct acpi_rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t whole_checksum, reserved[3];
} PACKED;

/* 5.2.6 */
struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} PACKED;

/* 5.2.8, of what is made here */
struct acpi_xsdt {
	struct acpi_header header;
	uint64_t tables[4];
} PACKED;

/* 5.2.3.2 "Generic Address Structure" */
struct acpi_place {
	uint8_t space, bits, offset, access;
	uint64_t address;
} PACKED;

enum { PLACE_MEMORY = 0, PLACE_PORT = 1 };

/* 5.2.9, as of revision 3: what is not named stays 0 */
struct acpi_fadt {
	struct acpi_header header;
	uint32_t facs, dsdt;
	uint8_t model, profile;
	uint16_t sci;
	uint32_t smi_command;
	uint8_t enable, disable, s4bios, pstate;
	uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
	uint8_t event_size, control_size, pm2_size, timer_size, gpe0_size, gpe1_size, gpe1_base, cst;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_flags;
	uint8_t reserved;
	uint32_t flags;
	struct acpi_place reset;
	uint8_t reset_value, reserved2[3];
	uint64_t x_facs, x_dsdt;
	struct acpi_place x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control,
		x_pm_timer, x_gpe0, x_gpe1;
} PACKED;

enum {
	FADT_WBINVD = 1 << 0,
	FADT_C1 = 1 << 2,
	FADT_NO_SLEEP_BUTTON = 1 << 5,
	FADT_RTC_S4 = 1 << 7,
	FADT_RESET = 1 << 10,
	FADT_PLATFORM_CLOCK = 1 << 15,
	BOOT_LEGACY = 1 << 0,
	BOOT_8042 = 1 << 1,
	/* No such state: 5.2.9, P_LVL2_LAT and P_LVL3_LAT */
	NO_C2 = 0xfff,
	NO_C3 = 0xfff,
};

/* 5.2.10 */
struct acpi_facs {
	char signature[4];
	uint32_t length, hardware, waking_vector, lock, flags;
	uint64_t x_waking_vector;
	uint8_t version, reserved[31];
} PACKED;

/* IA-PC HPET specification 1.0a, 3.2.4 */
struct acpi_hpet {
	struct acpi_header header;
	uint32_t id;
	struct acpi_place base;
	uint8_t number;
	uint16_t shortest_tick;
	uint8_t protection;
} PACKED;

/* 5.2.12 */
struct acpi_madt {
	struct acpi_header header;
	uint32_t local_apic, flags;
} PACKED;

enum {
	MADT_HAS_PIC = 1,
	MADT_LOCAL_APIC = 0,
	MADT_IO_APIC = 1,
	MADT_OVERRIDE = 2,
	MADT_NMI = 4,
	MADT_X2APIC = 9,
	MADT_X2APIC_NMI = 10,
	MADT_ENABLED = 1,
	MADT_LEVEL_HIGH = 0xd,
	/* Of the smaller entry, 255 is for all. */
	LARGEST_APIC_ID = 254,
};

struct madt_local_apic {
	uint8_t type, length, uid, id;
	uint32_t flags;
} PACKED;

struct madt_x2apic {
	uint8_t type, length;
	uint16_t reserved;
	uint32_t id, flags, uid;
} PACKED;

struct madt_io_apic {
	uint8_t type, length, id, reserved;
	uint32_t address, first;
} PACKED;

struct madt_override {
	uint8_t type, length, bus, irq;
	uint32_t interrupt;
	uint16_t flags;
} PACKED;

struct madt_nmi {
	uint8_t type, length, uid;
	uint16_t flags;
	uint8_t line;
} PACKED;

struct madt_x2apic_nmi {
	uint8_t type, length;
	uint16_t flags;
	uint32_t uid;
	uint8_t line, reserved[3];
} PACKED;

/* PCI firmware specification 3.3, 4.1.2 */
struct acpi_mcfg {
	struct acpi_header header;
	uint8_t reserved[8];
	uint64_t base;
	uint16_t segment;
	uint8_t first_bus, last_bus;
	uint32_t reserved2;
} PACKED;

/* 6.4.3.5.1 "QWord Address Space Descriptor", of memory */
struct acpi_window {
	uint8_t tag;
	uint16_t length;
	uint8_t type, flags, type_flags;
	uint64_t granularity, min, max, offset, size;
} PACKED;

enum { WINDOW_TAG = 0x8a, WINDOW_LENGTH = 0x2b };

#endif
