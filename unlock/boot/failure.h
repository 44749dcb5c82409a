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
 * The verb fail, of a unit or a boot script after a failure: wipes every secret, closes what is open,
 * and ends the machine; it comes back for a shell only. Must not be called by process 1.
 */
int failure_end_boot(void);

/* The same where there is no shell: it does not come back. */
int failure_end_closed(void);

/* The verb on-failure: prints what is asked for. */
int failure_print(void);

#endif
