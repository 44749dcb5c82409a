/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_MODULES_H
#define COCOSECRET_MODULES_H

/*
 * The image holds the kernel modules that its maker chose, and an index of these: whatever the
 * machine's devices ask for, no other can be loaded.
 */
#define MODULES_LIST "/etc/cocosecret/modules"

/* Loads those that MODULES_LIST names, in its order: what every boot needs, the slowest first. */
void modules_load_listed(void);

/* Loads the drivers of the devices that are there, and of those to come. Does not return. */
_Noreturn void modules_load_drivers(void);

#endif
