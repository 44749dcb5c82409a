// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever the machine answers, the configuration space and the windows hold no memory and overlap
 * nothing, and the tables are whole; whatever the bytes of a program are, a section is within them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acpi.h"
#include "machine.h"
#include "pe.h"
#include "tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REGIONS = 32, ADDRESS = 0x7f000000, WINDOW_PLACE = sizeof(struct acpi_header) };

/* Numbers with many zeros and ones are the interesting ones: a byte says how far it is shifted. */
struct input {
	struct {
		uint8_t type, start_shift, pages_shift;
		uint16_t start, pages;
	} __attribute__((packed)) regions[REGIONS];
	uint64_t pciexbar;
	uint8_t count, address_bits, processor_count;
	uint32_t processors[64];
} __attribute__((packed));

static struct machine machine;
static struct region regions[REGIONS];
static uint8_t memory[TABLES_SIZE];

static void must(int holds)
{
	if (!holds)
		abort();
}

static int apart(struct span a, struct span b)
{
	return a.start >= a.end || b.start >= b.end || a.end <= b.start || b.end <= a.start;
}

static void check_span(const struct map *map, struct span span)
{
	must(span.start <= span.end);
	for (size_t i = 0; i < map->count; i++)
		must(!regions[i].is_memory || apart(regions[i].span, span));
}

static void check_machine(const struct map *map)
{
	check_span(map, machine.ecam);
	for (size_t i = 0; i < WINDOWS; i++) {
		check_span(map, machine.windows[i]);
		must(apart(machine.windows[i], machine.ecam));
		for (size_t j = 0; j < i; j++)
			must(apart(machine.windows[i], machine.windows[j]));
		must(apart(machine.windows[i], (struct span){ q35.chips, 1ULL << 32 }));
	}
}

static void check_sum(const void *table, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)table)[i]);
	must(sum == 0);
}

static void check_tables(void)
{
	const struct acpi_rsdp *rsdp = (const void *)memory;
	const struct acpi_header *xsdt = (const void *)(memory + (rsdp->xsdt - ADDRESS));

	check_sum(rsdp, sizeof(*rsdp));
	check_sum(xsdt, xsdt->length);
	for (size_t i = sizeof(*xsdt); i < xsdt->length; i += sizeof(uint64_t)) {
		const struct acpi_header *table;
		uint64_t address;

		memcpy(&address, (const uint8_t *)xsdt + i, sizeof(address));
		must(address >= ADDRESS && address < ADDRESS + TABLES_SIZE);
		table = (const void *)(memory + (address - ADDRESS));
		must(table->length <= TABLES_SIZE - (address - ADDRESS));
		check_sum(table, table->length);
	}
}

/* No more of a DSDT than its head and what is filled in. */
static size_t make_dsdt(uint8_t dsdt[])
{
	const size_t size = WINDOW_PLACE + WINDOWS * sizeof(struct acpi_window);

	memset(dsdt, 0, size);
	((struct acpi_header *)dsdt)->length = (uint32_t)size;
	for (size_t i = 0; i < WINDOWS; i++) {
		struct acpi_window window = { .tag = WINDOW_TAG, .length = WINDOW_LENGTH,
					      .min = 0xc0c0ULL << 48 | (i + 1) };

		memcpy(dsdt + WINDOW_PLACE + i * sizeof(window), &window, sizeof(window));
	}
	return size;
}

static void make(const struct input *input)
{
	uint8_t dsdt[WINDOW_PLACE + WINDOWS * sizeof(struct acpi_window)];
	struct map map = { regions, 0 };

	memset(&machine, 0, sizeof(machine));
	for (size_t i = 0; i < input->count % REGIONS; i++)
		map_add(&map, input->regions[i].type, (uint64_t)input->regions[i].start
			<< input->regions[i].start_shift % 64,
			(uint64_t)input->regions[i].pages << input->regions[i].pages_shift % 64);
	if (machine_set_ecam(&machine, &q35, &map, input->pciexbar) ||
	    machine_set_windows(&machine, &q35, &map, input->address_bits))
		return;
	check_machine(&map);
	for (size_t i = 0; i < input->processor_count % 64; i++)
		machine_add_processor(&machine, input->processors[i]);
	memset(memory, 0, sizeof(memory));
	if (!tables_make(memory, ADDRESS, &q35, &machine, dsdt, make_dsdt(dsdt)))
		check_tables();
}

static void read_program(const uint8_t *data, size_t size)
{
	const uint8_t *at;
	size_t length;
	struct pe pe;

	if (!pe_read(&pe, data, size))
		return;
	at = pe_loaded(&pe, PE_KERNEL, &length);
	must(!at || (at >= data && length <= size && at <= data + size - length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { 0 };

	memcpy(&input, data, size < sizeof(input) ? size : sizeof(input));
	make(&input);
	if (size)
		read_program(data + 1, size - 1);
	return 0;
}
