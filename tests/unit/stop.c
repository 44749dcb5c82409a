// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/stop.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/exitcode.h"
#include "support.h"

static char *page; /* the parent sees what is done to it */

static void wipe_page(void)
{
	memset(page, 0, 16);
}

static int fill_page(void **state)
{
	(void)state;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
	memset(page, 'k', 16);
	return 0;
}

static int end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* A child that is asked to end, and looks: 0 where a wait ended, though the signal came before it. */
static int end_in_order(int signal)
{
	uint64_t begin = clock_us();

	stop_hold(wipe_page);
	if (stop_signal() || kill(getpid(), signal) < 0 || stop_signal() != signal)
		return 1;
	return poll(NULL, 0, 30000) < 0 && clock_us() - begin < 10ull * US_PER_S &&
	       stop_signal() == signal ? 0 : 2;
}

static void each_signal_ends_a_wait(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGALRM };
	pid_t pids[sizeof(signals) / sizeof(*signals)];

	(void)state;
	for (size_t i = 0; i < sizeof(pids) / sizeof(*pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(end_in_order(signals[i]));
	}
	for (size_t i = 0; i < sizeof(pids) / sizeof(*pids); i++) {
		assert_true(pids[i] > 0);
		assert_int_equal(end_of(pids[i]), 0);
	}
	assert_int_equal(page[0], 'k');
}

static void the_alarm_ends_a_wait_that_nobody_ended(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		stop_hold(wipe_page);
		alarm(1);
		_exit(poll(NULL, 0, 30000) < 0 && stop_signal() == SIGALRM ? 0 : 1);
	}
	assert_int_equal(end_of(pid), 0);
}

static void where_nobody_ends_the_handler_wipes(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		stop_hold(wipe_page);
		for (;;)
			raise(SIGTERM);
	}
	status = end_of(pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_IO);
	assert_int_equal(page[0], 0);
	assert_int_equal(page[15], 0);
}

/* Signals that came once are not more than one. */
static void one_signal_does_not_wipe(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		stop_hold(wipe_page);
		raise(SIGTERM);
		poll(NULL, 0, 100);
		_exit(stop_signal() == SIGTERM && page[0] == 'k' ? 0 : 1);
	}
	assert_int_equal(end_of(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_signal_ends_a_wait, fill_page),
		cmocka_unit_test_setup(the_alarm_ends_a_wait_that_nobody_ended, fill_page),
		cmocka_unit_test_setup(where_nobody_ends_the_handler_wipes, fill_page),
		cmocka_unit_test_setup(one_signal_does_not_wipe, fill_page),
	};

	return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
