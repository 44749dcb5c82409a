/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SETTLE_H
#define COCOSECRET_SETTLE_H

#include <stdint.h>

#include "root/state.h"

/*
 * libcryptsetup waits until udev has finished with each new mapping, which takes longer than all
 * that the unlocker does besides, and for ever where udev has no dmsetup to say that it has. What
 * follows needs no such waiting: it waits for the device itself. So in this program nothing waits.
 */

/* From here on the mapping @name is made; settle_end() tells what was not waited for. */
void settle_begin(const char *name);
void settle_end(struct state_cookies *left);

/* Takes the cookie's semaphore out of the kernel. udev has no more use for it, or never had. */
void settle_finish(uint32_t cookie);

#endif
