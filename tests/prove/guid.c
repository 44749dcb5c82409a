// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text of any bytes is no GUID, or 36 characters that libuuid takes; nothing behind it is read, and
 * libuuid gets a terminated copy. EFI's byte order is the text's with 4, 2 and 2 bytes turned round,
 * and back again the same.
 *
 * Bound: texts of 0 to 40 bytes
 * CBMC: --unsigned-overflow-check --conversion-check --unwind 42
 *
 * libuuid is stood in for by what its manual page promises.
 */
#include <assert.h>

#include "unlock/lib/guid.c"

static uint8_t parsed[GUID_BYTES];
static bool is_uuid;

int uuid_parse(const char *text, uuid_t uuid)
{
	assert(__CPROVER_r_ok(text, GUID_TEXT_SIZE) && text[GUID_TEXT_LENGTH] == '\0');
	memcpy(uuid, parsed, sizeof(parsed));
	return is_uuid ? 0 : -1;
}

void uuid_unparse_lower(const uuid_t uuid, char *text)
{
	assert(__CPROVER_w_ok(text, GUID_TEXT_SIZE));
	assert(memcmp(uuid, parsed, sizeof(parsed)) == 0);
	text[GUID_TEXT_LENGTH] = '\0';
}

void uuid_clear(uuid_t uuid)
{
	memset(uuid, 0, sizeof(parsed));
}

static void check_order(void)
{
	char text[GUID_TEXT_SIZE] = "";
	uint8_t efi[GUID_BYTES], bytes[GUID_BYTES];
	unsigned int one;

	for (size_t i = 0; i < sizeof(parsed); i++)
		bytes[i] = is_uuid ? parsed[i] : 0;
	guid_to_efi(text, efi);
	__CPROVER_assume(one < GUID_BYTES);
	assert(efi[one] == bytes[one < 4 ? 3 - one : one < 6 ? 9 - one : one < 8 ? 13 - one : one]);
	if (is_uuid)
		guid_from_efi(efi, text);
}

int main(void)
{
	char bytes[40], out[GUID_TEXT_SIZE];
	size_t length;

	__CPROVER_havoc_object(parsed);
	__CPROVER_assume(length <= sizeof(bytes));
	is_uuid = out[0];
	assert((guid_parse((struct slice){ bytes + sizeof(bytes) - length, length }, out) == 0) ==
	       (is_uuid && length == GUID_TEXT_LENGTH));
	check_order();
	return 0;
}
