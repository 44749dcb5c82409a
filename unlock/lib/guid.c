// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/guid.h"

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

static void swap(uint8_t *a, uint8_t *b)
{
	uint8_t kept = *a;

	*a = *b;
	*b = kept;
}

/* The three fields are of 4, 2 and 2 bytes; the rest has one order everywhere. */
static void swap_fields(uint8_t guid[GUID_BYTES])
{
	swap(guid, guid + 3);
	swap(guid + 1, guid + 2);
	swap(guid + 4, guid + 5);
	swap(guid + 6, guid + 7);
}

void guid_to_efi(const char text[GUID_TEXT_SIZE], uint8_t efi[GUID_BYTES])
{
	if (uuid_parse(text, efi) < 0)
		uuid_clear(efi);
	swap_fields(efi);
}

void guid_from_efi(const uint8_t efi[GUID_BYTES], char text[GUID_TEXT_SIZE])
{
	uint8_t uuid[GUID_BYTES];

	memcpy(uuid, efi, sizeof(uuid));
	swap_fields(uuid);
	uuid_unparse_lower(uuid, text);
}
