// SPDX-License-Identifier: GPL-2.0-or-later
/* Nothing opens but what was encrypted to the key: of all inputs, what the corpus begins with. */
#include "agent/jwe.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN "secret-32-bytes-of-disk-key-here"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The vector's of tests/unit/jwe.h. */
static EVP_PKEY *load_key(void)
{
	unsigned char scalar[32];
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;
	BIGNUM *d;

	base64_decode(SLICE("4-DvxrrW5b8O4ZAO3XdwYkGb5ndRxgci8o4YltFJ3ks"), BASE64URL, scalar, sizeof(scalar));
	d = BN_bin2bn(scalar, sizeof(scalar), NULL);
	OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, JWE_CURVE, 0);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, d);
	params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_fromdata_init(context);
	if (EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) != 1)
		abort();
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(d);
	EVP_PKEY_CTX_free(context);
	return key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jwe_key key;
	struct secret secret = { 0 };
	char *text = strndup((const char *)data, size);
	int r;

	if (!key.pair)
		key.pair = load_key();
	r = jwe_open(&key, text, &secret);
	if (r < 0 && r != -EBADMSG)
		abort();
	if (r == 0 && (secret.size != sizeof(PLAIN) - 1 || memcmp(secret.bytes, PLAIN, secret.size) != 0))
		abort();
	secret_wipe(&secret);
	free(text);
	return 0;
}
