// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text that is decoded is what encoding its bytes gives, so each value has one text; any other is
 * refused. No more is written than there is room for, and nothing read behind the text. Bytes that are
 * encoded take BASE64_TEXT_SIZE of them at most, and decode to themselves.
 *
 * Bound: texts of 0 to 8 characters, 0 to 4 bytes, in both alphabets
 * CBMC: --unsigned-overflow-check --unwind 10 --unwindset strchr.0:67
 *
 * That is two groups; a longer text is more groups, which share nothing but where they are written.
 */
#include <assert.h>

#include "unlock/lib/base64.c"

enum { TEXT = 8, BYTES = 4 };

static void check_text(enum base64_alphabet alphabet)
{
	char text[TEXT], again[BASE64_TEXT_SIZE(BYTES)];
	unsigned char bytes[BYTES];
	size_t length, room;
	int done;

	__CPROVER_assume(length <= TEXT && room <= BYTES);
	done = base64_decode((struct slice){ text + TEXT - length, length }, alphabet,
			     bytes + BYTES - room, room);
	if (done < 0)
		return;
	assert((size_t)done <= room);
	base64_encode(bytes + BYTES - room, (size_t)done, alphabet, again);
	assert(strlen(again) == length && memcmp(again, text + TEXT - length, length) == 0);
}

static void check_bytes(enum base64_alphabet alphabet)
{
	unsigned char bytes[BYTES], again[BYTES];
	char text[BASE64_TEXT_SIZE(BYTES)], *start;
	size_t size;

	__CPROVER_assume(size <= BYTES);
	start = text + sizeof(text) - BASE64_TEXT_SIZE(size);
	base64_encode(bytes + BYTES - size, size, alphabet, start);
	assert(base64_decode(slice_of(start), alphabet, again, size) == (int)size);
	assert(memcmp(again, bytes + BYTES - size, size) == 0);
}

struct slice slice_of(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

int main(void)
{
	_Bool url;

	check_text(url ? BASE64URL : BASE64);
	check_bytes(url ? BASE64URL : BASE64);
	return 0;
}
