/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SETTLE_H
#define COCOSECRET_SETTLE_H

#include <stdint.h>

/*
 * libcryptsetup waits until udev has finished with each new mapping, which takes longer than all
 * that the unlocker does besides. What follows needs no such waiting: it waits for the device
 * itself. Between these two calls libcryptsetup is told that udev is done. settle_deferred()
 * returns libdevmapper's cookie, by which udev tells when it is; 0 where there is none.
 */
void settle_defer(void);
uint32_t settle_deferred(void);

/* Takes the cookie's semaphore out of the kernel, if udev has no more use for it. */
void settle_finish(uint32_t cookie);

#endif
