// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/warm.h"

#include <libcryptsetup.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "boot/module.h"
#include "header/derive.h"
#include "header/keyslot.h"
#include "header/load.h"
#include "lib/cleanup.h"

static pthread_t thread;
static bool is_running, pauses_at_fork;
static atomic_bool is_pausing;

/* To choose a key derivation is what makes libcryptsetup start its part without a device. */
static void warm_libcryptsetup(void)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;

	if (crypt_init(&cd, NULL) == 0)
		keyslot_choose_kdf(cd);
}

/* A key of nothing for nothing: libcrypto keeps the algorithms that it looked for. */
static void warm_derivation(void)
{
	static unsigned char none[DERIVED_KEY_SIZE];
	const struct secret secret = { .bytes = none, .size = sizeof(none) };
	struct derived_key key;

	derive_key(&secret, GUID_DISK_KEY, "", &key);
}

static void warm_seal(void)
{
	EVP_MAC_free(EVP_MAC_fetch(NULL, "HMAC", NULL));
}

static void warm_unwrapping(void)
{
	EVP_CIPHER_free(EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL));
}

/* The first is never left for later: then others use libcryptsetup, which knows no threads. */
enum { FIRST_STEP, STEPS = 4 };
static void (*const steps[STEPS])(void) = {
	warm_libcryptsetup, warm_derivation, warm_seal, warm_unwrapping,
};
static size_t next; /* the thread's while it runs */

static void *warm(void *unused)
{
	while (next < STEPS && !(is_pausing && next > FIRST_STEP))
		steps[next++]();
	return unused;
}

/*
 * Without a thread everything is done later, as usual. It gets memory of its own, since two threads
 * that take turns at one heap wait for each other as long as they work; more of them need not.
 */
void warm_start(void)
{
	if (is_running || next == STEPS)
		return;
	if (!pauses_at_fork)
		pauses_at_fork = pthread_atfork(warm_pause, NULL, NULL) == 0;
	/* A child must not begin with the first step, which fork() would have ended. */
	if (!pauses_at_fork) {
		next = STEPS;
		return;
	}
	mallopt(M_ARENA_MAX, 2);
	is_running = pthread_create(&thread, NULL, warm, NULL) == 0;
}

void warm_pause(void)
{
	is_pausing = true;
	warm_finish();
	is_pausing = false;
	if (next == FIRST_STEP)
		next++;
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

	if (module_has_dm_crypt())
		return;
	if (pthread_create(&loader, NULL, load_ciphers, NULL) == 0)
		pthread_detach(loader);
}
