// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/settle.h"

#include <libdevmapper.h>
#include <sys/sem.h>

#include "lib/mapping.h"

/* libdevmapper passes no context, and one child opens one volume. */
static struct {
	const char *name;
	struct state_cookies deferred;
	size_t count;
} making;

/*
 * libdevmapper has a switch for this, but with it libcryptsetup sends udev no flags either, and
 * udev's rules then take the mapping for one that is not to be used when the real root goes through
 * all devices again. So this takes the place of libdevmapper's function of that name. The device
 * below a volume with integrity is looked for under /dev/mapper next.
 */
__attribute__((visibility("default"))) int dm_udev_wait(uint32_t cookie)
{
	if (making.count < STATE_COOKIES)
		making.deferred.list[making.count++] = cookie;
	if (making.name)
		mapping_link_integrity(making.name);
	return 1;
}

void settle_begin(const char *name)
{
	making.name = name;
}

void settle_end(struct state_cookies *left)
{
	making.name = NULL;
	*left = making.deferred;
}

/* The cookie is the semaphore's key, as libdevmapper makes it. That it is gone is no fault. */
void settle_finish(uint32_t cookie)
{
	int semaphore = cookie ? semget((key_t)cookie, 1, 0) : -1;

	if (semaphore >= 0)
		semctl(semaphore, 0, IPC_RMID);
}
