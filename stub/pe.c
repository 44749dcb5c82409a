// SPDX-License-Identifier: GPL-2.0-or-later
#include "pe.h"

enum { DOS_SIZE = 0x40, DOS_OFFSET = 0x3c, BEFORE_OPTIONAL = offsetof(struct pe_head, magic) };

static bool same(const char *a, const char *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (a[i] != b[i])
			return false;
		if (!a[i])
			break;
	}
	return true;
}

static uint32_t word_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

bool pe_read(struct pe *pe, const void *bytes, size_t size)
{
	size_t at, sections;

	pe->bytes = bytes;
	pe->size = size;
	if (size < DOS_SIZE || !same(bytes, "MZ", 2))
		return false;
	at = word_at(pe->bytes + DOS_OFFSET);
	if (at > size || size - at < sizeof(*pe->head))
		return false;
	pe->head = (const struct pe_head *)(pe->bytes + at);
	pe->count = pe->head->section_count;
	if (!same(pe->head->signature, "PE\0", 3) || pe->head->signature[3] ||
	    pe->head->machine != PE_AMD64 || pe->head->magic != PE_MAGIC ||
	    pe->head->optional_size < sizeof(*pe->head) - BEFORE_OPTIONAL)
		return false;
	sections = at + BEFORE_OPTIONAL + pe->head->optional_size;
	if (sections > size || (size - sections) / sizeof(*pe->sections) < pe->count)
		return false;
	pe->sections = (const struct pe_section *)(pe->bytes + sections);
	return true;
}

const struct pe_section *pe_find(const struct pe *pe, const char *name)
{
	for (size_t i = 0; i < pe->count; i++)
		if (same(pe->sections[i].name, name, sizeof(pe->sections[i].name)))
			return &pe->sections[i];
	return NULL;
}

const uint8_t *pe_loaded(const struct pe *pe, const char *name, size_t *size)
{
	const struct pe_section *section = pe_find(pe, name);

	if (!section || section->address > pe->size ||
	    section->virtual_size > pe->size - section->address)
		return NULL;
	*size = section->virtual_size;
	return pe->bytes + section->address;
}
