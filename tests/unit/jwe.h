/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TESTS_JWE_H
#define COCOSECRET_TESTS_JWE_H

#include "agent/jwe.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <string.h>

#include "support.h"

/* Made by Python's cryptography, opened by jose(1) as well. */
#define D "4-DvxrrW5b8O4ZAO3XdwYkGb5ndRxgci8o4YltFJ3ks"
#define X "_28YS5tp3XnUjqY2L6X73_7n641YAUwQ-NdpsVP7Zus"
#define Y "5HA8449CX1RNpd1kBo5A4q8gbWbCk05BElo5H3VtZfg"
#define HEADER "\"protected\":\"eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImVuYyI6IkEyNTZHQ00iLCJlcGsiOnsiY3J2IjoiUC0y" \
	"NTYiLCJrdHkiOiJFQyIsIngiOiJYWEpmT3lPSFRXMGtDYWFFMW5uck1RdmVMLUVKUGpYdWdldTF3OXNRczdNIiwieSI6" \
	"Im8zSGlpamlScGVOWXNocjJGajlMQ3NWOWpXMjZ1Q0Mybnlzc09zMEQyZmsifX0\""
#define WRAPPED "\"encrypted_key\":\"FFkr-5vDPDys13cS5GWg4gB06AKET3O3IN_ftOerSDRcyjQ3AEVYgw\""
#define IV "\"iv\":\"ecXTD_yr1iEp76uj\""
#define TEXT "\"ciphertext\":\"CVbJ_kDesBbTsTRD_-S-zsDHz6CEIEDRDEkooFvrGWg\""
#define TAG "\"tag\":\"HNcq9cmYoxOWG-nUP1hKtA\""
#define VECTOR "{" HEADER "," WRAPPED "," IV "," TEXT "," TAG "}"

/* Without a trace of it elsewhere. */
static inline void load_vector_key(struct jwe_key *key)
{
	unsigned char point[65] = { POINT_CONVERSION_UNCOMPRESSED }, scalar[32];
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	BIGNUM *d = BN_secure_new();
	OSSL_PARAM *params;

	base64_decode(SLICE(X), BASE64URL, point + 1, 32);
	base64_decode(SLICE(Y), BASE64URL, point + 33, 32);
	base64_decode(SLICE(D), BASE64URL, scalar, 32);
	BN_bin2bn(scalar, 32, d);
	explicit_bzero(scalar, sizeof(scalar));
	OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, JWE_CURVE, 0);
	OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, d);
	params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_fromdata_init(context);
	assert_int_equal(EVP_PKEY_fromdata(context, &key->pair, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_clear_free(d);
	EVP_PKEY_CTX_free(context);
}

#endif
