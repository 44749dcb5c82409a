// SPDX-License-Identifier: GPL-2.0-or-later
/* After a key was used, no piece of it is left in the process: its own memory, searched by itself. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "header/document.h"
#include "header/load.h"
#include "header/seal.h"
#include "lib/cleanup.h"
#include "lib/secret.h"
#include "jwe.h"
#include "support.h"

enum { FRAGMENT = 16, MASK = 0x5a };

/* The key exists in plain form only while the image is made and in the file; here it is masked. */
static unsigned char masked[KEY_SIZE];

static bool is_fragment(const unsigned char *at, int offset)
{
	for (int i = 0; i < FRAGMENT; i++)
		if (at[i] != (masked[offset + i] ^ MASK))
			return false;
	return true;
}

static unsigned int search_range(const unsigned char *from, const unsigned char *to)
{
	unsigned int found = 0;

	for (const unsigned char *at = from; at + FRAGMENT <= to; at++)
		for (int offset = 0; offset + FRAGMENT <= KEY_SIZE; offset++)
			found += at[0] == (masked[offset] ^ MASK) && is_fragment(at, offset);
	return found;
}

static unsigned int search_memory(void)
{
	CLEANUP(close_fd) int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	static char maps[1 << 16];
	unsigned long from, to;
	unsigned int found = 0;
	size_t used = 0;
	char mode[5];
	ssize_t n;

	while ((n = read(fd, maps + used, sizeof(maps) - 1 - used)) > 0)
		used += (size_t)n;
	for (char *line = maps; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) == 3 && mode[0] == 'r' &&
		    mode[1] == 'w')
			found += search_range((const unsigned char *)from, (const unsigned char *)to);
	return found;
}

static void make_key_and_image(void)
{
	char key[KEY_SIZE];
	const char *keys[] = { key };
	int random = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	assert_int_equal(read(random, key, sizeof(key)), sizeof(key));
	close(random);
	for (int i = 0; i < KEY_SIZE; i++)
		masked[i] = (unsigned char)(key[i] ^ MASK);
	write_file("key", key, sizeof(key));
	make_image("image", keys, 1);
	explicit_bzero(key, sizeof(key));
}

static void use_key(void)
{
	struct fault fault;
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	CLEANUP(document_free) struct json_object *document = NULL;
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	char value[SEAL_TEXT_SIZE];

	assert_int_equal(header_load(&cd, "root", "image", &fault), 0);
	assert_int_equal(secret_read(&secret, AT_FDCWD, "key"), 0);
	assert_int_equal(search_memory() > 0, true);
	assert_int_equal(document_take(cd, &document, &fault), 0);
	assert_int_equal(seal_compute(document, &secret, value, &fault), 0);
	assert_int_equal(crypt_activate_by_passphrase(cd, NULL, CRYPT_ANY_SLOT, (char *)secret.bytes,
						      secret.size, 0), 0);
}

static void nothing_is_left_of_a_key(void **state)
{
	(void)state;
	make_key_and_image();
	assert_int_equal(search_memory(), 0);
	use_key();
	assert_int_equal(search_memory(), 0);
}

/* What the vector's response is opened with, masked: no piece of it is in this program otherwise. */
static const unsigned char of_response[][KEY_SIZE] = {
	/* the private key */
	{ 0xb9, 0xba, 0xb5, 0x9c, 0xe0, 0x8c, 0xbf, 0xe5, 0x54, 0xbb, 0xca, 0x54, 0x87, 0x2d, 0x2a, 0x38,
	  0x1b, 0xc1, 0xbc, 0x2d, 0x0b, 0x9c, 0x5d, 0x78, 0xa8, 0xd4, 0x42, 0xcc, 0x8b, 0x13, 0x84, 0x11 },
	/* what both sides agree on */
	{ 0x7d, 0x91, 0x0d, 0x47, 0x1d, 0xaa, 0x85, 0x34, 0xd2, 0x96, 0xd9, 0x87, 0xfd, 0x77, 0xd7, 0x6d,
	  0x07, 0x19, 0x98, 0x92, 0x2a, 0xc7, 0xc8, 0x1e, 0x75, 0x49, 0xd3, 0xf6, 0x49, 0x1e, 0x4e, 0x10 },
	/* the key that wraps the content's */
	{ 0xec, 0x09, 0x73, 0x3a, 0x9c, 0x81, 0xb8, 0x20, 0x48, 0x12, 0x5e, 0xd7, 0x8e, 0x2b, 0xed, 0x3a,
	  0x32, 0x3e, 0x25, 0x33, 0xd4, 0x84, 0x93, 0x5d, 0x22, 0xcf, 0x7e, 0xc9, 0x4d, 0xe4, 0x9b, 0xfc },
	/* the content's */
	{ 0xba, 0x25, 0xac, 0xcb, 0x46, 0xbe, 0x3f, 0x25, 0x1e, 0xfd, 0xfc, 0x82, 0xa0, 0xf2, 0xb8, 0x7d,
	  0x50, 0x24, 0x60, 0xed, 0xb4, 0x6c, 0x61, 0xed, 0x1c, 0x9c, 0xe3, 0xbd, 0x4b, 0x60, 0x82, 0xf7 },
	/* the content */
	{ 0x29, 0x3f, 0x39, 0x28, 0x3f, 0x2e, 0x77, 0x69, 0x68, 0x77, 0x38, 0x23, 0x2e, 0x3f, 0x29, 0x77,
	  0x35, 0x3c, 0x77, 0x3e, 0x33, 0x29, 0x31, 0x77, 0x31, 0x3f, 0x23, 0x77, 0x32, 0x3f, 0x28, 0x3f },
};

enum { RESPONSE_KEY, RESPONSE_CONTENT = 4, RESPONSE_COUNT };

/* In the order of bytes, and in that of libcrypto's numbers. */
static unsigned int search_both(const unsigned char bytes[KEY_SIZE])
{
	unsigned int found;

	memcpy(masked, bytes, KEY_SIZE);
	found = search_memory();
	for (int i = 0; i < KEY_SIZE; i++)
		masked[i] = bytes[KEY_SIZE - 1 - i];
	return found + search_memory();
}

static unsigned int search_response(int which)
{
	return search_both(of_response[which]);
}

/* Of a new pair, the private half; it is nowhere but in libcrypto's locked memory. */
static void make_pair(struct jwe_key *key, unsigned char copy[KEY_SIZE])
{
	size_t before = CRYPTO_secure_used();
	BIGNUM *d = NULL;

	assert_int_equal(jwe_make_key(key), 0);
	assert_true(CRYPTO_secure_used() >= before + KEY_SIZE);
	assert_int_equal(EVP_PKEY_get_bn_param(key->pair, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
	BN_bn2binpad(d, copy, KEY_SIZE);
	for (int i = 0; i < KEY_SIZE; i++)
		copy[i] ^= MASK;
	BN_clear_free(d);
}

static void open_response(void)
{
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	struct jwe_key key = { 0 };

	load_vector_key(&key);
	assert_int_equal(jwe_open(&key, VECTOR, &secret), 0);
	assert_true(search_response(RESPONSE_KEY) > 0);
	assert_true(search_response(RESPONSE_CONTENT) > 0);
	jwe_forget_key(&key);
}

static void nothing_is_left_of_a_response(void **state)
{
	unsigned char copy[KEY_SIZE];
	struct jwe_key key;

	(void)state;
	assert_true(jwe_lock_memory());
	make_pair(&key, copy);
	assert_true(search_both(copy) > 0);
	jwe_forget_key(&key);
	assert_int_equal(search_both(copy), 0);
	open_response();
	for (int i = 0; i < RESPONSE_COUNT; i++)
		assert_int_equal(search_response(i), 0);
}

/* Of a process that does not get to its end. */
static void nothing_is_left_where_a_signal_wipes(void **state)
{
	unsigned char copy[KEY_SIZE];
	struct jwe_key key;
	int status;
	pid_t pid;

	(void)state;
	assert_true(jwe_lock_memory());
	make_pair(&key, copy);
	pid = fork();
	if (pid == 0) {
		bool was_there = search_both(copy) > 0;

		jwe_wipe_memory();
		_exit(was_there && search_both(copy) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	jwe_forget_key(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_left_of_a_key, enter_scratch, leave_scratch),
		cmocka_unit_test(nothing_is_left_of_a_response),
		cmocka_unit_test(nothing_is_left_where_a_signal_wipes),
	};

	return cmocka_run_group_tests_name("remanence", tests, NULL, NULL);
}
