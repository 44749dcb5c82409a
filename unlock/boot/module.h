/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_MODULE_H
#define COCOSECRET_MODULE_H

#include <stdbool.h>

/* All modules that an alias stands for; negative errno, the last one's. */
int module_load(const char *alias);

/* Loads efi_secret; negative errno as the kernel gave it, -ENOENT where there is no such module. */
int module_load_efi_secret(void);
bool module_has_dm_crypt(void); /* then nothing is left to be loaded */
/*
 * Loads what a mapping is likely to need, each in its own time: the kernel tests a cipher when it is
 * loaded. If one fails, the mapping later has the kernel load the missing modules.
 */
void module_load_ciphers(void);
const char *module_explain(int r);

#endif
