/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_KEYSLOT_H
#define COCOSECRET_KEYSLOT_H

#include <libcryptsetup.h>

/* The key derivation of the key slots that @cd adds from now on. 0 or negative errno. */
int keyslot_choose_kdf(struct crypt_device *cd);

/* Makes the key slots cheap that @cd adds from now on. 0 or negative errno. */
int keyslot_make_cheap(struct crypt_device *cd);

/* Why no key slot could be added. */
const char *keyslot_explain(int r);

#endif
