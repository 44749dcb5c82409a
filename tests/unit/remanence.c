// SPDX-License-Identifier: GPL-2.0-or-later
/* After a key was used, no piece of it is left in the process: its own memory, searched by itself. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "header/document.h"
#include "header/load.h"
#include "header/seal.h"
#include "lib/cleanup.h"
#include "lib/secret.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_left_of_a_key, enter_scratch, leave_scratch),
	};

	return cmocka_run_group_tests_name("remanence", tests, NULL, NULL);
}
