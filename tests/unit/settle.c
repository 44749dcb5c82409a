// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/settle.h"

#include <libdevmapper.h>
#include <sys/sem.h>

#include "support.h"

/* Not one that libdevmapper makes, which begin with 0x0d4d. */
enum { COOKIE = 0x0c0c05ec };

static bool has_semaphore(void)
{
	return semget(COOKIE, 1, 0) >= 0;
}

static void nothing_waits_and_cookies_are_kept(void **state)
{
	struct state_cookies left;

	(void)state;
	settle_begin("no-such-volume");
	for (uint32_t cookie = 1; cookie <= STATE_COOKIES + 1; cookie++)
		assert_int_equal(dm_udev_wait(cookie), 1);
	settle_end(&left);
	for (uint32_t i = 0; i < STATE_COOKIES; i++)
		assert_int_equal(left.list[i], i + 1);
}

static void a_cookies_semaphore_is_taken_out(void **state)
{
	(void)state;
	assert_true(semget(COOKIE, 1, IPC_CREAT | 0600) >= 0);
	assert_true(has_semaphore());
	settle_finish(0);
	assert_true(has_semaphore());
	settle_finish(COOKIE);
	assert_false(has_semaphore());
	settle_finish(COOKIE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_waits_and_cookies_are_kept),
		cmocka_unit_test(a_cookies_semaphore_is_taken_out),
	};

	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
