// SPDX-License-Identifier: GPL-2.0-or-later
/* The lock of a device or image file, which cryptsetup takes as well; each pause is over at once. */
#include "owner/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "lib/exitcode.h"
#include "support.h"

/* No such loop device is there, nor need be. */
enum { MAJOR = 7, MINOR = 7777 };
#define LOCK_FILE "/run/cryptsetup/L_7:7777"

static struct fault fault;
static int pauses, release_after, other = -1;
static const char *remove_then;

/* What the other one does meanwhile. */
int nanosleep(const struct timespec *pause, struct timespec *rest)
{
	(void)pause;
	(void)rest;
	if (++pauses != release_after)
		return 0;
	if (remove_then)
		assert_int_equal(unlink(remove_then), 0);
	close(other);
	other = -1;
	return 0;
}

static void hold(const char *path)
{
	other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(other >= 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
}

static int begin(void **state)
{
	pauses = release_after = 0;
	remove_then = NULL;
	return enter_scratch(state);
}

static int end(void **state)
{
	if (other >= 0)
		close(other);
	other = -1;
	return leave_scratch(state);
}

static bool is_free(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), r = flock(fd, LOCK_EX | LOCK_NB);

	close(fd);
	return r == 0;
}

static void a_file_is_locked_until_released(void **state)
{
	struct lock lock = LOCK_INIT;
	int fd;

	(void)state;
	write_file("image", "x", 1);
	fd = open("image", O_RDWR | O_CLOEXEC);
	assert_int_equal(lock_take(&lock, fd, "seal: image", &fault), EXIT_OPENED);
	assert_false(is_free("image"));
	lock_release(&lock);
	assert_true(is_free("image"));
	assert_int_equal(pauses, 0);
	close(fd);
}

static void a_lock_is_waited_for_and_that_is_said_once(void **state)
{
	struct lock lock = LOCK_INIT;
	int fd;

	(void)state;
	hold("image");
	release_after = 200;
	fd = open("image", O_RDWR | O_CLOEXEC);
	assert_int_equal(lock_take(&lock, fd, "seal: image", &fault), EXIT_OPENED);
	assert_int_equal(pauses, release_after);
	assert_string_equal(log_text(), "seal: image: another command is changing it; waiting for it to "
				        "end\n");
	lock_release(&lock);
	close(fd);
}

static void a_short_wait_is_not_said(void **state)
{
	struct lock lock = LOCK_INIT;
	int fd;

	(void)state;
	hold("image");
	release_after = 10;
	fd = open("image", O_RDWR | O_CLOEXEC);
	assert_int_equal(lock_take(&lock, fd, "seal: image", &fault), EXIT_OPENED);
	assert_string_equal(log_text(), "");
	lock_release(&lock);
	close(fd);
}

static void a_lock_is_not_waited_for_for_ever(void **state)
{
	struct lock lock = LOCK_INIT;
	int fd;

	(void)state;
	hold("image");
	fd = open("image", O_RDWR | O_CLOEXEC);
	assert_int_equal(lock_take(&lock, fd, "seal: image", &fault), EXIT_IO);
	assert_non_null(strstr(fault.text, "image: another command has held its lock for 60 s"));
	assert_int_equal(pauses, 3000);
	lock_release(&lock);
	close(fd);
}

/* Of a device that is not there: its number is all that counts. */
static int block_device(void)
{
	if (mknod("device", S_IFBLK | 0600, makedev(MAJOR, MINOR)) < 0)
		return -1;
	return open("device", O_PATH | O_CLOEXEC);
}

static void a_block_device_is_locked_as_cryptsetup_does_it(void **state)
{
	struct lock lock = LOCK_INIT;
	int fd = block_device();

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(lock_take(&lock, fd, "seal: device", &fault), EXIT_OPENED);
	assert_false(is_free(LOCK_FILE));
	lock_release(&lock);
	assert_int_equal(access(LOCK_FILE, F_OK), -1);
	close(fd);
}

/* cryptsetup removes the file when it is done, so it is another one that has to be locked then. */
static void a_lock_file_that_was_removed_is_none(void **state)
{
	struct lock lock = LOCK_INIT;
	int fd = block_device();

	(void)state;
	if (fd < 0)
		skip();
	assert_true(mkdir("/run/cryptsetup", 0700) == 0 || access("/run/cryptsetup", W_OK) == 0);
	hold(LOCK_FILE);
	release_after = 5;
	remove_then = LOCK_FILE;
	assert_int_equal(lock_take(&lock, fd, "seal: device", &fault), EXIT_OPENED);
	assert_int_equal(pauses, release_after);
	assert_false(is_free(LOCK_FILE));
	lock_release(&lock);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_locked_until_released),
		TEST(a_lock_is_waited_for_and_that_is_said_once),
		TEST(a_short_wait_is_not_said),
		TEST(a_lock_is_not_waited_for_for_ever),
		TEST(a_block_device_is_locked_as_cryptsetup_does_it),
		TEST(a_lock_file_that_was_removed_is_none),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
