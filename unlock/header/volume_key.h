/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_VOLUME_KEY_H
#define COCOSECRET_VOLUME_KEY_H

#include <libcryptsetup.h>

#include "header/document.h"
#include "header/token.h"
#include "lib/base64.h"
#include "lib/secret.h"

/*
 * A sealed token may hold the volume key, wrapped with a key that the secret makes: AES key wrap
 * (RFC 3394, NIST SP 800-38F KW). With it a boot needs no key derivation of the key slot's and none
 * of its anti-forensic stripes. The wrapping key depends on the salt of the token's key slot, so
 * who removes the key slot, and with it the salt, leaves nothing that could be unwrapped. See
 * cocosecret-seal(5).
 */
enum { VOLUME_KEY_MAX = 256, VOLUME_KEY_TEXT_SIZE = BASE64_TEXT_SIZE(VOLUME_KEY_MAX + 8) };

/*
 * The volume key that @secret opens in key slot @slot, wrapped for a token. -EPERM: the secret does
 * not open it; -ENOTSUP: such a key cannot be wrapped.
 */
int volume_key_wrap(struct crypt_device *cd, struct json_object *document, int slot,
		    const struct secret *secret, char text[VOLUME_KEY_TEXT_SIZE]);

/*
 * Activates the volume as @name (NULL: says only whether the key is right) with the volume key in
 * @token, which must have one, and whose seal was checked. -EPERM: it is not this volume's.
 */
int volume_key_activate(struct crypt_device *cd, struct json_object *document,
			const struct token *token, const struct secret *secret, const char *name,
			uint32_t flags);

#endif
