// SPDX-License-Identifier: GPL-2.0-or-later
/* Waiting for what an agent brings. Its folder itself, a ramfs, is for tests/test_source.py. */
#include "boot/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/course.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/secret.h"
#include "support.h"

static int folder;

static int begin(void **state)
{
	int r = enter_scratch(state);

	folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r;
}

static int end(void **state)
{
	close(folder);
	return leave_scratch(state);
}

static bool is_there(const void *name)
{
	return secret_present(folder, name) == 0;
}

static int wait_for(const char *name, uint64_t limit_us, int signals)
{
	return agent_wait(folder, is_there, name, clock_us() + limit_us, signals);
}

static pid_t bring_after(useconds_t delay_us)
{
	pid_t child = fork();

	if (child)
		return child;
	usleep(delay_us);
	write_file(".new", "secret", 6);
	usleep(delay_us);
	_exit(rename(".new", "secret") < 0);
}

static void what_is_there_is_not_waited_for(void **state)
{
	(void)state;
	write_file("secret", "secret", 6);
	assert_int_equal(wait_for("secret", 0, -1), 0);
}

static void what_comes_is_seen_as_it_comes(void **state)
{
	uint64_t before = clock_us();
	pid_t child = bring_after(100 * US_PER_MS);
	int status;

	(void)state;
	assert_int_equal(wait_for("secret", 20 * US_PER_S, -1), 0);
	assert_true(clock_us() - before >= 200 * US_PER_MS);
	assert_true(clock_us() - before < 10 * US_PER_S);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static void waiting_has_an_end(void **state)
{
	uint64_t before = clock_us();

	(void)state;
	write_file("another", "secret", 6);
	assert_int_equal(wait_for("secret", 100 * US_PER_MS, -1), -ETIMEDOUT);
	assert_true(clock_us() - before >= 100 * US_PER_MS);
}

static void a_signal_ends_the_waiting(void **state)
{
	CLEANUP(close_fd) int signals = -1;
	pid_t child;

	(void)state;
	course_hold_signals();
	signals = course_signals();
	child = fork();
	if (child == 0) {
		usleep(100 * US_PER_MS);
		_exit(kill(getppid(), SIGTERM) < 0);
	}
	assert_int_equal(wait_for("secret", 20 * US_PER_S, signals), -EINTR);
	waitpid(child, NULL, 0);
	/* It is still to be read. */
	assert_int_equal(wait_for("secret", 20 * US_PER_S, signals), -EINTR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_there_is_not_waited_for, begin, end),
		cmocka_unit_test_setup_teardown(what_comes_is_seen_as_it_comes, begin, end),
		cmocka_unit_test_setup_teardown(waiting_has_an_end, begin, end),
		cmocka_unit_test_setup_teardown(a_signal_ends_the_waiting, begin, end),
	};

	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
