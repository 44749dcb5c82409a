// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define COMMON "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char digits[][64 + 1] = {
	[BASE64] = COMMON "+/",
	[BASE64URL] = COMMON "-_",
};

/* At most two, and only where they fill a group; false where the length is none of an encoder's. */
static bool drop_padding(struct slice *text, enum base64_alphabet alphabet)
{
	size_t whole = text->length;

	if (alphabet == BASE64URL)
		return whole % 4 != 1;
	if (whole % 4)
		return false;
	while (whole - text->length < 2 && text->length && text->at[text->length - 1] == '=')
		text->length--;
	return true;
}

int base64_decode(struct slice text, enum base64_alphabet alphabet, void *bytes, size_t size)
{
	unsigned char *out = bytes;
	unsigned int count = 0; /* of bits that wait for the rest of their byte */
	uint32_t bits = 0;
	size_t done = 0;

	if (!drop_padding(&text, alphabet))
		return -EINVAL;
	for (size_t i = 0; i < text.length; i++) {
		const char *digit = text.at[i] ? strchr(digits[alphabet], text.at[i]) : NULL;

		if (!digit)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(digit - digits[alphabet]);
		count += 6;
		if (count < 8)
			continue;
		if (done == size)
			return -EINVAL;
		count -= 8;
		out[done++] = (unsigned char)(bits >> count);
		bits &= (1u << count) - 1;
	}
	return bits ? -EINVAL : (int)done;
}

void base64_encode(const void *bytes, size_t size, enum base64_alphabet alphabet, char *text)
{
	const unsigned char *in = bytes;

	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i < 3 ? size - i : 3;
		uint32_t bits = 0;

		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (j < left ? in[i + j] : 0u);
		for (size_t j = 0; j < 4; j++)
			if (j <= left)
				*text++ = digits[alphabet][bits >> (18 - 6 * j) & 63];
			else if (alphabet == BASE64)
				*text++ = '=';
	}
	*text = '\0';
}
