// SPDX-License-Identifier: GPL-2.0-or-later
/* What is decoded is what an encoder writes, in either alphabet, and nothing else is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct slice text, enum base64_alphabet alphabet, size_t room)
{
	unsigned char *bytes = malloc(room);
	char *again = malloc(BASE64_TEXT_SIZE(room));
	int size = base64_decode(text, alphabet, bytes, room);

	if (size > (int)room)
		abort();
	if (size >= 0) {
		base64_encode(bytes, (size_t)size, alphabet, again);
		if (strlen(again) != text.length || memcmp(again, text.at, text.length) != 0)
			abort();
	}
	free(again);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice text = { (const char *)data, size };

	for (int alphabet = BASE64; alphabet <= BASE64URL; alphabet++) {
		check(text, (enum base64_alphabet)alphabet, size);
		check(text, (enum base64_alphabet)alphabet, size / 2);
	}
	return 0;
}
