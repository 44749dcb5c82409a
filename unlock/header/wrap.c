// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/wrap.h"

#include <errno.h>
#include <openssl/evp.h>

#include "lib/cleanup.h"

static void free_cipher(EVP_CIPHER_CTX **context)
{
	EVP_CIPHER_CTX_free(*context);
}

/* libcrypto wants to be told that a result longer than what goes in is meant. */
static EVP_CIPHER_CTX *start(const unsigned char *key, enum wrap_direction direction)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (!context)
		return NULL;
	EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_CipherInit_ex2(context, EVP_aes_256_wrap(), key, NULL, (int)direction, NULL))
		return context;
	EVP_CIPHER_CTX_free(context);
	return NULL;
}

int wrap_run(const unsigned char key[WRAP_KEY_SIZE], enum wrap_direction direction,
	     const unsigned char *in, size_t size, unsigned char *out)
{
	CLEANUP(free_cipher) EVP_CIPHER_CTX *context = start(key, direction);
	int done = 0, rest = 0;

	if (!context)
		return -ENOMEM;
	if (!EVP_CipherUpdate(context, out, &done, in, (int)size) ||
	    !EVP_CipherFinal_ex(context, out + done, &rest))
		return -EPERM;
	return done + rest;
}
