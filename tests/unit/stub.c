// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acpi.h"
#include "keep.h"
#include "machine.h"
#include "pe.h"
#include "support.h"
#include "tables.h"

#define GIB (1ULL << 30)
#define MIB (1ULL << 20)

enum { CONVENTIONAL = 7, RESERVED = 0, DEVICE = 11, ECAM_ON = 1, ADDRESS = 0x7f000000 };

#define ECAM 0xe0000000ULL

static struct region regions[16];
static struct machine machine;
static uint8_t memory[TABLES_SIZE];

static struct map new_map(void)
{
	memset(&machine, 0, sizeof(machine));
	return (struct map){ regions, 0 };
}

static void add(struct map *map, uint32_t type, uint64_t start, uint64_t end)
{
	assert_null(map_add(map, type, start, (end - start) >> 12));
}

/* 6 GiB, 2 of them low, as OVMF tells it. */
static struct map usual_map(void)
{
	struct map map = new_map();

	add(&map, CONVENTIONAL, 0, 0xa0000);
	add(&map, CONVENTIONAL, MIB, 2 * GIB);
	add(&map, RESERVED, ECAM, ECAM + 256 * MIB);
	add(&map, DEVICE, 0xffc00000, 4 * GIB);
	add(&map, CONVENTIONAL, 4 * GIB, 8 * GIB);
	return map;
}

static void no_map_wraps(void **state)
{
	struct map map = new_map();

	(void)state;
	assert_non_null(map_add(&map, CONVENTIONAL, 0x1000, UINT64_MAX));
	assert_non_null(map_add(&map, CONVENTIONAL, 0x1000, UINT64_MAX >> 12));
	assert_non_null(map_add(&map, CONVENTIONAL, UINT64_MAX, 1));
	assert_int_equal(map.count, 0);
	assert_null(map_add(&map, CONVENTIONAL, 0, UINT64_MAX >> 12));
}

static void takes_the_configuration_space(void **state)
{
	struct map map = usual_map();

	(void)state;
	assert_null(machine_set_ecam(&machine, &q35, &map, ECAM | ECAM_ON));
	assert_int_equal(machine.ecam.start, ECAM);
	assert_int_equal(machine.ecam.end, ECAM + 256 * MIB);
	assert_null(machine_set_ecam(&machine, &q35, &map, (ECAM + 64 * MIB) | 2 << 1 | ECAM_ON));
	assert_int_equal(machine.ecam.end, ECAM + 128 * MIB);
}

/* Whatever a host answers to the read of a register. */
static void refuses_another(void **state)
{
	static const uint64_t wrong[] = {
		0, UINT64_MAX, UINT32_MAX, ECAM, ECAM_ON, ECAM | 3 << 1 | ECAM_ON,
		/* in memory, low and high; none of it reserved; behind 4 GiB; over the chips and the ROM */
		0x40000000 | ECAM_ON, 4 * GIB | ECAM_ON, 0xd0000000 | ECAM_ON, 32 * GIB | ECAM_ON,
		0xf0000000 | ECAM_ON, 0xfc000000 | 2 << 1 | ECAM_ON, 1ULL << 63 | ECAM | ECAM_ON,
		/* not a multiple of its size, and so half in what is reserved */
		(ECAM - 64 * MIB) | 1 << 1 | ECAM_ON, (ECAM + 128 * MIB) | ECAM_ON,
	};
	struct map map = usual_map();

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_non_null(machine_set_ecam(&machine, &q35, &map, wrong[i]));
}

static void refuses_half_a_bus(void **state)
{
	struct map map = new_map();

	(void)state;
	add(&map, RESERVED, 0xc0000000, 0xf0000000);
	assert_non_null(machine_set_ecam(&machine, &q35, &map, 0xd8000000 | ECAM_ON));
	assert_null(machine_set_ecam(&machine, &q35, &map, 0xd8000000 | 1 << 1 | ECAM_ON));
}

/* A page that is reserved, as the launch secret's is, is no place for it. */
static void refuses_what_is_reserved_in_part(void **state)
{
	struct map map = new_map();

	(void)state;
	add(&map, RESERVED, ECAM + 0x80c000, ECAM + 0x80d000);
	assert_non_null(machine_set_ecam(&machine, &q35, &map, ECAM | ECAM_ON));
	add(&map, RESERVED, ECAM, ECAM + 256 * MIB);
	assert_non_null(machine_set_ecam(&machine, &q35, &map, ECAM | ECAM_ON));
	map.regions++;
	map.count--;
	assert_null(machine_set_ecam(&machine, &q35, &map, ECAM | ECAM_ON));
	add(&map, CONVENTIONAL, ECAM + MIB, ECAM + 2 * MIB);
	assert_non_null(machine_set_ecam(&machine, &q35, &map, ECAM | ECAM_ON));
}

static void finds_the_windows(void **state)
{
	struct map map = usual_map();

	(void)state;
	assert_null(machine_set_ecam(&machine, &q35, &map, ECAM | ECAM_ON));
	assert_null(machine_set_windows(&machine, &q35, &map, 40));
	assert_int_equal(machine.windows[0].start, 2 * GIB);
	assert_int_equal(machine.windows[0].end, ECAM);
	assert_int_equal(machine.windows[1].start, ECAM + 256 * MIB);
	assert_int_equal(machine.windows[1].end, 0xfec00000);
	assert_int_equal(machine.windows[2].start, 8 * GIB);
	assert_int_equal(machine.windows[2].end, 1ULL << 40);
}

/* In any order of the map, and where nothing is left. */
static void windows_hold_no_memory(void **state)
{
	struct map map = new_map();

	(void)state;
	add(&map, CONVENTIONAL, ECAM - MIB, ECAM);
	add(&map, RESERVED, 0x60000000, 0x60001000);
	add(&map, RESERVED, ECAM, ECAM + 256 * MIB);
	add(&map, CONVENTIONAL, 0xfe000000, 0xff000000);
	add(&map, CONVENTIONAL, 1ULL << 35, 1ULL << 41);
	add(&map, CONVENTIONAL, 4 * GIB, 5 * GIB);
	assert_null(machine_set_ecam(&machine, &q35, &map, ECAM | ECAM_ON));
	assert_null(machine_set_windows(&machine, &q35, &map, 40));
	for (size_t i = 0; i < WINDOWS; i++)
		assert_int_equal(machine.windows[i].start, machine.windows[i].end);
}

static void refuses_address_bits(void **state)
{
	static const unsigned int wrong[] = { 0, 1, 35, 53, 64, 255 };
	struct map map = usual_map();

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_non_null(machine_set_windows(&machine, &q35, &map, wrong[i]));
}

static void refuses_processors(void **state)
{
	(void)state;
	new_map();
	assert_null(machine_add_processor(&machine, 0));
	assert_non_null(machine_add_processor(&machine, 0));
	assert_non_null(machine_add_processor(&machine, UINT32_MAX));
	assert_non_null(machine_add_processor(&machine, UINT64_MAX));
	assert_non_null(machine_add_processor(&machine, 1ULL << 32));
	for (uint32_t i = 1; i < MAX_PROCESSORS; i++)
		assert_null(machine_add_processor(&machine, i * 7));
	assert_non_null(machine_add_processor(&machine, 3));
	assert_int_equal(machine.processor_count, MAX_PROCESSORS);
}

/* What iasl made. */
static const char *make(void)
{
	static uint8_t dsdt[65536];
	FILE *file = fopen(DSDT_PATH, "re");
	size_t size = fread(dsdt, 1, sizeof(dsdt), file);

	fclose(file);
	memset(memory, 0, sizeof(memory));
	return tables_make(memory, ADDRESS, &q35, &machine, dsdt, size);
}

static void *at(uint64_t address)
{
	assert_in_range(address, ADDRESS, ADDRESS + sizeof(memory) - sizeof(struct acpi_header));
	return memory + (address - ADDRESS);
}

static void assert_sum(const void *table, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)table)[i]);
	assert_int_equal(sum, 0);
}

static void *table(const char *signature)
{
	const struct acpi_rsdp *rsdp = (const void *)memory;
	const struct acpi_header *xsdt = at(rsdp->xsdt);

	for (size_t i = sizeof(*xsdt); i < xsdt->length; i += sizeof(uint64_t)) {
		struct acpi_header *found;
		uint64_t address;

		memcpy(&address, (const uint8_t *)xsdt + i, sizeof(address));
		found = at(address);
		assert_sum(found, found->length);
		if (memcmp(found->signature, signature, 4) == 0)
			return found;
	}
	return NULL;
}

static void set_up(uint32_t processors)
{
	struct map map = usual_map();

	assert_null(machine_set_ecam(&machine, &q35, &map, ECAM | ECAM_ON));
	assert_null(machine_set_windows(&machine, &q35, &map, 40));
	for (uint32_t i = 0; i < processors; i++)
		assert_null(machine_add_processor(&machine, i));
}

static void tables_are_whole(void **state)
{
	const struct acpi_rsdp *rsdp = (const void *)memory;
	const struct acpi_header *dsdt, *xsdt;
	const struct acpi_fadt *fadt;
	const struct acpi_facs *facs;

	(void)state;
	set_up(4);
	assert_null(make());
	assert_memory_equal(rsdp->signature, "RSD PTR ", 8);
	assert_sum(rsdp, 20);
	assert_sum(rsdp, sizeof(*rsdp));
	xsdt = at(rsdp->xsdt);
	assert_sum(xsdt, xsdt->length);
	assert_int_equal(xsdt->length, sizeof(*xsdt) + 4 * 8);
	fadt = table("FACP");
	assert_int_equal(sizeof(*fadt), 244);
	assert_int_equal(fadt->smi_command, 0);
	dsdt = at(fadt->x_dsdt);
	assert_int_equal(fadt->dsdt, fadt->x_dsdt);
	assert_sum(dsdt, dsdt->length);
	facs = at(fadt->facs);
	assert_int_equal(fadt->facs % 64, 0);
	assert_int_equal(facs->length, 64);
	assert_non_null(table("HPET"));
	assert_null(table("SSDT"));
}

static void no_register_is_in_memory(void **state)
{
	const struct acpi_place *places[9];
	const struct acpi_fadt *fadt;

	(void)state;
	set_up(1);
	assert_null(make());
	fadt = table("FACP");
	for (size_t i = 0; i < 8; i++)
		places[i] = &fadt->x_pm1a_event + i;
	places[8] = &fadt->reset;
	for (size_t i = 0; i < 9; i++) {
		assert_true(places[i]->space == PLACE_PORT || places[i]->address == 0);
		assert_in_range(places[i]->address, 0, UINT16_MAX);
	}
}

static void mcfg_says_the_buses(void **state)
{
	const struct acpi_mcfg *mcfg;

	(void)state;
	set_up(1);
	assert_null(make());
	mcfg = table("MCFG");
	assert_int_equal(mcfg->header.length, 60);
	assert_int_equal(mcfg->base, ECAM);
	assert_int_equal(mcfg->first_bus, 0);
	assert_int_equal(mcfg->last_bus, 255);
}

static void madt_lists_processors(void **state)
{
	static const uint32_t ids[] = { 0, 254, 255, 70000 };
	const struct acpi_madt *madt;
	size_t small = 0, large = 0;

	(void)state;
	set_up(0);
	assert_non_null(make());
	for (size_t i = 0; i < 4; i++)
		assert_null(machine_add_processor(&machine, ids[i]));
	assert_null(make());
	madt = table("APIC");
	for (size_t i = sizeof(*madt); i < madt->header.length;) {
		const uint8_t *entry = (const uint8_t *)madt + i;

		small += entry[0] == MADT_LOCAL_APIC;
		large += entry[0] == MADT_X2APIC;
		assert_true(entry[1] >= 6);
		i += entry[1];
	}
	assert_int_equal(small, 2);
	assert_int_equal(large, 2);
}

static void most_processors_fit(void **state)
{
	const struct acpi_rsdp *rsdp = (const void *)memory;

	(void)state;
	set_up(MAX_PROCESSORS);
	assert_null(make());
	assert_non_null(table("APIC"));
	assert_in_range(rsdp->xsdt, ADDRESS, ADDRESS + TABLES_SIZE / 2);
}

/* Each of the three, in bytecode that nothing else changed. */
static void dsdt_has_the_windows(void **state)
{
	const struct acpi_fadt *fadt;
	const uint8_t *dsdt;
	size_t found = 0;

	(void)state;
	set_up(1);
	machine.windows[1].end = machine.windows[1].start;
	assert_null(make());
	fadt = table("FACP");
	dsdt = at(fadt->x_dsdt);
	for (size_t i = 0; i + sizeof(struct acpi_window) < 0x200; i++) {
		const struct acpi_window *window = (const void *)(dsdt + i);

		if (window->tag != WINDOW_TAG || window->length != WINDOW_LENGTH)
			continue;
		assert_int_equal(window->min, machine.windows[found].start);
		assert_int_equal(window->size, machine.windows[found].end - machine.windows[found].start);
		assert_int_equal(window->max, window->size ? machine.windows[found].end - 1 : window->min);
		found++;
	}
	assert_int_equal(found, WINDOWS);
}

static void refuses_half_a_dsdt(void **state)
{
	uint8_t half[sizeof(struct acpi_header)] = { 0 };

	(void)state;
	set_up(1);
	assert_non_null(tables_make(memory, ADDRESS, &q35, &machine, half, sizeof(half)));
	half[4] = sizeof(half);
	assert_non_null(tables_make(memory, ADDRESS, &q35, &machine, half, sizeof(half)));
	assert_non_null(tables_make(memory, ADDRESS, &q35, &machine, half, 4));
}

static const struct guid smbios3 = { 0xf2fd1544, 0x9794, 0x4a2c, { 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94 } },
	acpi10 = { 0xeb9d2d30, 0x2d88, 0x11d3, { 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d } },
	secret = { 0xadf956ad, 0xe98c, 0x484c, { 0xae, 0x11, 0xb5, 0x1c, 0x7d, 0x33, 0x64, 0x47 } };

static void restores_the_tables(void **state)
{
	struct ours ours = { &machine, memory };
	struct table_entry entries[] = { { smbios3, regions }, { acpi_guid, regions }, { secret, regions },
					 { acpi10, regions }, { rt_properties_guid, regions },
					 { acpi_guid, NULL } };
	static const struct guid none;

	(void)state;
	assert_true(keep_restore(entries, 6, &ours));
	assert_memory_equal(&entries[0].guid, &none, sizeof(none));
	assert_null(entries[0].table);
	assert_ptr_equal(entries[1].table, &machine);
	assert_ptr_equal(entries[2].table, regions);
	assert_null(entries[3].table);
	assert_ptr_equal(entries[4].table, memory);
	assert_ptr_equal(entries[5].table, &machine);
	assert_false(keep_restore(entries, 4, &ours));
	assert_false(keep_restore(entries, 0, &ours));
	assert_false(keep_allows(&smbios3) || keep_allows(&acpi10) || keep_allows(&none));
}

/* Headers of one section, at their smallest. */
static struct {
	uint8_t dos[0x40];
	struct pe_head head;
	struct pe_section section;
} __attribute__((packed)) program;

static struct pe pe;

static void reset_program(void)
{
	memset(&program, 0, sizeof(program));
	memcpy(program.dos, "MZ", 2);
	program.dos[0x3c] = sizeof(program.dos);
	program.head = (struct pe_head){ .signature = "PE", .machine = PE_AMD64, .section_count = 1,
					 .magic = PE_MAGIC,
					 .optional_size = sizeof(struct pe_head) - offsetof(struct pe_head, magic) };
	program.section = (struct pe_section){ .name = ".cmdline", .virtual_size = 16, .address = 8 };
}

static void reads_sections(void **state)
{
	size_t size = 0;

	(void)state;
	reset_program();
	assert_true(pe_read(&pe, &program, sizeof(program)));
	assert_ptr_equal(pe_find(&pe, PE_CMDLINE), &program.section);
	assert_null(pe_find(&pe, PE_KERNEL));
	assert_null(pe_find(&pe, ".cmd"));
	assert_ptr_equal(pe_loaded(&pe, PE_CMDLINE, &size), (uint8_t *)&program + 8);
	assert_int_equal(size, 16);
}

static void refuses_sections_outside(void **state)
{
	static const uint32_t wrong[][2] = { { 8, UINT32_MAX }, { UINT32_MAX, 16 }, { UINT32_MAX, UINT32_MAX },
					     { sizeof(program), 1 }, { sizeof(program) + 1, 0 } };
	size_t size;

	(void)state;
	reset_program();
	assert_true(pe_read(&pe, &program, sizeof(program)));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		program.section.address = wrong[i][0];
		program.section.virtual_size = wrong[i][1];
		assert_null(pe_loaded(&pe, PE_CMDLINE, &size));
	}
}

static void refuses_other_programs(void **state)
{
	(void)state;
	reset_program();
	for (size_t size = 0; size < sizeof(program); size++)
		assert_false(pe_read(&pe, &program, size));
	program.head.machine = 0xaa64;
	assert_false(pe_read(&pe, &program, sizeof(program)));
	reset_program();
	program.head.section_count = 2;
	assert_false(pe_read(&pe, &program, sizeof(program)));
	reset_program();
	program.head.optional_size = UINT16_MAX;
	assert_false(pe_read(&pe, &program, sizeof(program)));
	reset_program();
	memset(program.dos + 0x3c, 0xff, 4);
	assert_false(pe_read(&pe, &program, sizeof(program)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_map_wraps),
		cmocka_unit_test(takes_the_configuration_space),
		cmocka_unit_test(refuses_another),
		cmocka_unit_test(refuses_half_a_bus),
		cmocka_unit_test(refuses_what_is_reserved_in_part),
		cmocka_unit_test(finds_the_windows),
		cmocka_unit_test(windows_hold_no_memory),
		cmocka_unit_test(refuses_address_bits),
		cmocka_unit_test(refuses_processors),
		cmocka_unit_test(tables_are_whole),
		cmocka_unit_test(no_register_is_in_memory),
		cmocka_unit_test(mcfg_says_the_buses),
		cmocka_unit_test(madt_lists_processors),
		cmocka_unit_test(most_processors_fit),
		cmocka_unit_test(dsdt_has_the_windows),
		cmocka_unit_test(refuses_half_a_dsdt),
		cmocka_unit_test(restores_the_tables),
		cmocka_unit_test(reads_sections),
		cmocka_unit_test(refuses_sections_outside),
		cmocka_unit_test(refuses_other_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
