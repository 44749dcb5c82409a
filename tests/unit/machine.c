// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose initramfs is it? A folder "m" stands for the machine. */
#include "image/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/guid.h"
#include "support.h"

#define TOKEN "{\"type\":\"cocosecret\",\"keyslots\":[\"0\"],\"secret\":\"" GUID_DISK_KEY "\"}"

static const char *const keys[] = { "launch key one, 32 bytes long..." };
static struct fault why;

static void make_folders(const char *path)
{
	char part[256];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		mkdir(part, 0755);
	}
}

static void put(const char *path, const char *text)
{
	make_folders(path);
	write_file(path, text, strlen(text));
}

/* One that has booted, and not with us. */
static int begin(void **state)
{
	int r = enter_scratch(state);

	make_folders("m/proc/1/");
	make_folders("m/run/systemd/system/");
	make_folders("m/etc/cocosecret/");
	assert_int_equal(symlink("../..", "m/proc/1/root"), 0);
	put("m/proc/1/comm", "systemd\n");
	put("m/boot/initrd.img-6.1.0", "");
	put("m/tmp/initrd.img", "");
	return r;
}

static bool may(const char *image)
{
	return machine_may_close("m", image, &why);
}

static void a_machine_of_another_kind_is_left_alone(void **state)
{
	(void)state;
	assert_false(may(""));
	assert_non_null(strstr(why.text, "would power off at its next boot"));
	assert_non_null(strstr(why.text, "make the file " MACHINE_WORD));
	assert_int_equal(rmdir("m/run/systemd/system"), 0);
	put("m/proc/1/comm", "init\n");
	assert_false(may(""));
}

static void the_word_is_the_owners(void **state)
{
	(void)state;
	put("m" MACHINE_WORD, "");
	assert_true(may(""));
}

static void a_machine_that_booted_with_us_goes_on(void **state)
{
	(void)state;
	make_folders("m/run/cocosecret/");
	assert_false(may(""));
	make_folders("m/run/cocosecret/volumes/");
	assert_true(may(""));
}

static void an_image_is_not_the_machines(void **state)
{
	(void)state;
	put("m/proc/1/comm", "bash\n");
	assert_int_equal(rmdir("m/run/systemd/system"), 0);
	assert_true(may("")); /* in a container */
	make_folders("m/run/systemd/system/");
	assert_false(may(""));
	unlink("m/proc/1/root");
	assert_true(may("")); /* in a chroot without /proc */
	assert_int_equal(symlink("/", "m/proc/1/root"), 0);
	assert_true(may("")); /* and with it */
}

/* By the real path, which begins with the machine's root. */
static void an_image_elsewhere_is_not_the_machines(void **state)
{
	char root[256], path[300];

	(void)state;
	assert_non_null(getcwd(root, sizeof(root) - 2));
	strcat(root, "/m");
	snprintf(path, sizeof(path), "%s/tmp/initrd.img", root);
	assert_true(machine_may_close(root, path, &why));
	snprintf(path, sizeof(path), "%s/boot/initrd.img-6.1.0", root);
	assert_false(machine_may_close(root, path, &why));
	snprintf(path, sizeof(path), "%s/boot/new", root);
	assert_false(machine_may_close(root, path, &why));
	assert_int_equal(symlink("../boot/initrd.img-6.1.0", "m/tmp/link"), 0);
	snprintf(path, sizeof(path), "%s/tmp/link", root);
	assert_false(machine_may_close(root, path, &why));
}

/* Below "m" lies a device that the kernel says it lies on. */
static void lies_on(const char *between)
{
	char path[256];
	struct stat st;

	assert_int_equal(stat("m", &st), 0);
	snprintf(path, sizeof(path), "m/sys/dev/block/%u:%u/slaves/%svda/", major(st.st_dev),
		 minor(st.st_dev), between);
	make_folders(path);
	make_folders("m/dev/");
	make_image("m/dev/vda", keys, 1);
}

static void a_root_on_an_enrolled_volume_is_meant(void **state)
{
	(void)state;
	lies_on("");
	assert_false(may(""));
	add_token("m/dev/vda", TOKEN);
	assert_true(may(""));
}

static void an_enrolled_volume_may_lie_deep(void **state)
{
	(void)state;
	lies_on("dm-1/slaves/");
	assert_false(may(""));
	add_token("m/dev/vda", TOKEN);
	assert_true(may(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_machine_of_another_kind_is_left_alone, begin,
						leave_scratch),
		cmocka_unit_test_setup_teardown(the_word_is_the_owners, begin, leave_scratch),
		cmocka_unit_test_setup_teardown(a_machine_that_booted_with_us_goes_on, begin,
						leave_scratch),
		cmocka_unit_test_setup_teardown(an_image_is_not_the_machines, begin, leave_scratch),
		cmocka_unit_test_setup_teardown(an_image_elsewhere_is_not_the_machines, begin,
						leave_scratch),
		cmocka_unit_test_setup_teardown(a_root_on_an_enrolled_volume_is_meant, begin,
						leave_scratch),
		cmocka_unit_test_setup_teardown(an_enrolled_volume_may_lie_deep, begin, leave_scratch),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
