/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_FAILURE_H
#define COCOSECRET_FAILURE_H

#include <stdbool.h>

#include "config/cmdline.h"

/*
 * What the kernel command line asks for after a failure; ON_FAILURE_POWEROFF where it cannot be
 * understood. False where it turns cocosecret off.
 */
bool failure_asked(enum on_failure *on_failure);

/*
 * Takes the new root and every volume that this boot opened away from whoever comes next; false
 * where one is left.
 */
bool failure_close(void);

/*
 * Ends the machine; only ON_FAILURE_SHELL comes back. Writes nothing to a disk, not even what a
 * mounted file system still holds in memory. Must not be called by process 1.
 */
void failure_end(enum on_failure on_failure);

#endif
