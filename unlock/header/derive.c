// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/derive.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

void derive_settle(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
			    OPENSSL_INIT_NO_ADD_ALL_DIGESTS, NULL);
}

void derived_key_wipe(struct derived_key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

/* OSSL_PARAM takes pointers to what it only reads as if it might write. */
static OSSL_PARAM octets(const char *name, const void *bytes, size_t size)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)bytes, size);
}

bool derive_key(const struct secret *secret, const char uuid[GUID_TEXT_SIZE], const char *info,
		struct derived_key *key)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		octets(OSSL_KDF_PARAM_KEY, secret->bytes, secret->size),
		octets(OSSL_KDF_PARAM_SALT, uuid, GUID_TEXT_LENGTH),
		octets(OSSL_KDF_PARAM_INFO, info, strlen(info)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	bool done = context && EVP_KDF_derive(context, key->bytes, sizeof(key->bytes), params) == 1;

	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	return done;
}
