// SPDX-License-Identifier: GPL-2.0-or-later
#include "root/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "support.h"

static const struct volume volume = { .name = "run", .secret = GUID_DISK_KEY };
static const struct mapping_id mapping = {
	.dm_uuid = "CRYPT-LUKS2-5aa5c3f0000040008000000000000000a-run",
	.diskseq = "12",
};
static const struct volume_record record = {
	.device = "/dev/vda",
	.luks_uuid = "5aa5c3f0-0000-4000-8000-00000000000a",
	.mapping = &mapping,
	.cookies = { { 0xd4d1234, 0, 0xd4dffff } },
	.activate_us = 1234,
};

static void only_the_mapping_on_record_is_known(void **state)
{
	CLEANUP(close_fd) int folder = state_open("state");
	struct mapping_id other = mapping, later = mapping;

	(void)state;
	other.dm_uuid[0]++;
	later.diskseq[0]++;
	assert_true(folder >= 0);
	assert_false(state_knows(folder, "run", &mapping));
	assert_int_equal(state_add(folder, &volume, &record), 0);
	assert_true(state_knows(folder, "run", &mapping));
	assert_false(state_knows(folder, "run", &other));
	assert_false(state_knows(folder, "run", &later));
	assert_false(state_knows(folder, "data", &mapping));
	state_remove(folder, "run");
	assert_false(state_knows(folder, "run", &mapping));
}

static void count(void *context, const char *name)
{
	assert_true(strcmp(name, "run") == 0 || strcmp(name, "a.json") == 0);
	++*(int *)context;
}

static void each_record_is_named(void **state)
{
	CLEANUP(close_fd) int folder = state_open("state");
	struct volume other = { .name = "a.json", .secret = GUID_DISK_KEY };
	int records = 0;

	(void)state;
	state_each(folder, count, &records);
	assert_int_equal(records, 0);
	assert_int_equal(state_add(folder, &volume, &record), 0);
	assert_int_equal(state_add(folder, &other, &record), 0);
	write_file("state/volumes/run.json.new", "", 0);
	state_each(folder, count, &records);
	assert_int_equal(records, 2);
}

static void a_damaged_record_is_none(void **state)
{
	CLEANUP(close_fd) int folder = state_open("state");

	(void)state;
	write_file("state/volumes/run.json", "{\"dm_uuid\":", 11);
	assert_false(state_knows(folder, "run", &mapping));
	write_file("state/volumes/run.json", "[]", 2);
	assert_false(state_knows(folder, "run", &mapping));
	write_file("state/volumes/run.json", "{\"dm_uuid\":null}", 16);
	assert_false(state_knows(folder, "run", &mapping));
	write_file("state/volumes/run.json", "", 0);
	assert_false(state_knows(folder, "run", &mapping));
}

static void only_root_may_look_and_nothing_is_left_over(void **state)
{
	CLEANUP(free_text) char *text = NULL;
	CLEANUP(close_fd) int folder = state_open("state");
	struct stat st;
	size_t length;

	(void)state;
	close(state_open("state"));
	assert_int_equal(stat("state", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(state_add(folder, &volume, &record), 0);
	assert_int_equal(state_add(folder, &volume, &record), 0);
	assert_int_equal(stat("state/volumes/run.json", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(access("state/volumes/run.json.new", F_OK), -1);
	assert_int_equal(state_add_run(folder, &(struct run_record){ .module_us = 77 }), 0);
	assert_int_equal(file_read("state/run.json", &text, &length), 0);
	assert_non_null(strstr(text, "\"module_us\":77"));
}

static void wiping_the_rest_is_asked_for_once(void **state)
{
	CLEANUP(close_fd) int folder = state_open("state");

	(void)state;
	assert_int_equal(state_wants_wipe_rest(folder), 0);
	assert_int_equal(state_ask_wipe_rest(folder), 0);
	assert_int_equal(state_ask_wipe_rest(folder), 0);
	assert_int_equal(state_wants_wipe_rest(folder), 1);
	assert_true(state_wants_wipe_rest(-1) < 0);
}

static void the_root_is_set_once(void **state)
{
	CLEANUP(close_fd) int folder = state_open("state");
	char name[VOLUME_NAME_SIZE];

	(void)state;
	assert_int_equal(state_get_root(folder, name), -ENOENT);
	assert_int_equal(state_set_root(folder, "run"), 0);
	assert_int_equal(state_set_root(folder, "other"), 0);
	assert_int_equal(state_set_root(folder, NULL), 0);
	assert_int_equal(state_get_root(folder, name), 1);
	assert_string_equal(name, "run");
	assert_int_equal(unlink("state/root"), 0);
	assert_int_equal(state_get_root(folder, name), -ENOENT);
	assert_int_equal(state_set_root(folder, NULL), 0);
	assert_int_equal(state_set_root(folder, "run"), 0);
	assert_int_equal(state_get_root(folder, name), 0);
	assert_string_equal(name, "");
}

static void a_root_that_cannot_be_read_is_none(void **state)
{
	static const char *const targets[] = { "x", "/dev/vda", "/dev/mapper/" };
	CLEANUP(close_fd) int folder = state_open("state");
	char name[VOLUME_NAME_SIZE], target[sizeof("/dev/mapper/") + VOLUME_NAME_SIZE];

	(void)state;
	assert_int_equal(state_set_root(folder, NULL), 0);
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		assert_int_equal(symlink(targets[i], "state/root"), 0);
		assert_int_equal(state_get_root(folder, name), -EBADMSG);
		assert_int_equal(unlink("state/root"), 0);
	}
	snprintf(target, sizeof(target), "/dev/mapper/%0*d", VOLUME_NAME_SIZE, 0);
	assert_int_equal(symlink(target, "state/root"), 0);
	assert_int_equal(state_get_root(folder, name), -EBADMSG);
	assert_int_equal(unlink("state/root"), 0);
	write_file("state/root", "", 0);
	assert_int_equal(state_get_root(folder, name), -EINVAL);
}

static void what_others_may_write_to_is_no_record(void **state)
{
	(void)state;
	close(state_open("state"));
	assert_int_equal(chmod("state", 0720), 0);
	assert_int_equal(state_open("state"), -EPERM);
	assert_int_equal(chmod("state", 0702), 0);
	assert_int_equal(state_open("state"), -EPERM);
	assert_int_equal(chmod("state", 0755), 0);
	close(state_open("state"));
}

static void what_udev_was_not_waited_for_with_is_kept(void **state)
{
	static const struct state_cookies packed = { { 0xd4d1234, 0xd4dffff } }, none = { { 0 } };
	CLEANUP(close_fd) int folder = state_open("state");
	struct state_cookies read;

	(void)state;
	assert_int_equal(state_add(folder, &volume, &record), 0);
	state_get_cookies(folder, "run", &read);
	assert_memory_equal(&read, &packed, sizeof(read));
	state_get_cookies(folder, "data", &read);
	assert_memory_equal(&read, &none, sizeof(read));
	write_file("state/volumes/run.json", "{\"udev_cookies\":[1,2,3,4,5]}", 28);
	state_get_cookies(folder, "run", &read);
	assert_int_equal(read.list[STATE_COOKIES - 1], STATE_COOKIES);
	write_file("state/volumes/run.json", "{\"udev_cookies\":\"7\"}", 20);
	state_get_cookies(folder, "run", &read);
	assert_memory_equal(&read, &none, sizeof(read));
}

static void a_lost_process_is_noted(void **state)
{
	int folder = state_open("state");

	(void)state;
	assert_true(folder >= 0);
	assert_false(state_has_lost(folder));
	assert_int_equal(state_add_lost(folder), 0);
	assert_int_equal(state_add_lost(folder), 0);
	assert_true(state_has_lost(folder));
	close(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_the_mapping_on_record_is_known, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(each_record_is_named, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(a_damaged_record_is_none, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(the_root_is_set_once, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(a_root_that_cannot_be_read_is_none, enter_scratch,
						leave_scratch),
		cmocka_unit_test_setup_teardown(what_others_may_write_to_is_no_record,
						enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(what_udev_was_not_waited_for_with_is_kept,
						enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(wiping_the_rest_is_asked_for_once, enter_scratch,
						leave_scratch),
		cmocka_unit_test_setup_teardown(a_lost_process_is_noted, enter_scratch, leave_scratch),
		cmocka_unit_test_setup_teardown(only_root_may_look_and_nothing_is_left_over,
						enter_scratch, leave_scratch),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
