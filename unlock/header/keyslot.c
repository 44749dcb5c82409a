// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/keyslot.h"

#include <errno.h>
#include <string.h>

/* The key is random, not a passphrase: there is nothing that iterations could protect. */
static const struct crypt_pbkdf_type cheapest = {
	.type = CRYPT_KDF_PBKDF2,
	.hash = "sha256",
	.iterations = 1000,
	.flags = CRYPT_PBKDF_NO_BENCHMARK,
};

enum { AREA_KEY_SIZE = 64 };

/*
 * For a volume with integrity libcryptsetup takes no such wish, and takes this cipher by itself;
 * the policy looks at what came of it.
 */
static int choose_cipher(struct crypt_device *cd)
{
	struct crypt_params_integrity integrity;

	if (crypt_get_integrity_info(cd, &integrity) == 0 && integrity.tag_size > 0)
		return 0;
	return crypt_keyslot_set_encryption(cd, "aes-xts-plain64", AREA_KEY_SIZE);
}

int keyslot_choose_kdf(struct crypt_device *cd)
{
	return crypt_set_pbkdf_type(cd, &cheapest);
}

int keyslot_make_cheap(struct crypt_device *cd)
{
	int r = keyslot_choose_kdf(cd);

	return r == 0 ? choose_cipher(cd) : r;
}

const char *keyslot_explain(int r)
{
	switch (-r) {
	case EPERM:
		return "the key given opens no key slot";
	case EINVAL:
	case ENOSPC:
		return "there is no room for another key slot; remove one that is no longer needed with "
		       "cryptsetup luksKillSlot, and seal again";
	default:
		return strerror(-r);
	}
}
