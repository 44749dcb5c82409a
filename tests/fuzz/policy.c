// SPDX-License-Identifier: GPL-2.0-or-later
/* Any metadata is refused in one printable line, or is laid out as the owner's tool may copy it. */
#include "header/policy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct json_object *document = document_parse(text, "", "", "");
	struct policy_layout layout = { 0 };
	struct fault fault = { "" };

	if (document && policy_check(document, false, &layout, &fault) == 0) {
		if (layout.areas < 32768 || layout.end <= layout.areas || layout.end > (256 << 20) ||
		    layout.end % 4096 != 0 || !strstr(text, "xts-plain64"))
			abort();
	} else if (document) {
		for (const char *c = fault.text; c == fault.text || *c; c++)
			if (*c < ' ' || *c > '~')
				abort();
	}
	json_object_put(document);
	free(text);
	return 0;
}
