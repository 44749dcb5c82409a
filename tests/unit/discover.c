// SPDX-License-Identifier: GPL-2.0-or-later
/* What a host shows where nothing is configured: devices are image files, udev is made up. */
#include "boot/discover.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "boot/devices.h"
#include "boot/plan.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "root/state.h"
#include "support.h"

#define SECOND "11111111-2222-3333-4444-555555555555"
#define TOKEN(secret, more) \
	"{\"type\":\"cocosecret\",\"keyslots\":[\"0\"],\"secret\":\"" secret "\"" more "}"
enum { TIMEOUT_US = US_PER_S / 2 };

#define NAMED(name) TOKEN(GUID_DISK_KEY, ",\"name\":\"" name "\"")

static const char *const keys[] = { "launch key one, 32 bytes long..." };
static const char *shown[3];
static struct volumes volumes;
static struct fault fault;
static bool in_initramfs;
static const char *named = ""; /* by root= */
static bool queued;            /* has udev still something to look at? */
static bool by_agent;
static uint64_t waited_us;

/* Libraries ask, too. */
int statfs(const char *path, struct statfs *fs)
{
	fs->f_type = in_initramfs ? TMPFS_MAGIC : EXT4_SUPER_MAGIC;
	return strcmp(path, "/") == 0 ? 0 : -1;
}

int devices_listen(struct devices *devices)
{
	(void)devices;
	return 0;
}

int devices_descriptor(const struct devices *devices)
{
	(void)devices;
	return -1;
}

int devices_enumerate(struct devices *devices, device_found *found, void *context)
{
	char node[PATH_MAX];

	(void)devices;
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown) && shown[i]; i++)
		found(context, &(struct device_properties){ .node = realpath(shown[i], node),
							    .fs_type = "crypto_LUKS" });
	return 0;
}

void devices_receive(struct devices *devices, device_found *found, void *context)
{
	(void)devices;
	(void)found;
	(void)context;
}

bool devices_waiting(const struct devices *devices)
{
	(void)devices;
	return false;
}

bool devices_queued(const struct devices *devices)
{
	(void)devices;
	return queued;
}

bool devices_unready(const struct devices *devices)
{
	return devices_waiting(devices);
}

void devices_close(struct devices *devices)
{
	(void)devices;
}

/* Only attempt.o asks these, which is not what is tried here. */
bool device_matches(const struct device_spec *spec, const struct device_properties *properties)
{
	(void)spec;
	return properties == NULL;
}

int device_lock(const char *node)
{
	(void)node;
	return -1;
}

static int begin(void **state)
{
	int r = enter_scratch(state);

	write_file(GUID_DISK_KEY, keys[0], KEY_SIZE);
	memset(shown, 0, sizeof(shown));
	in_initramfs = queued = by_agent = false;
	named = "";
	return r;
}

static int end(void **state)
{
	volumes_free(&volumes);
	return leave_scratch(state);
}

static const char *disk(const char *path, const char *token)
{
	make_image(path, keys, 1);
	if (token)
		add_token(path, token);
	return path;
}

static int discover(void)
{
	CLEANUP(close_fd) int secrets = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(close_fd) int records = state_open("state");
	struct discovery discovery = { secrets, records, -1, TIMEOUT_US, named, by_agent };
	uint64_t begin = clock_us();
	int code;

	volumes_free(&volumes);
	code = discover_volumes(&discovery, &volumes, &fault);
	waited_us = clock_us() - begin;
	return code;
}

static const struct volume *root(void)
{
	return plan_root(&volumes, "");
}

static void the_name_in_the_token_is_proposed(void **state)
{
	(void)state;
	shown[0] = disk("one", NAMED("data"));
	shown[1] = disk("two", NAMED("root"));
	shown[2] = disk("none", NULL);
	assert_int_equal(discover(), EXIT_OPENED);
	assert_int_equal(volumes.count, 2);
	assert_string_equal(volumes.list[0].name, "data");
	assert_string_equal(root()->name, "root");
	assert_int_equal(root()->options, VOLUME_DISCOVERED);
}

static void an_unnamed_one_is_never_the_root(void **state)
{
	(void)state;
	shown[0] = disk("one", TOKEN(GUID_DISK_KEY, ""));
	assert_int_equal(discover(), EXIT_OPENED);
	assert_int_equal(volumes.count, 1);
	assert_int_equal(strncmp(volumes.list[0].name, "luks-", 5), 0);
	assert_int_equal(volumes.list[0].options, VOLUME_DISCOVERED);
	assert_null(root());
	shown[0] = disk("one", NAMED("data"));
	assert_int_equal(discover(), EXIT_OPENED);
	assert_null(root());
}

static void a_boot_wants_its_root(void **state)
{
	(void)state;
	in_initramfs = true;
	shown[0] = disk("one", TOKEN(GUID_DISK_KEY, ""));
	assert_int_equal(discover(), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "cocosecret enroll --name root"));
	shown[0] = disk("one", NAMED("data"));
	assert_int_equal(discover(), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "volume data was found"));
	named = "data";
	assert_int_equal(discover(), EXIT_OPENED);
	named = "vg-root";
	assert_int_equal(discover(), EXIT_HEADER);
	shown[1] = disk("two", NAMED("root"));
	assert_int_equal(discover(), EXIT_OPENED);
	assert_int_equal(volumes.count, 2);
}

static void what_comes_after_the_root_may_be_any(void **state)
{
	int records = state_open("state");

	(void)state;
	in_initramfs = true;
	shown[0] = disk("one", NAMED("data"));
	assert_int_equal(state_set_root(records, "root"), 0);
	close(records);
	assert_int_equal(discover(), EXIT_OPENED);
}

static void of_two_with_one_name_neither_is_believed(void **state)
{
	(void)state;
	shown[0] = disk("one", NAMED("root"));
	shown[1] = disk("two", NAMED("root"));
	assert_int_equal(discover(), EXIT_HEADER);
	assert_non_null(strstr(fault.text, "two devices"));
}

static void the_first_token_whose_secret_is_there_counts(void **state)
{
	(void)state;
	shown[0] = disk("one", TOKEN(SECOND, ",\"name\":\"root\""));
	add_token("one", NAMED("data"));
	add_token("one", NAMED("root"));
	assert_int_equal(discover(), EXIT_OPENED);
	assert_int_equal(volumes.count, 1);
	assert_string_equal(volumes.list[0].name, "data");
	assert_string_equal(volumes.list[0].secret, GUID_DISK_KEY);
}

static void what_can_be_no_volume_is_passed_over(void **state)
{
	(void)state;
	shown[0] = disk("one", NAMED("../root"));
	shown[1] = disk("two", NULL);
	assert_int_equal(discover(), EXIT_NO_DEVICE);
	write_file("two", "no header", 9);
	assert_int_equal(discover(), EXIT_NO_DEVICE);
}

#define FOREIGN(name) TOKEN(SECOND, ",\"name\":\"" name "\"")

/* A table that was built under another UUID: it is told at once, in the words that mend it. */
static void a_root_whose_secret_is_not_there_is_told_at_once(void **state)
{
	(void)state;
	in_initramfs = true;
	shown[0] = disk("one", FOREIGN("root"));
	assert_int_equal(discover(), EXIT_NO_SECRET);
	assert_true(waited_us < TIMEOUT_US);
	assert_non_null(strstr(fault.text, "the volume root on /"));
	assert_non_null(strstr(fault.text, "wants secret " SECOND ", which is not there; there are: "
			       GUID_DISK_KEY ";"));
	shown[1] = disk("two", NAMED("data"));
	assert_int_equal(discover(), EXIT_NO_SECRET);
	shown[0] = disk("one", FOREIGN("system"));
	named = "system";
	assert_int_equal(discover(), EXIT_NO_SECRET);
	assert_true(waited_us < TIMEOUT_US);
	assert_non_null(strstr(fault.text, "the volume system on"));
}

/* What a token says shortens no wait for a root that may come yet. */
static void a_root_may_come_late(void **state)
{
	(void)state;
	in_initramfs = true;
	shown[0] = disk("one", FOREIGN("data"));
	assert_int_equal(discover(), EXIT_NO_SECRET);
	assert_true(waited_us >= TIMEOUT_US);
	shown[0] = disk("one", TOKEN(SECOND, ""));
	assert_int_equal(discover(), EXIT_NO_SECRET);
	assert_true(waited_us >= TIMEOUT_US);
	shown[0] = disk("one", FOREIGN("root"));
	queued = true;
	assert_int_equal(discover(), EXIT_NO_SECRET);
	assert_true(waited_us >= TIMEOUT_US);
	queued = false;
	by_agent = true;
	assert_int_equal(discover(), EXIT_NO_SECRET);
	assert_true(waited_us >= TIMEOUT_US);
	shown[1] = disk("two", NAMED("root"));
	assert_int_equal(discover(), EXIT_OPENED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_name_in_the_token_is_proposed, begin, end),
		cmocka_unit_test_setup_teardown(an_unnamed_one_is_never_the_root, begin, end),
		cmocka_unit_test_setup_teardown(a_boot_wants_its_root, begin, end),
		cmocka_unit_test_setup_teardown(what_comes_after_the_root_may_be_any, begin, end),
		cmocka_unit_test_setup_teardown(of_two_with_one_name_neither_is_believed, begin, end),
		cmocka_unit_test_setup_teardown(the_first_token_whose_secret_is_there_counts, begin, end),
		cmocka_unit_test_setup_teardown(what_can_be_no_volume_is_passed_over, begin, end),
		cmocka_unit_test_setup_teardown(a_root_whose_secret_is_not_there_is_told_at_once, begin, end),
		cmocka_unit_test_setup_teardown(a_root_may_come_late, begin, end),
	};

	return cmocka_run_group_tests_name("discover", tests, NULL, NULL);
}
