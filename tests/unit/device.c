// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "support.h"

#define UUID "5aa5c3f0-0000-4000-8000-00000000000a"

static const struct device_properties luks = {
	.node = "/dev/vda2",
	.links = "/dev/disk/by-uuid/" UUID " /dev/disk/by-path/pci-0000:00:04.0-part2 /dev/disk/by-id/x",
	.fs_type = "crypto_LUKS",
	.fs_uuid = UUID,
	.fs_label_enc = "my\\x20disk\\x5c\\xff",
	.part_uuid = "ABCD-02",
	.part_name = "root\\x2fpart",
};

static bool matches(enum device_kind kind, const char *value, const struct device_properties *properties)
{
	struct device_spec spec = { .kind = kind };

	snprintf(spec.value, sizeof(spec.value), "%s", value);
	return device_matches(&spec, properties);
}

static void by_path_or_link(void **state)
{
	(void)state;
	assert_true(matches(DEVICE_PATH, "/dev/vda2", &luks));
	assert_true(matches(DEVICE_PATH, "/dev/disk/by-path/pci-0000:00:04.0-part2", &luks));
	assert_true(matches(DEVICE_PATH, "/dev/disk/by-id/x", &luks));
	assert_false(matches(DEVICE_PATH, "/dev/vda", &luks));
	assert_false(matches(DEVICE_PATH, "/dev/disk/by-id/", &luks));
	assert_false(matches(DEVICE_PATH, "/dev/vda2 /dev", &luks));
}

static void by_whole_uuid_of_either_case(void **state)
{
	(void)state;
	assert_true(matches(DEVICE_UUID, UUID, &luks));
	assert_true(matches(DEVICE_UUID, "5AA5C3F0-0000-4000-8000-00000000000A", &luks));
	assert_false(matches(DEVICE_UUID, "5aa5c3f0", &luks));
	assert_false(matches(DEVICE_UUID, UUID "0", &luks));
	assert_true(matches(DEVICE_PARTUUID, "abcd-02", &luks));
	assert_false(matches(DEVICE_PARTUUID, "abcd", &luks));
}

static void by_decoded_label(void **state)
{
	(void)state;
	assert_true(matches(DEVICE_LABEL, "my disk\\\xff", &luks));
	assert_false(matches(DEVICE_LABEL, "my\\x20disk\\x5c\\xff", &luks));
	assert_false(matches(DEVICE_LABEL, "my disk", &luks));
	assert_true(matches(DEVICE_PARTLABEL, "root/part", &luks));
	assert_false(matches(DEVICE_PARTLABEL, "root/part2", &luks));
}

static void a_file_system_that_is_not_luks_has_no_uuid_for_us(void **state)
{
	struct device_properties ext4 = luks;

	(void)state;
	ext4.fs_type = "ext4";
	assert_false(matches(DEVICE_UUID, UUID, &ext4));
	assert_false(matches(DEVICE_LABEL, "my disk\\\xff", &ext4));
	assert_true(matches(DEVICE_PARTUUID, "abcd-02", &ext4));
	ext4.fs_type = NULL;
	assert_false(matches(DEVICE_UUID, UUID, &ext4));
}

static void a_device_without_properties_matches_nothing(void **state)
{
	static const struct device_properties bare = { .node = "/dev/vdb" }, none = { 0 };
	static const struct device_properties cut = { .node = "/dev/vdc", .fs_type = "crypto_LUKS",
						      .fs_label_enc = "a\\x4" };

	(void)state;
	for (int kind = DEVICE_UUID; kind <= DEVICE_PARTLABEL; kind++)
		assert_false(matches((enum device_kind)kind, UUID, &bare));
	assert_false(matches(DEVICE_PATH, "/dev/vda", &none));
	assert_true(matches(DEVICE_LABEL, "a\\x4", &cut));
}

/* A link below by-uuid is the last device's that asked for it; each that asks matches. */
static void a_link_is_matched_by_every_device_that_claims_it(void **state)
{
	struct device_properties other = luks;

	(void)state;
	other.node = "/dev/vdb";
	other.fs_type = "ext4";
	assert_true(matches(DEVICE_PATH, "/dev/disk/by-uuid/" UUID, &luks));
	assert_true(matches(DEVICE_PATH, "/dev/disk/by-uuid/" UUID, &other));
	assert_false(matches(DEVICE_PATH, "/dev/vda2", &other));
}

static bool can_be_locked(const char *path)
{
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* By a file; which disk a partition is of is for a booted machine. */
static void a_lock_lasts_until_it_is_closed(void **state)
{
	CLEANUP(close_fd) int lock = -1;

	(void)state;
	write_file("disk", "", 0);
	assert_int_equal(device_lock("./none"), -ENOENT);
	lock = device_lock("./disk");
	assert_true(lock >= 0);
	assert_false(can_be_locked("disk"));
	assert_int_equal(device_lock("./disk"), -EBUSY);
	close(lock);
	lock = -1;
	assert_true(can_be_locked("disk"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_path_or_link),
		cmocka_unit_test(by_whole_uuid_of_either_case),
		cmocka_unit_test(by_decoded_label),
		cmocka_unit_test(a_file_system_that_is_not_luks_has_no_uuid_for_us),
		cmocka_unit_test(a_device_without_properties_matches_nothing),
		cmocka_unit_test(a_link_is_matched_by_every_device_that_claims_it),
		cmocka_unit_test_setup_teardown(a_lock_lasts_until_it_is_closed, enter_scratch,
						leave_scratch),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
