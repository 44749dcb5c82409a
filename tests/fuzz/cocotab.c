// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes are volumes or a fault in one printable line. */
#include <stdlib.h>
#include <string.h>

#include "config/cocotab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct volumes volumes = { 0 };
	struct fault fault = { "" };

	if (cocotab_parse((struct slice){ (const char *)data, size }, "cocotab", &volumes, &fault) < 0)
		for (const char *c = fault.text; c == fault.text || *c; c++)
			if (*c < ' ' || *c > '~')
				abort();
	for (size_t i = 0; i < volumes.count; i++)
		if (!volumes.list[i].name[0] || strchr(volumes.list[i].name, '/') ||
		    strlen(volumes.list[i].secret) != GUID_TEXT_LENGTH)
			abort();
	volumes_free(&volumes);
	return 0;
}
