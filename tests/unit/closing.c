// SPDX-License-Identifier: GPL-2.0-or-later
/* What an initramfs may start, and what is masked in it. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generator/closing.h"
#include "support.h"

#define VENDOR "root/usr/lib/systemd/"
#define ETC    "root/etc/systemd/"

static struct closed closed;

static void make_folders(const char *path)
{
	char part[256];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		mkdir(part, 0755);
	}
}

static void put(const char *path, const char *text)
{
	make_folders(path);
	write_file(path, text, strlen(text));
}

static int apply(void)
{
	struct fault fault;

	return closing_apply("root", &closed, &fault);
}

static const char *link_at(const char *path)
{
	static char target[256];
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	target[length < 0 ? 0 : length] = '\0';
	return target;
}

static void assert_masked(const char *path)
{
	assert_string_equal(link_at(path), "/dev/null");
}

static void assert_free(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), -1);
	assert_int_equal(errno, ENOENT);
}

/* An image as mkosi makes it; two of these no release of systemd has. */
static void make_vendor(void)
{
	put(VENDOR "system-generators/cocosecret-generator", "");
	put(VENDOR "system-generators/systemd-fstab-generator", "");
	put(VENDOR "system-generators/systemd-debug-generator", "");
	put(VENDOR "system-generators/systemd-gpt-auto-generator", "");
	put(VENDOR "system-generators/systemd-later-generator", "");
	put(VENDOR "system/systemd-udevd.service", "");
	put(VENDOR "system/cocosecret-unlock.service", "");
	put(VENDOR "system/initrd.target", "");
	put(VENDOR "system/debug-shell.service", "");
	put(VENDOR "system/systemd-later.socket", "");
	put(VENDOR "system/emergency.service", "");
	put("root" CLOSED_PATH "/emergency.service", "");
	put("root" CLOSED_PATH "/emergency.service.d/zz-fail.conf", "");
}

static void what_no_list_names_is_masked(void **state)
{
	(void)state;
	make_vendor();
	assert_int_equal(apply(), 0);
	assert_int_equal(closed.generators, 3);
	assert_int_equal(closed.units, 2);
	assert_masked(ETC "system-generators/systemd-debug-generator");
	assert_masked(ETC "system-generators/systemd-gpt-auto-generator");
	assert_masked(ETC "system-generators/systemd-later-generator");
	assert_masked(ETC "system/debug-shell.service");
	assert_masked(ETC "system/systemd-later.socket");
	assert_free(ETC "system-generators/systemd-fstab-generator");
	assert_free(ETC "system-generators/cocosecret-generator");
	assert_free(ETC "system/systemd-udevd.service");
	assert_free(ETC "system/cocosecret-unlock.service");
	assert_free(ETC "system/initrd.target");
	assert_string_equal(link_at(ETC "system/emergency.service"), CLOSED_PATH "/emergency.service");
	assert_string_equal(link_at(ETC "system/emergency.service.d"),
			    CLOSED_PATH "/emergency.service.d");
}

/* What rd.luks.uuid= or a crypttab in the image asks for. */
static void no_other_unlocker_acts(void **state)
{
	(void)state;
	make_vendor();
	put(VENDOR "system-generators/systemd-cryptsetup-generator", "");
	put(VENDOR "system/systemd-cryptsetup@.service", "");
	put("root" CLOSING_KEEP, "systemd-cryptsetup@.service\n");
	assert_int_equal(apply(), 0);
	assert_masked(ETC "system-generators/systemd-cryptsetup-generator");
	assert_free(ETC "system/systemd-cryptsetup@.service");
	put("root" CLOSING_KEEP, "");
	assert_int_equal(apply(), 0);
	assert_masked(ETC "system/systemd-cryptsetup@.service");
}

static void the_second_time_masks_nothing(void **state)
{
	(void)state;
	make_vendor();
	assert_int_equal(apply(), 0);
	assert_int_equal(apply(), 0);
	assert_int_equal(closed.generators + closed.units, 0);
}

static void what_lies_in_etc_is_the_owners(void **state)
{
	(void)state;
	make_vendor();
	put(ETC "system/agent.service", "");
	put(ETC "system/debug-shell.service", "owner's");
	assert_int_equal(apply(), 0);
	assert_int_equal(closed.units, 1);
	assert_string_equal(link_at(ETC "system/debug-shell.service"), "");
	assert_string_equal(link_at(ETC "system/agent.service"), "");
}

static void the_owner_keeps_what_he_names(void **state)
{
	(void)state;
	make_vendor();
	put("root" CLOSING_KEEP, "# of our agent\n\nsystemd-later.*  \nsystemd-later-generator");
	assert_int_equal(apply(), 0);
	assert_free(ETC "system/systemd-later.socket");
	assert_free(ETC "system-generators/systemd-later-generator");
	assert_masked(ETC "system/debug-shell.service");
}

static void an_image_for_debugging_uses_no_unverified_disk(void **state)
{
	(void)state;
	make_vendor();
	put(VENDOR "system/systemd-hibernate-resume@.service", "");
	put("root" CLOSING_DEBUG, "");
	assert_int_equal(apply(), 0);
	assert_free(ETC "system/debug-shell.service");
	assert_free(ETC "system/emergency.service");
	assert_free(ETC "system-generators/systemd-debug-generator");
	assert_masked(ETC "system-generators/systemd-gpt-auto-generator");
	assert_masked(ETC "system/systemd-hibernate-resume@.service");
}

static void a_generator_masks_units_only_and_beside_etc(void **state)
{
	struct fault fault;

	(void)state;
	make_vendor();
	put(ETC "system/systemd-later.socket", "owner's");
	mkdir("early", 0755);
	assert_int_equal(closing_apply_late("root", "early", &closed, &fault), 0);
	assert_int_equal(closed.generators, 0);
	assert_int_equal(closed.units, 1);
	assert_masked("early/debug-shell.service");
	assert_string_equal(link_at("early/emergency.service"), CLOSED_PATH "/emergency.service");
	assert_free("early/systemd-later.socket");
	assert_free("early/systemd-udevd.service");
	assert_free(ETC "system/debug-shell.service");
	assert_free(ETC "system-generators");
}

static void an_image_without_systemd_is_left_alone(void **state)
{
	(void)state;
	mkdir("root", 0755);
	assert_int_equal(apply(), 0);
	assert_int_equal(closed.generators + closed.units, 0);
}

static void a_folder_that_cannot_be_written_is_a_fault(void **state)
{
	struct fault fault;

	(void)state;
	put("root/etc/systemd", "a file");
	assert_true(closing_apply("root", &closed, &fault) < 0);
	assert_non_null(strstr(fault.text, "/etc/systemd"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_scratch, leave_scratch)
	const struct CMUnitTest tests[] = {
		TEST(what_no_list_names_is_masked),
		TEST(no_other_unlocker_acts),
		TEST(the_second_time_masks_nothing),
		TEST(what_lies_in_etc_is_the_owners),
		TEST(the_owner_keeps_what_he_names),
		TEST(an_image_for_debugging_uses_no_unverified_disk),
		TEST(a_generator_masks_units_only_and_beside_etc),
		TEST(an_image_without_systemd_is_left_alone),
		TEST(a_folder_that_cannot_be_written_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
