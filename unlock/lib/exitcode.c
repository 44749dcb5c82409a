// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/exitcode.h"

#include <stddef.h>

static const char *const texts[] = {
	[EXIT_OPENED] = "opened",
	[EXIT_CONFIG] = "usage or configuration error",
	[EXIT_NO_SECRET] = "no secret",
	[EXIT_NO_DEVICE] = "device did not appear",
	[EXIT_HEADER] = "header refused",
	[EXIT_WRONG_KEY] = "wrong key",
	[EXIT_IO] = "device-mapper or I/O error",
	[EXIT_NOT_WIPED] = "secret could not be wiped",
};

const char *exitcode_text(int code)
{
	if (code < 0 || (size_t)code >= sizeof(texts) / sizeof(*texts) || !texts[code])
		return "unexpected exit";
	return texts[code];
}
