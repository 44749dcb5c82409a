// SPDX-License-Identifier: GPL-2.0-or-later
#include "guid.h"

#include <errno.h>
#include <string.h>
#include <uuid/uuid.h>

int guid_parse(struct slice text, char out[GUID_TEXT_SIZE])
{
	char copy[GUID_TEXT_SIZE];
	uuid_t uuid;

	if (text.length != GUID_TEXT_LENGTH)
		return -EINVAL;
	memcpy(copy, text.at, GUID_TEXT_LENGTH);
	copy[GUID_TEXT_LENGTH] = '\0';
	if (uuid_parse(copy, uuid) < 0)
		return -EINVAL;
	uuid_unparse_lower(uuid, out);
	return 0;
}

static void swap_fields(const uint8_t in[GUID_BYTES], uint8_t out[GUID_BYTES])
{
	static const uint8_t from[GUID_BYTES] = { 3, 2, 1, 0, 5, 4, 7, 6,
						  8, 9, 10, 11, 12, 13, 14, 15 };

	for (int i = 0; i < GUID_BYTES; i++)
		out[i] = in[from[i]];
}

void guid_to_efi(const char text[GUID_TEXT_SIZE], uint8_t efi[GUID_BYTES])
{
	uuid_t uuid;

	if (uuid_parse(text, uuid) < 0)
		uuid_clear(uuid);
	swap_fields(uuid, efi);
}

void guid_from_efi(const uint8_t efi[GUID_BYTES], char text[GUID_TEXT_SIZE])
{
	uuid_t uuid;

	swap_fields(efi, uuid);
	uuid_unparse_lower(uuid, text);
}
