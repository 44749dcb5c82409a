/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SECURITYFS_H
#define COCOSECRET_SECURITYFS_H

#include "lib/text.h"

/*
 * A descriptor of the folder of the launch secrets, on securityfs without doubt; mounts it and
 * loads efi_secret where that has not been done. Negative errno, with the reason in @fault: -ENODEV
 * where efi_secret has looked and there are none, and only there.
 */
int securityfs_open_secrets(struct fault *fault);

#endif
