// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening, on LUKS2 image files, as far as it goes without device-mapper. */
#include "header/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/open.h"
#include "header/document.h"
#include "header/token.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/secret.h"
#include "support.h"

#define OTHER_SECRET "11111111-2222-3333-4444-555555555555"
#define TOKEN(slot, secret) \
	"{\"type\":\"cocosecret\",\"keyslots\":[\"" slot "\"],\"secret\":\"" secret "\"}"

static const char *const keys[] = { "owner's own key, 32 bytes long..", "the launch key, 32 bytes long..." };
static const struct volume unsealed = { .name = "root", .secret = GUID_DISK_KEY, .options = VOLUME_UNSEALED };
static const struct volume sealed = { .name = "root", .secret = GUID_DISK_KEY };
static const struct volume integrity = { .name = "root", .secret = GUID_DISK_KEY,
					 .options = VOLUME_UNSEALED | VOLUME_INTEGRITY };

static struct fault fault;

static int open_image_after(const struct volume *volume, int ciphers)
{
	static const struct anchors none = { 0 };
	const struct open_terms terms = { AT_FDCWD, AT_FDCWD, ciphers, &none };

	log_forget();
	fault = (struct fault){ 0 };
	return volume_open(volume, "image", &terms, &fault);
}

static int open_image(const struct volume *volume)
{
	return open_image_after(volume, -1);
}

/* Where it is set, in place of the header's. */
static const char *dumped;

int crypt_dump_json(struct crypt_device *cd, const char **json, uint32_t flags)
{
	int (*real)(struct crypt_device *, const char **, uint32_t) = NULL;

	*(void **)&real = dlsym(RTLD_NEXT, "crypt_dump_json");
	if (!dumped)
		return real(cd, json, flags);
	*json = dumped;
	return 0;
}

static void metadata_that_is_too_long_is_called_so(void **state)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	CLEANUP(document_free) struct json_object *document = NULL;
	CLEANUP(free_text) char *large = malloc(DOCUMENT_MAX + 2);

	(void)state;
	assert_non_null(large);
	make_image("image", keys, 1);
	assert_int_equal(header_load(&cd, "root", "image", &fault), 0);
	sprintf(large, "%*s", DOCUMENT_MAX + 1, "{}");
	dumped = large;
	assert_int_equal(document_take(cd, &document, &fault), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "longer than 4 MiB"));
	dumped = large + 1;
	assert_int_equal(document_take(cd, &document, &fault), EXIT_IO); /* not as it was written */
	document_free(&document);
	dumped = "[]";
	assert_int_equal(document_take(cd, &document, &fault), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "cannot be read as JSON"));
	dumped = NULL;
}

static int choose(const char *secret)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	CLEANUP(document_free) struct json_object *document = NULL;
	struct token token;
	int id;

	assert_int_equal(header_load(&cd, "root", "image", &fault), 0);
	assert_int_equal(document_take(cd, &document, &fault), 0);
	id = token_find(document, secret, 0);
	if (id < 0)
		return CRYPT_ANY_SLOT;
	return token_read(document, id, &token, &fault) == 0 ? token.slot : -ENOENT;
}

static void the_token_names_the_key_slot(void **state)
{
	(void)state;
	make_image("image", keys, 2);
	assert_int_equal(choose(GUID_DISK_KEY), CRYPT_ANY_SLOT);
	add_token("image", "{\"type\":\"other\",\"keyslots\":[\"0\"],\"secret\":\"" GUID_DISK_KEY "\"}");
	add_token("image", TOKEN("0", OTHER_SECRET));
	add_token("image", TOKEN("1", "736869E5-84F0-4973-92EC-06879CE3DA0B"));
	assert_int_equal(choose(GUID_DISK_KEY), 1);
	assert_int_equal(choose(OTHER_SECRET), 0);
	assert_int_equal(choose("22222222-2222-3333-4444-555555555555"), CRYPT_ANY_SLOT);
}

static void a_token_without_a_slot_has_none(void **state)
{
	(void)state;
	make_image("image", keys, 1);
	write_file(GUID_DISK_KEY, keys[0], KEY_SIZE);
	add_token("image", "{\"type\":\"cocosecret\",\"keyslots\":[],\"secret\":\"" GUID_DISK_KEY "\"}");
	assert_true(choose(GUID_DISK_KEY) < 0 && choose(GUID_DISK_KEY) != CRYPT_ANY_SLOT);
	assert_int_equal(open_image(&unsealed), EXIT_HEADER);
}

static void odd_tokens_are_passed_over(void **state)
{
	(void)state;
	make_image("image", keys, 1);
	add_token("image", "{\"type\":\"cocosecret\",\"keyslots\":[\"0\"]}");
	add_token("image", "{\"type\":\"cocosecret\",\"keyslots\":[\"0\"],\"secret\":7}");
	add_token("image", "{\"type\":\"cocosecret\",\"keyslots\":[\"0\"],\"secret\":null}");
	assert_int_equal(choose(GUID_DISK_KEY), CRYPT_ANY_SLOT);
}

static void the_slot_opens_with_its_key_only(void **state)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;

	(void)state;
	make_image("image", keys, 2);
	assert_int_equal(header_load(&cd, "root", "image", &fault), 0);
	assert_int_equal(crypt_activate_by_passphrase(cd, NULL, 1, keys[1], KEY_SIZE, 0), 1);
	assert_true(crypt_activate_by_passphrase(cd, NULL, 1, keys[0], KEY_SIZE, 0) < 0);
}

static void damage(const char *path, off_t at)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "damage", 6, at), 6);
	close(fd);
}

static void loading_does_not_mend_a_damaged_copy(void **state)
{
	static const off_t copies[] = { 0x1000, 0x5000 }; /* the JSON of the first, of the second */

	(void)state;
	for (size_t i = 0; i < sizeof(copies) / sizeof(*copies); i++) {
		CLEANUP(header_unload) struct crypt_device *cd = NULL;
		uint64_t before;

		make_image("image", keys, 1);
		damage("image", copies[i]);
		before = file_digest("image");
		assert_int_equal(header_load(&cd, "root", "image", &fault), 0);
		assert_int_equal(crypt_activate_by_passphrase(cd, NULL, 0, keys[0], KEY_SIZE, 0), 0);
		assert_true(file_digest("image") == before);
	}
}

static void without_a_seal_a_volume_stays_closed(void **state)
{
	(void)state;
	make_image("image", keys, 1);
	write_file(GUID_DISK_KEY, keys[0], KEY_SIZE);
	assert_int_equal(open_image(&sealed), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "unsealed"));
	assert_int_equal(open_image(&integrity), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "integrity"));
}

/* What the host has put on the device counts for nothing then. */
static void a_detached_header_is_the_one_that_counts(void **state)
{
	static const char nothing[1 << 20];
	struct volume detached = { .name = "root", .secret = GUID_DISK_KEY,
				   .header = "detached", .options = VOLUME_UNSEALED };

	(void)state;
	make_image("image", keys, 1);
	assert_int_equal(open_image(&detached), EXIT_CONFIG);
	assert_non_null(strstr(fault.text, "detached"));
	write_file("detached", nothing, sizeof(nothing));
	assert_int_equal(open_image(&detached), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "detached"));
	assert_int_equal(open_image(&unsealed), EXIT_NO_SECRET);
}

static void what_is_not_luks2_is_refused(void **state)
{
	struct crypt_params_luks1 params = { .hash = "sha256" };
	static const struct crypt_pbkdf_type cheap = { .type = CRYPT_KDF_PBKDF2, .hash = "sha256",
						       .iterations = 1000, .flags = CRYPT_PBKDF_NO_BENCHMARK };
	struct crypt_device *cd;

	(void)state;
	write_file("image", "no header", 9);
	assert_int_equal(truncate("image", 20 << 20), 0);
	assert_int_equal(open_image(&unsealed), EXIT_HEADER);

	assert_int_equal(crypt_init(&cd, "image"), 0);
	assert_int_equal(crypt_set_pbkdf_type(cd, &cheap), 0);
	assert_int_equal(crypt_format(cd, CRYPT_LUKS1, "aes", "xts-plain64", NULL, NULL, 64, &params), 0);
	crypt_free(cd);
	assert_int_equal(open_image(&unsealed), EXIT_HEADER);

	make_image("image", keys, 1);
	damage("image", 0x1000);
	damage("image", 0x5000);
	assert_int_equal(open_image(&unsealed), EXIT_HEADER);

	assert_int_equal(unlink("image"), 0);
	assert_int_equal(open_image(&unsealed), EXIT_IO);
}

static void a_secret_that_is_absent_or_empty_is_no_secret(void **state)
{
	(void)state;
	make_image("image", keys, 1);
	assert_int_equal(open_image(&unsealed), EXIT_NO_SECRET);
	write_file(GUID_DISK_KEY, "", 0);
	assert_int_equal(open_image(&unsealed), EXIT_NO_SECRET);
}

static void no_failure_writes_to_the_image_or_says_the_secret(void **state)
{
	uint64_t before;

	(void)state;
	make_image("image", keys, 1);
	before = file_digest("image");
	write_file(GUID_DISK_KEY, keys[1], KEY_SIZE);
	assert_true(open_image(&unsealed) == EXIT_WRONG_KEY || strstr(log_text(), "device-mapper"));
	assert_null(strstr(log_text(), "launch key"));
	assert_null(strstr(fault.text, "launch key"));
	assert_int_equal(open_image(&sealed), EXIT_HEADER);
	assert_true(file_digest("image") == before);
}

/* Who loads them takes his time, and then leaves a word of it. */
static void load_ciphers_slowly(const int ready[2])
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		usleep(200 * 1000);
		close(open("loaded", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		_exit(0);
	}
	close(ready[1]);
}

static void nothing_is_mapped_before_the_ciphers_are_there(void **state)
{
	int ready[2];

	(void)state;
	make_image("image", keys, 1);
	write_file(GUID_DISK_KEY, keys[0], KEY_SIZE);
	add_token("image", TOKEN("0", GUID_DISK_KEY));
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	load_ciphers_slowly(ready);
	open_image_after(&unsealed, ready[0]);
	assert_int_equal(access("loaded", F_OK), 0);
	close(ready[0]);
	wait(NULL);
}

static void a_refused_header_does_not_wait_for_ciphers(void **state)
{
	int ready[2];

	(void)state;
	make_image("image", keys, 1);
	write_file(GUID_DISK_KEY, keys[0], KEY_SIZE);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	load_ciphers_slowly(ready);
	assert_int_equal(open_image_after(&sealed, ready[0]), EXIT_HEADER);
	assert_int_equal(access("loaded", F_OK), -1);
	close(ready[0]);
	wait(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_token_names_the_key_slot, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(metadata_that_is_too_long_is_called_so, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(a_token_without_a_slot_has_none, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(odd_tokens_are_passed_over, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(the_slot_opens_with_its_key_only, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(loading_does_not_mend_a_damaged_copy, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(without_a_seal_a_volume_stays_closed, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(a_detached_header_is_the_one_that_counts, enter_scratch,
						leave_scratch),
		cmocka_unit_test_setup_teardown(what_is_not_luks2_is_refused, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(a_secret_that_is_absent_or_empty_is_no_secret,
						enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(no_failure_writes_to_the_image_or_says_the_secret,
						enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(nothing_is_mapped_before_the_ciphers_are_there,
						enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(a_refused_header_does_not_wait_for_ciphers,
						enter_scratch, leave_scratch),
	};

	return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
