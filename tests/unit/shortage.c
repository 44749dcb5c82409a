// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each allocation of the checks fails in turn, once, or from then on: never does a changed header
 * pass, and never is a good one called a changed one. Of json-c's own functions some leave out what
 * they have no memory for, and say nothing.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "header/check.h"
#include "header/load.h"
#include "header/seal.h"
#include "lib/child.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/secret.h"
#include "support.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

enum { LIMIT_US = 10 * US_PER_S };

struct failing {
	unsigned long first, last;
};

static unsigned long counted, fail_first, fail_last; /* 0: none fails */

static bool fails(void)
{
	counted++;
	if (counted < fail_first || counted > fail_last)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

/* What every program does between the one read of the header and the use of the key. */
static int check(struct crypt_device *cd, const struct secret *secret)
{
	static const struct header_wanted wanted = { .secret = GUID_DISK_KEY };
	CLEANUP(header_free) struct header header = { 0 };
	struct fault fault;
	int r = header_take(&header, cd, 0, &fault);

	return r ? r : header_check(&header, &wanted, secret, &fault);
}

static char key_bytes[KEY_SIZE] = "a key of thirty-two known bytes";
static const struct secret key = { (unsigned char *)key_bytes, KEY_SIZE, KEY_SIZE };

static void seal(const char *path)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	CLEANUP(document_free) struct json_object *document = NULL;
	char value[SEAL_TEXT_SIZE], find[] = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";
	struct fault fault;

	add_token(path, "{\"type\":\"cocosecret\",\"keyslots\":[\"0\"],\"secret\":\"" GUID_DISK_KEY
		  "\",\"seal\":{\"alg\":\"hmac-sha256\",\"value\":"
		  "\"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\"}}");
	assert_int_equal(header_load(&cd, "root", path, &fault), 0);
	assert_int_equal(document_take(cd, &document, &fault), 0);
	assert_int_equal(seal_compute(document, &key, value, &fault), 0);
	edit_header(path, find, value);
}

/* The header is loaded anew each time: libcryptsetup keeps what it once wrote. */
static int load_and_check(const void *context)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	const struct failing *failing = context;
	struct fault fault;
	int r;

	assert_int_equal(header_load(&cd, "root", "image", &fault), 0);
	counted = 0;
	fail_first = failing->first;
	fail_last = failing->last;
	r = check(cd, &key);
	fail_first = fail_last = 0;
	return r;
}

/* In a process of its own, as it is at boot: where memory is short, libraries crash. */
static int crash_or_check(const void *context)
{
	signal(SIGSEGV, SIG_DFL); /* which the test's frame would catch */
	signal(SIGABRT, SIG_DFL);
	return load_and_check(context);
}

static int check_with(unsigned long first, unsigned long last)
{
	return child_run(LIMIT_US, crash_or_check, &(struct failing){ first, last });
}

static void try_all(int wanted)
{
	unsigned long all, right = 0;

	assert_int_equal(load_and_check(&(struct failing){ 0, 0 }), wanted);
	all = counted;
	for (unsigned long i = 1; i <= all; i++) {
		int once = check_with(i, i), on = check_with(i, all);

		if (wanted != EXIT_OPENED && (once == EXIT_OPENED || on == EXIT_OPENED))
			fail_msg("allocation %lu of %lu: the header passes", i, all);
		right += once == wanted;
	}
	print_message("%lu allocations, %lu of which may fail without harm\n", all, right);
}

static void make_sealed(void)
{
	const char *keys[] = { key_bytes };

	make_image("image", keys, 1);
	seal("image");
}

static void try_edited(const char *find, const char *replace)
{
	make_sealed();
	edit_header("image", find, replace);
	try_all(EXIT_HEADER);
}

static void a_good_header(void **state)
{
	(void)state;
	make_sealed();
	try_all(EXIT_OPENED);
}

static void one_with_a_label(void **state)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	struct fault fault;

	(void)state;
	make_sealed();
	assert_int_equal(header_load(&cd, "root", "image", &fault), 0);
	assert_int_equal(crypt_set_label(cd, "of forty characters, all of them printable", NULL), 0);
	try_all(EXIT_HEADER);
}

static void one_with_flags_added(void **state)
{
	(void)state;
	try_edited("\"keyslots_size\":", "\"flags\":[\"allow-discards\"],\"keyslots_size\":");
}

static void one_with_a_token_added(void **state)
{
	(void)state;
	try_edited("\"tokens\":{", "\"tokens\":{\"7\":{\"type\":\"x\",\"keyslots\":[]},");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_scratch, leave_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_header),
		TEST(one_with_a_label),
		TEST(one_with_flags_added),
		TEST(one_with_a_token_added),
	};

	return cmocka_run_group_tests_name("shortage", tests, NULL, NULL);
}
