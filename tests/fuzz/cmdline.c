// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes are a command line or a fault in one printable line. */
#include <stdlib.h>
#include <string.h>

#include "config/cmdline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fault fault = { "" };
	struct cmdline cmdline;

	if (cmdline_parse((struct slice){ (const char *)data, size }, &cmdline, &fault) < 0)
		for (const char *c = fault.text; c == fault.text || *c; c++)
			if (*c < ' ' || *c > '~')
				abort();
	if (cmdline.timeout_s == 0 || cmdline.timeout_s > TIMEOUT_MAX_S)
		abort();
	for (size_t i = 0; i < cmdline.volumes.count; i++)
		if (!cmdline.volumes.list[i].name[0] || strchr(cmdline.volumes.list[i].name, '/') ||
		    strlen(cmdline.volumes.list[i].secret) != GUID_TEXT_LENGTH)
			abort();
	volumes_free(&cmdline.volumes);
	return 0;
}
