/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_MODULES_H
#define COCOSECRET_MODULES_H

/*
 * The image holds the kernel modules that its maker chose, and an index of these: whatever the
 * machine's devices ask for, no other can be loaded.
 */
#define MODULES_LIST "/etc/cocosecret/modules"
#define MODULES_LATER "/etc/cocosecret/modules.root"

/*
 * Loads those that the file @list names, in its order: MODULES_LIST, what every volume needs, the
 * slowest first; MODULES_LATER, what the root's file system needs, which waits for them itself.
 */
void modules_load_listed(const char *list);

/* Loads the drivers of the devices that are there, and of those to come. Does not return. */
_Noreturn void modules_load_drivers(void);

#endif
