/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sections of a PE program, "PE Format" of Microsoft's documentation: for the stub, which finds
 * kernel, initramfs and command line in itself, and for cocosecret uki, which puts them there.
 */
#ifndef STUB_PE_H
#define STUB_PE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PE_KERNEL  ".linux"
#define PE_INITRD  ".initrd"
#define PE_CMDLINE ".cmdline"

struct pe_head {
	char signature[4];
	uint16_t machine, section_count;
	uint32_t time, symbols, symbol_count;
	uint16_t optional_size, flags;
	/* the optional header, as far as it matters here */
	uint16_t magic;
	uint8_t linker[2];
	uint32_t code_size, data_size, bss_size, entry, code_base;
	uint64_t image_base;
	uint32_t section_alignment, file_alignment;
	uint16_t versions[6];
	uint32_t reserved, image_size, headers_size, checksum;
} __attribute__((packed));

struct pe_section {
	char name[8];
	uint32_t virtual_size, address, file_size, file_offset, unused[3], flags;
} __attribute__((packed));

enum {
	PE_AMD64 = 0x8664,
	PE_MAGIC = 0x20b,
	PE_INITIALISED_DATA = 0x40,
	PE_READABLE = 0x40000000,
};

struct pe {
	const uint8_t *bytes;
	size_t size;
	const struct pe_head *head;
	const struct pe_section *sections;
	size_t count;
};

/* Whether the first @size bytes hold a PE program's headers, of this kind of machine. */
bool pe_read(struct pe *pe, const void *bytes, size_t size);

/* The first of that name, or NULL. */
const struct pe_section *pe_find(const struct pe *pe, const char *name);

/* Where a section is in a loaded program; NULL where it is not wholly in it, or there is none. */
const uint8_t *pe_loaded(const struct pe *pe, const char *name, size_t *size);

#endif
