// SPDX-License-Identifier: GPL-2.0-or-later
#include "tables.h"

#include "acpi.h"

enum { ALIGNMENT = 64, LISTED = 4, PCI_BUS_BITS = 20 };

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

static uint64_t address_of(const struct shelf *shelf, const void *table)
{
	return shelf->address + (uint64_t)((const uint8_t *)table - shelf->memory);
}

static void finish(struct acpi_header *header, const char *signature, uint8_t revision, size_t length)
{
	copy(header->signature, signature, sizeof(header->signature));
	header->length = (uint32_t)length;
	header->revision = revision;
	copy(header->oem, "COCOSE", sizeof(header->oem));
	copy(header->oem_table, "COCOWALL", sizeof(header->oem_table));
	header->oem_revision = 1;
	copy(header->creator, "COCO", sizeof(header->creator));
	header->creator_revision = 1;
	header->checksum = checksum(header, length);
}

static struct acpi_place port(uint16_t address, uint8_t bytes)
{
	return (struct acpi_place){ .space = PLACE_PORT, .bits = (uint8_t)(bytes * 8), .address = address };
}

static void *make_facs(struct shelf *shelf)
{
	struct acpi_facs *facs = next(shelf, sizeof(*facs));

	copy(facs->signature, "FACS", sizeof(facs->signature));
	facs->length = sizeof(*facs);
	facs->version = 1;
	return facs;
}

static void set_ports(struct acpi_fadt *fadt, const struct platform *platform)
{
	fadt->event_size = 4;
	fadt->control_size = 2;
	fadt->timer_size = 4;
	fadt->gpe0_size = platform->gpe_size;
	fadt->pm1a_event = platform->pm_event;
	fadt->pm1a_control = platform->pm_control;
	fadt->pm_timer = platform->pm_timer;
	fadt->gpe0 = platform->gpe;
	fadt->x_pm1a_event = port(platform->pm_event, fadt->event_size);
	fadt->x_pm1a_control = port(platform->pm_control, fadt->control_size);
	fadt->x_pm_timer = port(platform->pm_timer, fadt->timer_size);
	fadt->x_gpe0 = port(platform->gpe, fadt->gpe0_size);
	fadt->reset = port(platform->reset, 1);
	fadt->reset_value = platform->reset_value;
}

/* SMI_CMD is 0: the firmware has turned ACPI on, as the platform's marks say. */
static void *make_fadt(struct shelf *shelf, const struct platform *platform, uint64_t facs, uint64_t dsdt)
{
	struct acpi_fadt *fadt = next(shelf, sizeof(*fadt));

	fadt->facs = (uint32_t)facs;
	fadt->dsdt = (uint32_t)dsdt;
	fadt->x_dsdt = dsdt;
	fadt->sci = platform->sci;
	fadt->c2_latency = NO_C2;
	fadt->c3_latency = NO_C3;
	fadt->century = platform->century;
	fadt->boot_flags = BOOT_LEGACY | BOOT_8042;
	fadt->flags = FADT_WBINVD | FADT_C1 | FADT_NO_SLEEP_BUTTON | FADT_RTC_S4 | FADT_RESET |
		      FADT_PLATFORM_CLOCK;
	set_ports(fadt, platform);
	finish(&fadt->header, "FACP", 3, sizeof(*fadt));
	return fadt;
}

static void *make_hpet(struct shelf *shelf, const struct platform *platform)
{
	struct acpi_hpet *hpet = next(shelf, sizeof(*hpet));

	hpet->id = platform->hpet_id;
	hpet->base = (struct acpi_place){ .space = PLACE_MEMORY, .address = platform->hpet };
	finish(&hpet->header, "HPET", 1, sizeof(*hpet));
	return hpet;
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

/* The timer is wired to input 2; the lines that PCI devices shared are level-triggered. */
static uint8_t *put_overrides(uint8_t *at)
{
	static const struct madt_override overrides[] = {
		{ MADT_OVERRIDE, sizeof(struct madt_override), 0, 0, 2, 0 },
		{ MADT_OVERRIDE, sizeof(struct madt_override), 0, 5, 5, MADT_LEVEL_HIGH },
		{ MADT_OVERRIDE, sizeof(struct madt_override), 0, 9, 9, MADT_LEVEL_HIGH },
		{ MADT_OVERRIDE, sizeof(struct madt_override), 0, 10, 10, MADT_LEVEL_HIGH },
		{ MADT_OVERRIDE, sizeof(struct madt_override), 0, 11, 11, MADT_LEVEL_HIGH },
	};

	return put(at, overrides, sizeof(overrides));
}

/* Line 1 of every processor. */
static uint8_t *put_nmi(uint8_t *at)
{
	static const struct madt_nmi small = { MADT_NMI, sizeof(small), UINT8_MAX, 0, 1 };
	static const struct madt_x2apic_nmi large = { MADT_X2APIC_NMI, sizeof(large), 0, UINT32_MAX, 1, { 0 } };

	return put(put(at, &small, sizeof(small)), &large, sizeof(large));
}

static void *make_madt(struct shelf *shelf, const struct platform *platform, const struct machine *machine)
{
	const struct madt_io_apic io = { MADT_IO_APIC, sizeof(io), 0, 0, platform->io_apic, 0 };
	struct acpi_madt *madt = next(shelf, sizeof(*madt));
	uint8_t *at = (uint8_t *)(madt + 1);
	size_t length;

	madt->local_apic = platform->local_apic;
	madt->flags = MADT_HAS_PIC;
	for (size_t i = 0; i < machine->processor_count; i++)
		at = put_processor(at, machine->processors[i], (uint32_t)i);
	at = put_nmi(put_overrides(put(at, &io, sizeof(io))));
	length = (size_t)(at - (uint8_t *)madt);
	next(shelf, length - sizeof(*madt));
	finish(&madt->header, "APIC", 3, length);
	return madt;
}

static void *make_mcfg(struct shelf *shelf, struct span ecam)
{
	struct acpi_mcfg *mcfg = next(shelf, sizeof(*mcfg));

	mcfg->base = ecam.start;
	mcfg->last_bus = (uint8_t)(((ecam.end - ecam.start) >> PCI_BUS_BITS) - 1);
	finish(&mcfg->header, "MCFG", 1, sizeof(*mcfg));
	return mcfg;
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

static void *make_dsdt(struct shelf *shelf, const struct machine *machine, const void *dsdt, size_t size)
{
	struct acpi_header *table;

	if (size < sizeof(*table) || size > TABLES_SIZE / 4)
		return NULL;
	table = next(shelf, size);
	copy(table, dsdt, size);
	if (table->length != size || !set_windows((uint8_t *)table, size, machine->windows))
		return NULL;
	table->checksum = 0;
	finish(table, "DSDT", table->revision, size);
	return table;
}

static uint64_t make_xsdt(struct shelf *shelf, void *const tables[LISTED])
{
	struct acpi_header *xsdt = next(shelf, sizeof(*xsdt) + LISTED * sizeof(uint64_t));

	for (size_t i = 0; i < LISTED; i++) {
		uint64_t address = address_of(shelf, tables[i]);

		copy((uint8_t *)(xsdt + 1) + i * sizeof(address), &address, sizeof(address));
	}
	finish(xsdt, "XSDT", 1, sizeof(*xsdt) + LISTED * sizeof(uint64_t));
	return address_of(shelf, xsdt);
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
	void *dsdt = make_dsdt(&shelf, machine, dsdt_bytes, dsdt_size), *facs, *listed[LISTED];

	if (!dsdt)
		return "the DSDT of this program is not whole";
	if (machine->processor_count == 0)
		return "there is no processor";
	facs = make_facs(&shelf);
	listed[0] = make_fadt(&shelf, platform, address_of(&shelf, facs), address_of(&shelf, dsdt));
	listed[1] = make_hpet(&shelf, platform);
	listed[2] = make_mcfg(&shelf, machine->ecam);
	listed[3] = make_madt(&shelf, platform, machine);
	fill_rsdp(rsdp, make_xsdt(&shelf, listed));
	return NULL;
}
