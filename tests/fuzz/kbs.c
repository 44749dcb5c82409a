// SPDX-License-Identifier: GPL-2.0-or-later
/* Any body is an answer of a broker's or a fault in one printable line. */
#include "agent/kbs.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct fault *fault)
{
	if (!fault->text[0])
		abort();
	for (const char *c = fault->text; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_answer answer = { .status = 401, .session = "0f", .size = size };
	static const struct jwe_key key = { .x = "x", .y = "y" };
	unsigned char digest[EVIDENCE_DIGEST];
	struct fault fault = { "" };
	char nonce[KBS_NONCE_SIZE];

	answer.body = calloc(size + 1, 1);
	memcpy(answer.body, data, size);
	for (int step = KBS_AUTH; step <= KBS_RESOURCE; step++) {
		fault.text[0] = '\0';
		if (kbs_judge((enum kbs_step)step, &answer, &fault) == KBS_OK)
			abort();
		check(&fault);
	}
	fault.text[0] = '\0';
	if (!kbs_take_nonce(&answer, nonce, &fault))
		check(&fault);
	else if (strlen(nonce) == 0 || kbs_digest(nonce, &key, digest) < 0)
		abort();
	fault.text[0] = '\0';
	if (!kbs_take_token(&answer, &fault))
		check(&fault);
	free(answer.body);
	return 0;
}
