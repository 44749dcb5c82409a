// SPDX-License-Identifier: GPL-2.0-or-later
/* What is known after a wiping, for all that can become of the two folders. */
#include "boot/wipe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/module.h"
#include "lib/cleanup.h"
#include "lib/secret.h"
#include "lib/source.h"
#include "support.h"

/* In the place of the machine: 0, or what opening or loading it comes to. Folders are the test's. */
static int securityfs, launch, agents, mounting, loading;

static int open_or(int error, const char *path)
{
	return error ? error : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int source_open_securityfs(void)
{
	return open_or(securityfs, ".");
}

int source_open_launch(int folder)
{
	(void)folder;
	return open_or(launch, "launch");
}

int source_open_run_anyway(void)
{
	return open_or(agents, "agents");
}

int source_open_run(void)
{
	return -ENOENT;
}

int source_find(const char *secret)
{
	(void)secret;
	return -ENOENT;
}

int mount(const char *what, const char *where, const char *type, unsigned long flags,
	  const void *data)
{
	(void)what;
	(void)where;
	(void)type;
	(void)flags;
	(void)data;
	errno = -mounting;
	return mounting ? -1 : 0;
}

int module_load_efi_secret(void)
{
	return loading;
}

const char *module_explain(int r)
{
	(void)r;
	return "the module's words";
}

bool module_has_dm_crypt(void)
{
	return true;
}

void module_load_ciphers(void)
{
}

static void put(const char *path)
{
	write_file(path, "secret", 6);
}

static int enter(void **state)
{
	securityfs = launch = mounting = loading = 0;
	agents = -ENOENT;
	if (enter_scratch(state))
		return -1;
	log_forget();
	return mkdir("launch", 0700) || mkdir("agents", 0700) || mkdir("state", 0700);
}

static enum wiped wipe_them(void)
{
	CLEANUP(close_fd) int state = open("state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	log_forget();
	return wipe_all(-1, state);
}

static bool is_recorded(void)
{
	return access("state/wiped/all.json", F_OK) == 0;
}

static void all_of_both_folders(void **state)
{
	(void)state;
	agents = 0;
	put("launch/one");
	put("agents/two");
	put("agents/.half");
	assert_int_equal(wipe_them(), WIPED_ALL);
	assert_int_equal(rmdir("launch"), 0);
	assert_int_equal(rmdir("agents"), 0);
	assert_true(is_recorded());
}

static void only_the_module_knows_that_there_are_none(void **state)
{
	(void)state;
	launch = -ENOENT;
	loading = -ENODEV;
	assert_int_equal(wipe_them(), WIPED_NOTHING);
	assert_string_equal(log_text(), "");
	assert_false(is_recorded());
	agents = 0;
	put("agents/two");
	assert_int_equal(wipe_them(), WIPED_ALL);
}

/* Loaded, but without the folder, is another driver; the rest was not even loaded. */
static void whatever_else_becomes_of_it_is_not_known(void **state)
{
	static const int results[] = { 0,	-ENOENT, -EPERM,  -EKEYREJECTED, -EEXIST,
				       -EBUSY,	-EINVAL, -EBADMSG, -ENOMEM,	  -EIO };

	(void)state;
	launch = -ENOENT;
	agents = 0;
	for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++) {
		put("agents/two");
		loading = results[i];
		assert_int_equal(wipe_them(), WIPED_UNKNOWN);
		assert_non_null(strstr(log_text(), "launch secrets may be left: the module's words"));
		assert_int_equal(access("agents/two", F_OK), -1);
	}
	assert_false(is_recorded());
}

/* mount(2) has a word for a kernel without securityfs that is the module's for no secrets. */
static void nor_is_it_without_securityfs(void **state)
{
	static const int results[] = { 0, -ENODEV, -EPERM, -ENOENT };

	(void)state;
	for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++) {
		securityfs = results[i] ? results[i] : -ENOTTY;
		mounting = results[i];
		assert_int_equal(wipe_them(), WIPED_UNKNOWN);
	}
	securityfs = mounting = 0;
	launch = -ENODEV;
	assert_int_equal(wipe_them(), WIPED_UNKNOWN);
}

static void one_that_stays_is_not_wiped(void **state)
{
	(void)state;
	agents = 0;
	assert_int_equal(mkdir("launch/one", 0700), 0);
	assert_int_equal(wipe_them(), WIPED_NOT);
	assert_non_null(strstr(log_text(), "all agent's secrets wiped"));
	assert_int_equal(rmdir("launch/one"), 0);
	assert_int_equal(mkdir("agents/one", 0700), 0);
	assert_int_equal(wipe_them(), WIPED_NOT);
	launch = loading = -ENOENT;
	assert_int_equal(wipe_them(), WIPED_NOT);
	assert_false(is_recorded());
}

static void an_agents_folder_that_cannot_be_opened_is_not_wiped(void **state)
{
	static const int results[] = { -ENOTDIR, -ELOOP, -EACCES, -EIO };

	(void)state;
	for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++) {
		agents = results[i];
		assert_int_equal(wipe_them(), WIPED_NOT);
		assert_non_null(strstr(log_text(), SOURCE_RUN_PATH));
	}
}

static void a_folder_that_is_open_already_is_used(void **state)
{
	CLEANUP(close_fd) int folder = open("launch", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	securityfs = launch = -EIO;
	put("launch/one");
	assert_int_equal(wipe_all(folder, -1), WIPED_ALL);
	assert_int_equal(access("launch/one", F_OK), -1);
	assert_int_equal(faccessat(folder, ".", F_OK, 0), 0);
}

static void one_secret_and_no_other(void **state)
{
	CLEANUP(close_fd) int folder = open("launch", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(close_fd) int records = open("state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	put("launch/one");
	put("launch/two");
	assert_int_equal(wipe_one(folder, records, "none"), 0);
	assert_string_equal(log_text(), "");
	assert_int_equal(wipe_one(folder, records, "one"), 0);
	assert_int_equal(access("launch/one", F_OK), -1);
	assert_int_equal(access("launch/two", F_OK), 0);
	assert_int_equal(access("state/wiped/one.json", F_OK), 0);
	assert_int_equal(mkdir("launch/kept", 0700), 0);
	assert_true(wipe_one(folder, records, "kept") < 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_both_folders),
		TEST(only_the_module_knows_that_there_are_none),
		TEST(whatever_else_becomes_of_it_is_not_known),
		TEST(nor_is_it_without_securityfs),
		TEST(one_that_stays_is_not_wiped),
		TEST(an_agents_folder_that_cannot_be_opened_is_not_wiped),
		TEST(a_folder_that_is_open_already_is_used),
		TEST(one_secret_and_no_other),
	};

	return cmocka_run_group_tests_name("wipe", tests, NULL, NULL);
}
