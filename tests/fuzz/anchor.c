// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes are owners' keys in PEM, as many as there is room for, or a fault in one printable line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/anchor.h"
#include "lib/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is what is written. */
static void check_text(struct slice text, enum base64_alphabet alphabet)
{
	unsigned char bytes[64];
	char again[BASE64_TEXT_SIZE(sizeof(bytes))];
	int length = base64_decode(text, alphabet, bytes, sizeof(bytes));

	if (length < 0)
		return;
	base64_encode(bytes, (size_t)length, alphabet, again);
	if (strlen(again) != text.length || memcmp(again, text.at, text.length) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice text = { (const char *)data, size };
	struct anchors anchors = { 0 };
	struct fault fault = { "" };

	check_text(text, BASE64);
	check_text(text, BASE64URL);
	if (anchors_add_pem(&anchors, text, "a.pem", &fault) < 0)
		for (const char *c = fault.text; c == fault.text || *c; c++)
			if (*c < ' ' || *c > '~')
				abort();
	if (anchors.count > ANCHORS_MAX)
		abort();
	return 0;
}
