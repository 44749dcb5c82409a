// SPDX-License-Identifier: GPL-2.0-or-later
#include "fwcfg.h"

enum {
	PORT_DEBUG = 0x402,
	PORT_SELECT = 0x510,
	PORT_DATA = 0x511,
	KEY_DIRECTORY = 0x19,
	NAME_SIZE = 56,
};

static void out8(UINT16 port, UINT8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void select_key(UINT16 key)
{
	__asm__ volatile("outw %0, %1" : : "a"(key), "Nd"((UINT16)PORT_SELECT));
}

static UINT8 next_byte(void)
{
	UINT8 value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"((UINT16)PORT_DATA));
	return value;
}

static UINT32 next_number(UINTN size)
{
	UINT32 value = 0;

	while (size--)
		value = value << 8 | next_byte();
	return value;
}

/* The whole name is consumed, also where it differs early. */
static BOOLEAN next_name_is(const CHAR8 *name)
{
	BOOLEAN same = TRUE, ended = FALSE;

	for (UINTN i = 0; i < NAME_SIZE; i++) {
		CHAR8 byte = next_byte();

		if (ended)
			continue;
		same = same && byte == name[i];
		ended = !byte || !same;
	}
	return same;
}

void debug_write(const CHAR8 *text)
{
	while (*text)
		out8(PORT_DEBUG, *text++);
}

BOOLEAN fwcfg_find(const CHAR8 *name, struct fwcfg_file *file)
{
	UINT32 count;

	select_key(KEY_DIRECTORY);
	count = next_number(4);
	while (count--) {
		file->size = next_number(4);
		file->key = (UINT16)next_number(2);
		next_number(2);
		if (next_name_is(name))
			return TRUE;
	}
	return FALSE;
}

void fwcfg_read(const struct fwcfg_file *file, void *to, UINTN size)
{
	volatile UINT8 *bytes = to;

	select_key(file->key);
	for (UINTN i = 0; i < size && i < file->size; i++)
		bytes[i] = next_byte();
}
