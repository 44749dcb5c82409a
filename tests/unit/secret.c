// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/guid.h"
#include "support.h"

/* A reader's view of a pipe that gets @size bytes in writes of @step. */
static int read_pipe(struct secret *secret, size_t size, size_t step)
{
	static const char zeros[4096];
	CLEANUP(close_fd) int in = -1;
	int ends[2], r;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		for (size_t done = 0; done < size; done += step)
			if (write(ends[1], zeros, size - done < step ? size - done : step) < 0)
				_exit(1);
		_exit(0);
	}
	close(ends[1]);
	in = ends[0];
	r = secret_read_fd(secret, in);
	close_fd(&in);
	in = -1;
	waitpid(child, NULL, 0);
	return r;
}

static void short_reads_are_put_together(void **state)
{
	CLEANUP(secret_wipe) struct secret secret = { 0 };

	(void)state;
	assert_int_equal(read_pipe(&secret, 1000, 7), 0);
	assert_int_equal(secret.size, 1000);
}

static void the_cap_is_exact(void **state)
{
	CLEANUP(secret_wipe) struct secret most = { 0 };
	CLEANUP(secret_wipe) struct secret more = { 0 };
	CLEANUP(secret_wipe) struct secret none = { 0 };

	(void)state;
	assert_int_equal(read_pipe(&most, SECRET_MAX, 4096), 0);
	assert_int_equal(most.size, SECRET_MAX);
	assert_int_equal(read_pipe(&more, SECRET_MAX + 1, 4096), -EFBIG);
	assert_int_equal(read_pipe(&none, 0, 1), 0);
	assert_int_equal(none.size, 0);
}

static void a_fifo_has_no_size_and_is_read(void **state)
{
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	pid_t child;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	child = fork();
	if (child == 0) {
		int fd = open("fifo", O_WRONLY | O_CLOEXEC);

		_exit(write(fd, "a\0b\n", 4) != 4);
	}
	assert_int_equal(secret_read(&secret, AT_FDCWD, "fifo"), 0);
	waitpid(child, NULL, 0);
	assert_int_equal(secret.size, 4);
	assert_memory_equal(secret.bytes, "a\0b\n", 4);
}

static void a_child_sees_nothing_of_it(void **state)
{
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	int status;
	pid_t child;

	(void)state;
	write_file("key", "secret", 6);
	assert_int_equal(secret_read(&secret, AT_FDCWD, "key"), 0);
	child = fork();
	if (child == 0)
		_exit(secret.bytes[0] != 0);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_memory_equal(secret.bytes, "secret", 6);
}

static void a_link_is_not_followed(void **state)
{
	CLEANUP(secret_wipe) struct secret secret = { 0 };

	(void)state;
	write_file("key", "secret", 6);
	assert_int_equal(symlink("key", "link"), 0);
	assert_int_equal(secret_read(&secret, AT_FDCWD, "link"), -ELOOP);
	assert_int_equal(secret_read(&secret, AT_FDCWD, "absent"), -ENOENT);
	assert_int_equal(secret_present(AT_FDCWD, "link"), -EINVAL);
	assert_int_equal(secret_present(AT_FDCWD, "key"), 0);
	assert_int_equal(secret_present(AT_FDCWD, "absent"), -ENOENT);
}

static void wiping_twice_is_wiping(void **state)
{
	struct secret secret = { 0 };

	(void)state;
	assert_int_equal(secret_allocate(&secret, 1), 0);
	secret_wipe(&secret);
	assert_null(secret.bytes);
	secret_wipe(&secret);
}

static void unlinking_is_seen_to(void **state)
{
	CLEANUP(close_fd) int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	write_file("a", "1", 1);
	write_file("b", "2", 1);
	assert_int_equal(secret_unlink(folder, "a"), 0);
	assert_int_equal(secret_unlink(folder, "a"), 0);
	assert_int_equal(secret_present(folder, "b"), 0);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_true(secret_unlink(folder, "d") < 0);
	assert_int_equal(secret_unlink_all(folder), -EEXIST);
	assert_int_equal(secret_present(folder, "b"), -ENOENT);
	assert_int_equal(rmdir("d"), 0);
	assert_int_equal(secret_unlink_all(folder), 0);
}

/* Who has the file open still sees what became of its bytes. */
static void what_is_no_launch_secret_is_overwritten(void **state)
{
	static char large[2 * 4096 + 7], after[sizeof(large) + 1];
	CLEANUP(close_fd) int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static const char zeros[sizeof(large)];

	(void)state;
	memset(large, 's', sizeof(large));
	for (int all = 0; all < 2; all++) {
		CLEANUP(close_fd) int file = -1;

		write_file("a", large, sizeof(large));
		assert_int_equal(chmod("a", 0400), 0);
		file = open("a", O_RDONLY | O_CLOEXEC);
		assert_int_equal(all ? secret_unlink_all(folder) : secret_unlink(folder, "a"), 0);
		assert_int_equal(read(file, after, sizeof(after)), sizeof(large));
		assert_memory_equal(after, zeros, sizeof(large));
	}
}

static void what_only_names_a_file_leaves_it_alone(void **state)
{
	CLEANUP(close_fd) int folder = -1;
	char text[6];
	int fd;

	(void)state;
	write_file("other", "secret", 6);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(symlink("../other", "d/link"), 0);
	folder = open("d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(secret_unlink_all(folder), 0);
	fd = open("other", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	assert_memory_equal(text, "secret", 6);
	close(fd);
}

static void what_is_not_whole_is_no_secret_yet(void **state)
{
	CLEANUP(close_fd) int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_false(secret_any(folder));
	write_file(".new", "sec", 3);
	assert_false(secret_any(folder));
	write_file("a", "secret", 6);
	assert_true(secret_any(folder));
}

static void a_message_lists_what_is_there(void **state)
{
	CLEANUP(close_fd) int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[SECRET_LIST], name[GUID_TEXT_SIZE];

	(void)state;
	assert_string_equal(secret_list(folder, text), "none");
	write_file("no uuid", "secret", 6);
	write_file(GUID_DISK_KEY, "secret", 6);
	assert_string_equal(secret_list(folder, text), GUID_DISK_KEY);
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "%d1111111-2222-3333-4444-555555555555", i);
		write_file(name, "secret", 6);
	}
	secret_list(folder, text);
	assert_int_equal(strlen(text), 4 * GUID_TEXT_LENGTH + 3 * 2 + 5);
	assert_string_equal(text + strlen(text) - 5, ", ...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_reads_are_put_together),
		cmocka_unit_test(the_cap_is_exact),
		cmocka_unit_test_setup_teardown(a_fifo_has_no_size_and_is_read, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(a_child_sees_nothing_of_it, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(a_link_is_not_followed, enter_scratch, leave_scratch),
		cmocka_unit_test(wiping_twice_is_wiping),
		cmocka_unit_test_setup_teardown(what_is_no_launch_secret_is_overwritten, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(what_only_names_a_file_leaves_it_alone, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(what_is_not_whole_is_no_secret_yet, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(a_message_lists_what_is_there, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(unlinking_is_seen_to, enter_scratch, leave_scratch),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
