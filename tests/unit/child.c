// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "support.h"

enum { LIMIT_US = 200 * US_PER_MS };

static int give(const void *status)
{
	return *(const int *)status;
}

static int hang(const void *context)
{
	(void)context;
	pause();
	return 0;
}

static int crash(const void *context)
{
	(void)context;
	return raise(SIGKILL);
}

static void its_exit_status_is_the_result(void **state)
{
	static const int statuses[] = { 0, 5, 255 };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(child_run(LIMIT_US, give, &statuses[i]), statuses[i]);
}

static void one_that_hangs_is_killed_at_its_deadline(void **state)
{
	uint64_t begin = clock_us();

	(void)state;
	assert_int_equal(child_run(LIMIT_US, hang, NULL), -ETIMEDOUT);
	assert_in_range(clock_us() - begin, LIMIT_US, 3 * LIMIT_US);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void one_that_is_killed_has_no_status(void **state)
{
	(void)state;
	assert_int_equal(child_run(LIMIT_US, crash, NULL), -ECHILD);
}

/* As one that waits in the kernel is deaf to its end; here its deadline is put in the past. */
static void one_that_cannot_be_killed_is_lost(void **state)
{
	struct child child;
	int status;

	(void)state;
	assert_int_equal(child_start(&child, 0, hang, NULL), 0);
	assert_false(child_ended(&child, &status));
	assert_false(child_is_lost(&child));
	assert_true(child.killed);
	assert_false(child_is_lost(&child));
	child.deadline_us = 0;
	assert_true(child_is_lost(&child));
	assert_int_equal(poll(&(struct pollfd){ child.pidfd, POLLIN, 0 }, 1, 1000), 1);
	assert_true(child_ended(&child, &status));
	assert_int_equal(status, -1);
}

static int dies_with_parent(const void *context)
{
	int *pipe_end = (int *)context;
	struct child grandchild;

	if (child_start(&grandchild, LIMIT_US, hang, NULL) < 0)
		return 1;
	return write(*pipe_end, &grandchild.pid, sizeof(pid_t)) == sizeof(pid_t) ? 0 : 1;
}

static void it_dies_with_its_parent(void **state)
{
	struct child child;
	int ends[2], status;
	pid_t grandchild;
	char byte;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(child_start(&child, LIMIT_US, dies_with_parent, &ends[1]), 0);
	assert_int_equal(read(ends[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	close(ends[1]);
	/* The pipe has an end only when nobody holds it any more. */
	assert_int_equal(poll(&(struct pollfd){ ends[0], POLLIN, 0 }, 1, 2000), 1);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	while (!child_ended(&child, &status))
		usleep(1000);
	assert_int_equal(status, 0);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_exit_status_is_the_result),
		cmocka_unit_test(one_that_hangs_is_killed_at_its_deadline),
		cmocka_unit_test(one_that_is_killed_has_no_status),
		cmocka_unit_test(one_that_cannot_be_killed_is_lost),
		cmocka_unit_test(it_dies_with_its_parent),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
