// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A report's first bytes, and a table of certificates, which the host writes: JSON that holds what
 * they say, or none. The same bytes as a quote and as its event log.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/snp.h"
#include "agent/tdx.h"
#include "header/canonical.h"

enum { HEAD = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct json_object *evidence)
{
	char *text = NULL;
	size_t length;

	if (canonical_json(evidence, &text, &length) < 0)
		abort();
	free(text);
}

static void check_snp(const unsigned char *report, const unsigned char *table, size_t size)
{
	struct fault fault = { "" };
	struct json_object *evidence =
		snp_evidence(report, SNP_REPORT_SIZE, table, size, &fault), *chain;
	size_t bytes = 0;

	if (!evidence) {
		if (!fault.text[0])
			abort();
		return;
	}
	chain = json_object_object_get(evidence, "cert_chain");
	for (size_t i = 0; chain && i < json_object_array_length(chain); i++) {
		struct json_object *one = json_object_array_get_idx(chain, i);

		bytes += json_object_array_length(json_object_object_get(one, "data"));
	}
	if (bytes > size)
		abort();
	check_text(evidence);
	json_object_put(evidence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char report[SNP_REPORT_SIZE] = { 0 };
	size_t head = size < HEAD ? size : HEAD;
	struct json_object *quote = tdx_evidence(data, size, size % 2 ? data : NULL, size);
	size_t at = tdx_data_at(data, size);

	if (!quote || (at && at + 64 > size))
		abort();
	check_text(quote);
	json_object_put(quote);
	memcpy(report, data, head);
	/* To the input's very end, which the sanitizer knows. */
	check_snp(report, data + head, size - head);
	return 0;
}
