/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_DERIVE_H
#define COCOSECRET_DERIVE_H

#include <stdbool.h>

#include "lib/guid.h"
#include "lib/secret.h"

enum { DERIVED_KEY_SIZE = 32 };

struct derived_key {
	unsigned char bytes[DERIVED_KEY_SIZE];
};

/*
 * For a boot, before anything else of libcrypto or libcryptsetup: no configuration file is to change
 * what algorithms do, and names of OpenSSL 1.1's algorithms, which nobody here asks for, are not
 * collected. That would take longer than to check a seal.
 */
void derive_settle(void);

/*
 * HKDF-SHA256 (RFC 5869) of the secret: @uuid, a LUKS UUID in lower case, is the salt, and @info
 * says what the key is for. False where libcrypto has none of it.
 */
bool derive_key(const struct secret *secret, const char uuid[GUID_TEXT_SIZE], const char *info,
		struct derived_key *key);
void derived_key_wipe(struct derived_key *key);

#endif
