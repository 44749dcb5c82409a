/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_MODULE_H
#define COCOSECRET_MODULE_H

/* Loads efi_secret; negative errno as the kernel gave it, -ENOENT where there is no such module. */
int module_load_efi_secret(void);
const char *module_explain(int r);

#endif
