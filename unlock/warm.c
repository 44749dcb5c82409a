// SPDX-License-Identifier: GPL-2.0-or-later
#include "warm.h"

#include <libcryptsetup.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"
#include "derive.h"
#include "header.h"
#include "keyslot.h"
#include "module.h"

static pthread_t thread;
static bool is_running;

/* To choose a key derivation is what makes libcryptsetup start its part without a device. */
static void warm_libcryptsetup(void)
{
	CLEANUP(header_free) struct crypt_device *cd = NULL;

	if (crypt_init(&cd, NULL) == 0)
		keyslot_choose_kdf(cd);
}

/* A key of nothing for nothing: libcrypto keeps the algorithms that it looked for. */
static void warm_libcrypto(void)
{
	static unsigned char none[DERIVED_KEY_SIZE];
	const struct secret secret = { .bytes = none, .size = sizeof(none) };
	struct derived_key key;

	derive_key(&secret, GUID_DISK_KEY, "", &key);
	EVP_MAC_free(EVP_MAC_fetch(NULL, "HMAC", NULL));
	EVP_CIPHER_free(EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL));
}

static void *warm(void *unused)
{
	warm_libcryptsetup();
	warm_libcrypto();
	return unused;
}

/*
 * Without a thread everything is done later, as ever. With it malloc would reserve an address range
 * of its own for it, and use more memory.
 */
void warm_start(void)
{
	mallopt(M_ARENA_MAX, 1);
	is_running = pthread_create(&thread, NULL, warm, NULL) == 0;
}

void warm_finish(void)
{
	if (is_running)
		pthread_join(thread, NULL);
	is_running = false;
}

static void *load_ciphers(void *unused)
{
	module_load_ciphers();
	return unused;
}

/* Nobody waits for it: a process that is forked meanwhile has no use for libkmod. */
void warm_ciphers(void)
{
	pthread_t loader;

	if (pthread_create(&loader, NULL, load_ciphers, NULL) == 0)
		pthread_detach(loader);
}
