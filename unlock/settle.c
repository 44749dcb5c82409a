// SPDX-License-Identifier: GPL-2.0-or-later
#include "settle.h"

#include <dlfcn.h>
#include <libdevmapper.h>
#include <stdbool.h>

typedef int wait_function(uint32_t cookie);

/* libdevmapper passes no context, and one child opens one volume. */
static bool deferring;
static uint32_t deferred;

static wait_function *find_wait(void)
{
	union {
		void *found;
		wait_function *function;
	} symbol = { dlsym(RTLD_NEXT, "dm_udev_wait") };

	return symbol.function;
}

/*
 * libdevmapper has a switch for this, but with it libcryptsetup sends udev no flags either, and
 * udev's rules then take the mapping for one that is not to be used when the real root goes through
 * all devices again. So this takes the place of libdevmapper's function of that name.
 */
__attribute__((visibility("default"))) int dm_udev_wait(uint32_t cookie)
{
	wait_function *wait = deferring ? NULL : find_wait();

	if (deferring)
		deferred = cookie;
	return deferring ? 1 : wait && wait(cookie);
}

void settle_defer(void)
{
	deferring = true;
	deferred = 0;
}

uint32_t settle_deferred(void)
{
	deferring = false;
	return deferred;
}

/* That it was taken out before is no fault. */
static void say_nothing(int level, const char *file, int line, int code, const char *format, ...)
{
	(void)level;
	(void)file;
	(void)line;
	(void)code;
	(void)format;
}

void settle_finish(uint32_t cookie)
{
	int ready;

	dm_log_with_errno_init(say_nothing);
	if (cookie)
		dm_udev_wait_immediate(cookie, &ready);
}
