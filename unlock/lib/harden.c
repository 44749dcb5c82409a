// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/harden.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void harden(void)
{
	static const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
}
