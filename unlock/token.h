/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TOKEN_H
#define COCOSECRET_TOKEN_H

#include <libcryptsetup.h>

/*
 * The key slot that a cocosecret token of the header gives to @secret: CRYPT_ANY_SLOT where no
 * token names the secret, -ENOENT where none of the slots in question exists.
 */
int token_keyslot(struct crypt_device *cd, const char *secret);

#endif
