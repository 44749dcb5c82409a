// SPDX-License-Identifier: GPL-2.0-or-later
/* In any metadata, a token that is accepted is well-formed, and nothing forged passes for sealed. */
#include "header/token.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "header/seal.h"
#include "header/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_token(struct json_object *document, int id)
{
	struct fault fault = { "" };
	struct token token;

	if (!token_json(document, id))
		return;
	if (token_read(document, id, &token, &fault) < 0) {
		if (!fault.text[0])
			abort();
		return;
	}
	if (token.slot < 0 || token.slot >= TOKENS_MAX || strlen(token.secret) != GUID_TEXT_LENGTH ||
	    token_find(document, token.secret, id) != id)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char key[SEAL_SECRET_MIN] = "no input knows this key's seals";
	/* No point of the curve, or nobody's that is known. */
	static const struct anchors anchors = { .count = 1, .list = { { { 0x27, 0x81, 0x17 } } } };
	const struct secret secret = { .bytes = key, .size = sizeof(key) };
	char *text = strndup((const char *)data, size);
	struct json_object *document =
		document_parse(text, "", "", "5aa5c3f0-2d1e-4b1c-8d0c-3f5e5d6a7b8c");
	char owner[SIGNATURE_KEY_TEXT_SIZE];
	struct fault fault;
	struct token token;

	for (int id = 0; id < TOKENS_MAX && document; id++)
		check_token(document, id);
	if (document && seal_check(document, GUID_DISK_KEY, &secret, &token, &fault) == 0)
		abort();
	if (document && signature_check(document, &anchors, owner, &fault) == 0)
		abort();
	json_object_put(document);
	free(text);
	return 0;
}
