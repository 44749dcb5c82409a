// SPDX-License-Identifier: GPL-2.0-or-later
/* Waiting for devices and children, with both made up: the device's value says what its child does. */
#include "boot/attempt.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/open.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "support.h"

#define FIRST  "/dev/vda"
#define SECOND "/dev/vdb"

static int *opened_by_children; /* shared with them */
static int events[2];
static bool two_at_once;
static bool announce_late; /* the second one, 200 ms after the listening starts */
static bool queued;        /* udev is busy with it until then */
static pid_t announcer;

int volume_open(const struct volume *volume, const char *device, const struct open_terms *terms,
		struct fault *fault)
{
	assert_string_equal(device, strcmp(volume->device.value, "/late") == 0 ? SECOND : FIRST);
	(void)terms;
	(*opened_by_children)++;
	if (strstr(volume->device.value, "slow"))
		usleep(300000);
	if (strcmp(volume->device.value, "/hang") == 0)
		pause();
	if (strcmp(volume->device.value, "/crash") == 0)
		raise(SIGKILL);
	if (strcmp(volume->device.value, "/6") == 0)
		fault_set(fault, "the child's own word");
	return atoi(volume->device.value + 1);
}

bool device_matches(const struct device_spec *spec, const struct device_properties *properties)
{
	bool is_second = strcmp(properties->node, SECOND) == 0;

	if (strncmp(spec->value, "/twin", 5) == 0)
		return true;
	if (strcmp(spec->value, "/late") == 0)
		return is_second;
	return !is_second && strcmp(spec->value, "/absent") != 0;
}

static void report(device_found *found, void *context, const char *node)
{
	found(context, &(struct device_properties){ .node = node });
}

int devices_listen(struct devices *devices)
{
	(void)devices;
	if (pipe(events) < 0)
		return -1;
	announcer = announce_late ? fork() : 0;
	if (announce_late && announcer == 0) {
		usleep(200000);
		_exit(write(events[1], "", 1) != 1);
	}
	return 0;
}

int devices_descriptor(const struct devices *devices)
{
	(void)devices;
	return events[0];
}

int devices_enumerate(struct devices *devices, device_found *found, void *context)
{
	(void)devices;
	report(found, context, FIRST);
	report(found, context, FIRST);
	if (two_at_once)
		report(found, context, SECOND);
	return 0;
}

void devices_receive(struct devices *devices, device_found *found, void *context)
{
	char byte;

	(void)devices;
	assert_int_equal(read(events[0], &byte, 1), 1);
	report(found, context, SECOND);
	queued = false;
}

bool devices_waiting(const struct devices *devices)
{
	(void)devices;
	return false;
}

bool devices_unready(const struct devices *devices)
{
	(void)devices;
	return queued;
}

bool devices_queued(const struct devices *devices)
{
	return devices_unready(devices);
}

void devices_close(struct devices *devices)
{
	(void)devices;
	close(events[0]);
	close(events[1]);
	if (announcer > 0)
		waitpid(announcer, NULL, 0);
	announce_late = two_at_once = queued = false;
}

static struct volume volumes[4];
static struct config config;
static struct course course;
static struct attempts all;
static uint64_t took_ms;

static void add(const char *name, const char *device, unsigned int options)
{
	struct volume *volume = &volumes[config.volumes.count++];

	*volume = (struct volume){ .options = options };
	snprintf(volume->name, sizeof(volume->name), "%s", name);
	snprintf(volume->device.value, sizeof(volume->device.value), "%s", device);
}

static int begin(void **state)
{
	(void)state;
	log_forget();
	*opened_by_children = 0;
	config = (struct config){ .timeout_s = 1, .volumes = { .list = volumes } };
	return 0;
}

static int end(void **state)
{
	(void)state;
	attempts_free(&all);
	return 0;
}

static int open_all(void)
{
	int code;

	all = (struct attempts){ 0 };
	course = (struct course)COURSE_INIT;
	assert_int_equal(attempts_prepare(&all, &config, &course), 0);
	all.begin_us = clock_us();
	code = attempts_open(&all);
	took_ms = (clock_us() - all.begin_us) / US_PER_MS;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return code;
}

static void volumes_open_side_by_side(void **state)
{
	(void)state;
	add("a", "/slow", 0);
	add("b", "/slow", 0);
	add("c", "/slow", 0);
	assert_int_equal(open_all(), 0);
	assert_in_range(took_ms, 300, 700);
	for (size_t i = 0; i < all.count; i++)
		assert_int_equal(all.list[i].outcome, OUTCOME_OPEN);
}

static void a_device_may_come_late(void **state)
{
	(void)state;
	add("a", "/0", 0);
	add("b", "/late", 0);
	announce_late = true;
	assert_int_equal(open_all(), 0);
	assert_in_range(took_ms, 200, 600);
	assert_in_range(all.devices_us - all.begin_us, 200 * US_PER_MS, 600 * US_PER_MS);
}

static void an_absent_device_is_given_up_and_named(void **state)
{
	(void)state;
	add("a", "/0", 0);
	add("b", "/absent", 0);
	assert_int_equal(open_all(), EXIT_NO_DEVICE);
	assert_string_equal(course.reason.text, "b: device /absent did not appear");
	assert_in_range(took_ms, 1000, 1400);
}

static void an_absent_nofail_device_fails_nothing(void **state)
{
	(void)state;
	add("a", "/0", 0);
	add("b", "/absent", VOLUME_NOFAIL);
	assert_int_equal(open_all(), 0);
	assert_int_equal(all.list[1].outcome, OUTCOME_FAILED);
	assert_non_null(strstr(log_text(), "b: device /absent did not appear; it is nofail"));
}

static void the_first_failure_is_the_code(void **state)
{
	(void)state;
	add("a", "/slow", 0);
	add("b", "/6", 0);
	add("c", "/absent", 0);
	assert_int_equal(open_all(), EXIT_WRONG_KEY);
	assert_string_equal(course.reason.text, "b: the child's own word");
	assert_int_equal(all.list[0].outcome, OUTCOME_OPEN);
	assert_in_range(took_ms, 300, 900);
}

static void a_nofail_failure_is_none(void **state)
{
	(void)state;
	add("a", "/0", 0);
	add("b", "/5", VOLUME_NOFAIL);
	assert_int_equal(open_all(), 0);
	assert_int_equal(all.list[1].outcome, OUTCOME_FAILED);
}

/* Its secret may be left in memory, so it does fail the run. */
static void a_nofail_child_that_ends_oddly_is_none_of_those(void **state)
{
	(void)state;
	add("a", "/0", 0);
	add("b", "/crash", VOLUME_NOFAIL);
	assert_int_equal(open_all(), EXIT_IO);
}

static void a_child_that_ends_oddly_is_an_io_error(void **state)
{
	(void)state;
	add("a", "/crash", 0);
	assert_int_equal(open_all(), EXIT_IO);
	end(state);
	begin(state);
	add("a", "/77", 0);
	assert_int_equal(open_all(), EXIT_IO);
	assert_string_equal(course.reason.text, "a: its process ended unexpectedly");
}

static void a_child_that_hangs_is_killed(void **state)
{
	(void)state;
	add("a", "/hang", 0);
	assert_int_equal(open_all(), EXIT_IO);
	assert_string_equal(course.reason.text, "a: opening it took too long");
	assert_in_range(took_ms, 1000, 1400);
}

static void a_signal_ends_the_run(void **state)
{
	(void)state;
	config.timeout_s = 60;
	add("a", "/hang", 0);
	add("b", "/absent", 0);
	course_hold_signals();
	raise(SIGTERM);
	assert_int_equal(open_all(), EXIT_IO);
	assert_string_equal(course.reason.text, "stopped by signal 15");
	assert_in_range(took_ms, 0, 400);
}

#define TWO "two devices, " FIRST " and " SECOND ", call themselves /twin"

static void two_devices_of_a_name_are_neither_opened(void **state)
{
	(void)state;
	add("a", "/twin", 0);
	two_at_once = true;
	assert_int_equal(open_all(), EXIT_HEADER);
	assert_non_null(strstr(course.reason.text, "a: " TWO ";"));
	assert_int_equal(*opened_by_children, 0);
	assert_in_range(took_ms, 0, 200);
}

static void a_second_device_while_the_first_is_opened_fails_it(void **state)
{
	(void)state;
	add("a", "/twin-slow", 0);
	announce_late = true;
	assert_int_equal(open_all(), EXIT_HEADER);
	assert_non_null(strstr(course.reason.text, "a: " TWO "-slow;"));
	assert_int_equal(all.list[0].outcome, OUTCOME_FAILED);
	assert_false(all.list[0].child.killed);
}

static void a_second_device_that_udev_is_still_busy_with_is_waited_for(void **state)
{
	(void)state;
	add("a", "/twin", 0);
	announce_late = queued = true;
	assert_int_equal(open_all(), EXIT_HEADER);
	assert_in_range(took_ms, 200, 600);
}

static void but_not_for_ever(void **state)
{
	(void)state;
	add("a", "/0", 0);
	queued = true;
	assert_int_equal(open_all(), 0);
	assert_in_range(took_ms, 1900, 2400);
}

static void two_devices_of_a_nofail_volume_are_neither_left_open(void **state)
{
	(void)state;
	add("a", "/0", 0);
	add("b", "/twin", VOLUME_NOFAIL);
	announce_late = queued = true;
	assert_int_equal(open_all(), 0);
	assert_int_equal(all.list[0].outcome, OUTCOME_OPEN);
	assert_int_equal(all.list[1].outcome, OUTCOME_FAILED);
	assert_non_null(strstr(log_text(), "b: " TWO));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(volumes_open_side_by_side),
		TEST(a_device_may_come_late),
		TEST(an_absent_device_is_given_up_and_named),
		TEST(an_absent_nofail_device_fails_nothing),
		TEST(the_first_failure_is_the_code),
		TEST(a_nofail_failure_is_none),
		TEST(a_nofail_child_that_ends_oddly_is_none_of_those),
		TEST(a_child_that_ends_oddly_is_an_io_error),
		TEST(a_child_that_hangs_is_killed),
		TEST(a_signal_ends_the_run),
		TEST(two_devices_of_a_name_are_neither_opened),
		TEST(a_second_device_while_the_first_is_opened_fails_it),
		TEST(a_second_device_that_udev_is_still_busy_with_is_waited_for),
		TEST(but_not_for_ever),
		TEST(two_devices_of_a_nofail_volume_are_neither_left_open),
	};

	opened_by_children = mmap(NULL, sizeof(*opened_by_children), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(opened_by_children, MAP_FAILED);

	return cmocka_run_group_tests_name("attempt", tests, NULL, NULL);
}
