// SPDX-License-Identifier: GPL-2.0-or-later
#include "tables.h"

#include "acpi.h"

enum { ALIGNMENT = 64, PCI_BUS_BITS = 20, EVENT_SIZE = 4, CONTROL_SIZE = 2, TIMER_SIZE = 4 };

/* The tables, one behind the other. */
struct shelf {
	uint8_t *memory;
	uint64_t address;
	size_t used;
};

static void copy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
}

static uint8_t checksum(const void *table, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)table)[i]);
	return (uint8_t)-sum;
}

static void *next(struct shelf *shelf, size_t size)
{
	void *place = shelf->memory + shelf->used;

	shelf->used += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return place;
}

/* Its address. */
static uint64_t finish(const struct shelf *shelf, struct acpi_header *header, const char *signature,
		       uint8_t revision, size_t length)
{
	*header = (struct acpi_header){ .length = (uint32_t)length, .revision = revision, .oem_revision = 1 };
	copy(header->signature, signature, sizeof(header->signature));
	copy(header->oem, "COCOSE", sizeof(header->oem));
	copy(header->oem_table, "COCOWALL", sizeof(header->oem_table));
	header->checksum = checksum(header, length);
	return shelf->address + (uint64_t)((uint8_t *)header - shelf->memory);
}

static uint64_t shelve(struct shelf *shelf, const char *signature, uint8_t revision, const void *table,
		       size_t size)
{
	struct acpi_header *header = next(shelf, size);

	copy(header, table, size);
	return finish(shelf, header, signature, revision, size);
}

static struct acpi_place port(uint16_t address, uint8_t bytes)
{
	return (struct acpi_place){ .space = PLACE_PORT, .bits = (uint8_t)(bytes * 8), .address = address };
}

/* The waking vector and the lock stay zero: there is no state to wake from. */
static uint64_t make_facs(struct shelf *shelf)
{
	struct acpi_facs *facs = next(shelf, sizeof(*facs));

	*facs = (struct acpi_facs){ .signature = "FACS", .length = sizeof(*facs), .version = 1 };
	return shelf->address + (uint64_t)((uint8_t *)facs - shelf->memory);
}

/* SMI_CMD is 0: the firmware has turned ACPI on, as the platform's marks say. */
static uint64_t make_fadt(struct shelf *shelf, const struct platform *platform, uint64_t dsdt)
{
	const struct acpi_fadt fadt = {
		.facs = (uint32_t)make_facs(shelf),
		.dsdt = (uint32_t)dsdt,
		.x_dsdt = dsdt,
		.sci = platform->sci,
		.event_size = EVENT_SIZE,
		.control_size = CONTROL_SIZE,
		.timer_size = TIMER_SIZE,
		.gpe0_size = platform->gpe_size,
		.pm1a_event = platform->pm_event,
		.pm1a_control = platform->pm_control,
		.pm_timer = platform->pm_timer,
		.gpe0 = platform->gpe,
		.x_pm1a_event = port(platform->pm_event, EVENT_SIZE),
		.x_pm1a_control = port(platform->pm_control, CONTROL_SIZE),
		.x_pm_timer = port(platform->pm_timer, TIMER_SIZE),
		.x_gpe0 = port(platform->gpe, platform->gpe_size),
		.reset = port(platform->reset, 1),
		.reset_value = platform->reset_value,
		.c2_latency = NO_C2,
		.c3_latency = NO_C3,
		.century = platform->century,
		.boot_flags = BOOT_LEGACY | BOOT_8042,
		.flags = FADT_WBINVD | FADT_C1 | FADT_NO_SLEEP_BUTTON | FADT_RTC_S4 | FADT_RESET |
			 FADT_PLATFORM_CLOCK,
	};

	return shelve(shelf, "FACP", 3, &fadt, sizeof(fadt));
}

static uint64_t make_hpet(struct shelf *shelf, const struct platform *platform)
{
	const struct acpi_hpet hpet = {
		.id = platform->hpet_id,
		.base = { .space = PLACE_MEMORY, .address = platform->hpet },
	};

	return shelve(shelf, "HPET", 1, &hpet, sizeof(hpet));
}

static uint64_t make_mcfg(struct shelf *shelf, struct span ecam)
{
	const struct acpi_mcfg mcfg = {
		.base = ecam.start,
		.last_bus = (uint8_t)(((ecam.end - ecam.start) >> PCI_BUS_BITS) - 1),
	};

	return shelve(shelf, "MCFG", 1, &mcfg, sizeof(mcfg));
}

static uint8_t *put(uint8_t *at, const void *entry, size_t size)
{
	copy(at, entry, size);
	return at + size;
}

static uint8_t *put_processor(uint8_t *at, uint32_t id, uint32_t uid)
{
	const struct madt_local_apic small = { MADT_LOCAL_APIC, sizeof(small), (uint8_t)uid, (uint8_t)id,
					       MADT_ENABLED };
	const struct madt_x2apic large = { MADT_X2APIC, sizeof(large), 0, id, MADT_ENABLED, uid };

	if (id <= LARGEST_APIC_ID && uid <= LARGEST_APIC_ID)
		return put(at, &small, sizeof(small));
	return put(at, &large, sizeof(large));
}

/*
 * The timer is wired to input 2, the lines that PCI devices shared are level-triggered, and line 1 of
 * every processor is for NMIs.
 */
static uint8_t *put_lines(uint8_t *at)
{
	static const struct madt_override overrides[] = {
		{ MADT_OVERRIDE, sizeof(struct madt_override), 0, 0, 2, 0 },
		{ MADT_OVERRIDE, sizeof(struct madt_override), 0, 5, 5, MADT_LEVEL_HIGH },
		{ MADT_OVERRIDE, sizeof(struct madt_override), 0, 9, 9, MADT_LEVEL_HIGH },
		{ MADT_OVERRIDE, sizeof(struct madt_override), 0, 10, 10, MADT_LEVEL_HIGH },
		{ MADT_OVERRIDE, sizeof(struct madt_override), 0, 11, 11, MADT_LEVEL_HIGH },
	};
	static const struct madt_nmi small = { MADT_NMI, sizeof(small), UINT8_MAX, 0, 1 };
	static const struct madt_x2apic_nmi large = { MADT_X2APIC_NMI, sizeof(large), 0, UINT32_MAX, 1, { 0 } };

	at = put(at, overrides, sizeof(overrides));
	return put(put(at, &small, sizeof(small)), &large, sizeof(large));
}

static uint64_t make_madt(struct shelf *shelf, const struct platform *platform, const struct machine *machine)
{
	const struct madt_io_apic io = { MADT_IO_APIC, sizeof(io), 0, 0, platform->io_apic, 0 };
	struct acpi_madt *madt = next(shelf, sizeof(*madt));
	uint8_t *at = (uint8_t *)(madt + 1);
	size_t length;

	madt->local_apic = platform->local_apic;
	madt->flags = MADT_HAS_PIC;
	for (size_t i = 0; i < machine->processor_count; i++)
		at = put_processor(at, machine->processors[i], (uint32_t)i);
	length = (size_t)(put_lines(put(at, &io, sizeof(io))) - (uint8_t *)madt);
	next(shelf, length - sizeof(*madt));
	return finish(shelf, &madt->header, "APIC", 3, length);
}

static void set_window(struct acpi_window *window, struct span span)
{
	window->min = span.start;
	window->max = span.end - 1;
	window->size = span.end - span.start;
	if (window->size == 0)
		window->max = window->min;
}

/* Each of the windows that dsdt.asl leaves open: at a lower bound that no machine has. */
static bool set_windows(uint8_t *dsdt, size_t size, const struct span windows[WINDOWS])
{
	size_t count = 0;

	for (size_t i = 0; i + sizeof(struct acpi_window) <= size; i++) {
		struct acpi_window *window = (struct acpi_window *)(dsdt + i);

		if (window->tag != WINDOW_TAG || window->length != WINDOW_LENGTH ||
		    window->min != (0xc0c0ULL << 48 | (count + 1)) || count == WINDOWS)
			continue;
		set_window(window, windows[count++]);
	}
	return count == WINDOWS;
}

/* 0 where the bytes are no DSDT of ours. */
static uint64_t make_dsdt(struct shelf *shelf, const struct machine *machine, const void *dsdt, size_t size)
{
	struct acpi_header *table;

	if (size < sizeof(*table) || size > TABLES_SIZE / 4)
		return 0;
	table = next(shelf, size);
	copy(table, dsdt, size);
	if (table->length != size || !set_windows((uint8_t *)table, size, machine->windows))
		return 0;
	return finish(shelf, table, "DSDT", table->revision, size);
}

/* Both sums begin at the signature; the first is of what version 1 had. */
static void fill_rsdp(struct acpi_rsdp *rsdp, uint64_t xsdt)
{
	copy(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature));
	copy(rsdp->oem, "COCOSE", sizeof(rsdp->oem));
	rsdp->revision = 2;
	rsdp->length = sizeof(*rsdp);
	rsdp->xsdt = xsdt;
	rsdp->checksum = checksum(rsdp, offsetof(struct acpi_rsdp, length));
	rsdp->whole_checksum = checksum(rsdp, sizeof(*rsdp));
}

const char *tables_make(void *memory, uint64_t address, const struct platform *platform,
			const struct machine *machine, const void *dsdt_bytes, size_t dsdt_size)
{
	struct shelf shelf = { memory, address, 0 };
	struct acpi_rsdp *rsdp = next(&shelf, sizeof(*rsdp));
	uint64_t dsdt = make_dsdt(&shelf, machine, dsdt_bytes, dsdt_size);
	struct acpi_xsdt xsdt = { 0 };

	if (!dsdt)
		return "the DSDT of this program is not whole";
	if (machine->processor_count == 0)
		return "there is no processor";
	xsdt.tables[0] = make_fadt(&shelf, platform, dsdt);
	xsdt.tables[1] = make_hpet(&shelf, platform);
	xsdt.tables[2] = make_mcfg(&shelf, machine->ecam);
	xsdt.tables[3] = make_madt(&shelf, platform, machine);
	fill_rsdp(rsdp, shelve(&shelf, "XSDT", 1, &xsdt, sizeof(xsdt)));
	return NULL;
}
