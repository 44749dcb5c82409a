// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/cmdline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

#define UUID "5aa5c3f0-0000-4000-8000-00000000000a"
#define SECRET "11111111-2222-3333-4444-555555555555"

#define OWNER_1 "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define OWNER_2 "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"

static struct cmdline cmdline;
static struct fault fault;

static int parse(const char *text)
{
	volumes_free(&cmdline.volumes);
	return cmdline_parse(slice_of(text), &cmdline, &fault);
}

static int forget(void **state)
{
	(void)state;
	volumes_free(&cmdline.volumes);
	return 0;
}

static void assert_volume(size_t i, const char *name, const char *device, const char *secret,
			  unsigned int options)
{
	assert_true(i < cmdline.volumes.count);
	assert_string_equal(cmdline.volumes.list[i].name, name);
	assert_string_equal(DEVICE_TEXT(&cmdline.volumes.list[i].device), device);
	assert_string_equal(cmdline.volumes.list[i].secret, secret);
	assert_int_equal(cmdline.volumes.list[i].options, options);
}

static void the_same_twice_is_once(void **state)
{
	static const char *const others[] = { "LABEL=x", "UUID=" UUID ":" SECRET,
					      "UUID=" UUID "::nofail" };
	char text[256];

	(void)state;
	assert_int_equal(parse("rd.cocosecret=root:UUID=" UUID " quiet rd.cocosecret=root:UUID=" UUID
			       ":" GUID_DISK_KEY), 0);
	assert_int_equal(cmdline.volumes.count, 1);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		snprintf(text, sizeof(text), "rd.cocosecret=root:UUID=" UUID " rd.cocosecret=root:%s",
			 others[i]);
		assert_true(parse(text) < 0);
		assert_non_null(strstr(fault.text, "names must differ"));
	}
}

static void a_root_is_named_or_not(void **state)
{
	struct slice value;

	(void)state;
	assert_true(cmdline_root(SLICE("ro root=/dev/vda quiet"), &value));
	assert_true(slice_is(value, "/dev/vda"));
	assert_true(cmdline_root(SLICE("root=gpt-auto root=LABEL=gpt-auto"), &value));
	assert_false(cmdline_root(SLICE("ro quiet"), &value));
	assert_false(cmdline_root(SLICE("root= ro"), &value));
	assert_false(cmdline_root(SLICE("root=/dev/vda root=gpt-auto"), &value));
}

static void what_is_not_ours_is_left_alone(void **state)
{
	(void)state;
	assert_int_equal(parse("BOOT_IMAGE=/vmlinuz root=UUID=x ro quiet rd.cocosecretly=1 "
			       "ard.cocosecret=0 rd.luks=0 \"x y=\" =\n"), 0);
	assert_int_equal(cmdline.volumes.count, 0);
	assert_false(cmdline.off);
	assert_int_equal(cmdline.timeout_s, 30);
	assert_int_equal(cmdline.on_failure, ON_FAILURE_POWEROFF);
}

static void reads_volumes(void **state)
{
	(void)state;
	assert_int_equal(parse("rd.cocosecret=root:UUID=" UUID " rd.cocosecret=a:/dev/vda:" SECRET
			       " rd.cocosecret=b:/dev/vdb:" SECRET ":root,unsealed"
			       " rd.cocosecret=c:PARTLABEL=x::nofail\n"), 0);
	assert_int_equal(cmdline.volumes.count, 4);
	assert_volume(0, "root", "UUID=" UUID, GUID_DISK_KEY, 0);
	assert_volume(1, "a", "/dev/vda", SECRET, 0);
	assert_volume(2, "b", "/dev/vdb", SECRET, VOLUME_ROOT | VOLUME_UNSEALED);
	assert_volume(3, "c", "PARTLABEL=x", GUID_DISK_KEY, VOLUME_NOFAIL);
}

static void a_device_may_hold_colons(void **state)
{
#define BY_PATH "/dev/disk/by-path/pci-0000:00:04.0-part1"
	(void)state;
	assert_int_equal(parse("rd.cocosecret=a:" BY_PATH " rd.cocosecret=b:" BY_PATH ":" SECRET
			       " rd.cocosecret=c:" BY_PATH "::unsealed"
			       " rd.cocosecret=d:" BY_PATH ":" SECRET ":unsealed"), 0);
	assert_volume(0, "a", BY_PATH, GUID_DISK_KEY, 0);
	assert_volume(1, "b", BY_PATH, SECRET, 0);
	assert_volume(2, "c", BY_PATH, GUID_DISK_KEY, VOLUME_UNSEALED);
	assert_volume(3, "d", BY_PATH, SECRET, VOLUME_UNSEALED);
}

static void a_colon_elsewhere_is_a_fault(void **state)
{
	static const char *const wrong[] = {
		"rd.cocosecret=a:/dev/vda:unsealed", "rd.cocosecret=a:/dev/vda:",
		"rd.cocosecret=a:UUID=" UUID ":11111111", "rd.cocosecret=a:/dev/disk/by-path/x:",
		"rd.cocosecret=a:/dev/vda:" SECRET "0", "rd.cocosecret=a:/dev/vda::root:more",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_true(parse(wrong[i]) < 0);
}

static void quotes_as_the_kernel_does(void **state)
{
	(void)state;
	assert_int_equal(parse("rd.cocosecret=\"a:LABEL=my disk\" \"rd.cocosecret=b:LABEL=my disk\" "
			       "x=\"rd.cocosecret=0\" \"rd.cocosecret=\"c:LABEL=x\"\""), 0);
	assert_int_equal(cmdline.volumes.count, 3);
	assert_volume(0, "a", "LABEL=my disk", GUID_DISK_KEY, 0);
	assert_volume(1, "b", "LABEL=my disk", GUID_DISK_KEY, 0);
	assert_volume(2, "c", "LABEL=x", GUID_DISK_KEY, 0);
	assert_false(cmdline.off);
	assert_int_equal(parse("x=\"never closed rd.cocosecret=0"), 0);
	assert_false(cmdline.off);
}

static void off_is_zero(void **state)
{
	(void)state;
	assert_int_equal(parse("rd.cocosecret=0"), 0);
	assert_true(cmdline.off);
	assert_true(parse("rd.cocosecret=1") < 0);
	assert_true(parse("rd.cocosecret=") < 0);
	assert_true(parse("rd.cocosecret") < 0);
}

static void timeout_is_a_number_of_seconds(void **state)
{
	static const char *const wrong[] = { "", "0", "-1", "1s", "86401", "99999999999999999999", " 5" };
	char text[80];

	(void)state;
	assert_int_equal(parse("rd.cocosecret.timeout=86400"), 0);
	assert_int_equal(cmdline.timeout_s, 86400);
	assert_int_equal(parse("rd.cocosecret.timeout=5 rd.cocosecret.timeout=7"), 0);
	assert_int_equal(cmdline.timeout_s, 7);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		snprintf(text, sizeof(text), "rd.cocosecret.timeout=\"%s\"", wrong[i]);
		assert_true(parse(text) < 0);
	}
}

static void on_failure_is_one_of_four_words(void **state)
{
	(void)state;
	assert_int_equal(parse("rd.cocosecret.on-failure=reboot"), 0);
	assert_int_equal(cmdline.on_failure, ON_FAILURE_REBOOT);
	assert_int_equal(parse("rd.cocosecret.on_failure=halt"), 0);
	assert_int_equal(cmdline.on_failure, ON_FAILURE_HALT);
	assert_int_equal(parse("rd.cocosecret.on-failure=shell"), 0);
	assert_int_equal(cmdline.on_failure, ON_FAILURE_SHELL);
	assert_int_equal(parse("rd.cocosecret.on-failure=poweroff"), 0);
	assert_int_equal(cmdline.on_failure, ON_FAILURE_POWEROFF);
	assert_true(parse("rd.cocosecret.on-failure=sh") < 0);
}

static void owners_keys_add_up_and_exclude_none(void **state)
{
	(void)state;
	assert_int_equal(parse("rd.cocosecret.owner=" OWNER_1 " rd.cocosecret.owner=" OWNER_2
			       " rd.cocosecret.owner=" OWNER_1), 0);
	assert_int_equal(cmdline.anchors.count, 2);
	assert_int_equal(parse("rd.cocosecret.owner=none"), 0);
	assert_true(cmdline.anchors.unwanted);
	assert_true(parse("rd.cocosecret.owner=none rd.cocosecret.owner=" OWNER_1) < 0);
	assert_true(parse("rd.cocosecret.owner=" OWNER_1 " rd.cocosecret.owner=none") < 0);
	assert_true(parse("rd.cocosecret.owner=" OWNER_1 "=") < 0);
	assert_true(parse("rd.cocosecret.owner=") < 0);
	assert_true(parse("rd.cocosecret.owner") < 0);
}

/* By the owner's words: what the tables themselves say of their maker is the host's. */
static void tables_are_ours_behind_the_wall(void **state)
{
	(void)state;
	assert_int_equal(parse("quiet"), 0);
	assert_int_equal(cmdline.tables, TABLES_HOST);
	assert_int_equal(parse("cocosecret.wall=1 quiet"), 0);
	assert_int_equal(cmdline.tables, TABLES_OURS);
	assert_int_equal(parse("cocosecret.wall=1 cocosecret.wall=0 xcocosecret.wall=1"), 0);
	assert_int_equal(cmdline.tables, TABLES_HOST);
	assert_int_equal(parse("acpi=off"), 0);
	assert_int_equal(cmdline.tables, TABLES_NONE);
	assert_int_equal(parse("acpi=force cocosecret.wall"), 0);
	assert_int_equal(cmdline.tables, TABLES_HOST);
}

static void source_is_one_of_two_words(void **state)
{
	(void)state;
	assert_int_equal(parse("quiet"), 0);
	assert_int_equal(cmdline.source, SOURCE_SECURITYFS);
	assert_int_equal(parse("rd.cocosecret.source=run"), 0);
	assert_int_equal(cmdline.source, SOURCE_RUN);
	assert_int_equal(parse("rd.cocosecret.source=run rd.cocosecret.source=securityfs"), 0);
	assert_int_equal(cmdline.source, SOURCE_SECURITYFS);
	assert_true(parse("rd.cocosecret.source=/run") < 0);
	assert_true(parse("rd.cocosecret.source=") < 0);
}

static void a_dash_is_an_underscore_in_any_name(void **state)
{
	struct slice value;

	(void)state;
	assert_true(cmdline_value(SLICE("a systemd.gpt-auto=0 b"), "systemd.gpt_auto", &value));
	assert_true(slice_is(value, "0"));
	assert_true(cmdline_value(SLICE("systemd.gpt_auto=1"), "systemd.gpt_auto", &value));
	assert_true(slice_is(value, "1"));
}

static void the_host_is_let_in_by_channel(void **state)
{
	(void)state;
	assert_int_equal(parse("rd.cocosecret.timeout=5"), 0);
	assert_int_equal(cmdline.allowed, 0);
	assert_int_equal(parse("rd.cocosecret.allow=credentials,gpt-auto rd.cocosecret.allow=efivars"),
			 0);
	assert_int_equal(cmdline.allowed, HOST_CREDENTIALS | HOST_GPT_AUTO | HOST_EFIVARS);
	assert_true(parse("rd.cocosecret.allow=credentials,all") < 0);
	assert_non_null(strstr(fault.text, "\"all\" is not one of"));
	assert_true(parse("rd.cocosecret.allow") < 0);
}

static void an_unknown_parameter_is_named(void **state)
{
	(void)state;
	assert_true(parse("quiet rd.cocosecret.timout=5") < 0);
	assert_non_null(strstr(fault.text, "rd.cocosecret.timout"));
	assert_true(parse("rd.cocosecret.") < 0);
	assert_true(parse("rd.cocosecret=a:/dev/vda rd.cocosecret=a:/dev/vdb") < 0);
	assert_non_null(strstr(fault.text, "\"a\""));
}

static void loads_a_file(void **context)
{
	char path[] = "/tmp/cmdline.XXXXXX";
	int fd = mkstemp(path);

	(void)context;
	assert_int_equal(write(fd, "rd.cocosecret.on-failure=halt\n", 30), 30);
	close(fd);
	assert_int_equal(cmdline_load(path, &cmdline, &fault), 0);
	assert_string_equal(on_failure_text(cmdline.on_failure), "halt");
	unlink(path);
	assert_true(cmdline_load(path, &cmdline, &fault) < 0);
	assert_non_null(strstr(fault.text, path));
	assert_int_equal(cmdline.on_failure, ON_FAILURE_POWEROFF);
}

static void the_last_value_of_any_parameter_counts(void **context)
{
	struct slice value = { 0 };

	(void)context;
	assert_true(cmdline_value(SLICE("root=a ro root=\"b c\" x"), "root", &value));
	assert_true(slice_is(value, "b c"));
	assert_false(cmdline_value(SLICE("xroot=a root"), "root", &value));
}

static void a_root_that_is_a_mapping_is_named(void **context)
{
	static const struct {
		const char *text, *root;
	} cases[] = {
		{ "root=/dev/mapper/data", "data" },
		{ "root=UUID=x root=\"/dev/mapper/data\" ro\n", "data" },
		{ "root=/dev/disk/by-id/dm-name-luks-" UUID, "luks-" UUID },
		{ "root=/dev/mapper/data root=LABEL=x", "" },
		{ "root=/dev/mapper/data rd.cocosecret=0", "data" },
		{ "xroot=/dev/mapper/data root", "" },
		{ "root=/dev/mapper/", "" },
		{ "root=/dev/mapper/a/b", "" },
		{ "root=/dev/mapper/../vda", "" },
		{ "root=/dev/vda ro", "" },
		{ "", "" },
	};

	(void)context;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(parse(cases[i].text), 0);
		assert_string_equal(cmdline.root, cases[i].root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_same_twice_is_once, forget),
		cmocka_unit_test_teardown(a_root_is_named_or_not, forget),
		cmocka_unit_test_teardown(what_is_not_ours_is_left_alone, forget),
		cmocka_unit_test_teardown(reads_volumes, forget),
		cmocka_unit_test_teardown(a_device_may_hold_colons, forget),
		cmocka_unit_test_teardown(a_colon_elsewhere_is_a_fault, forget),
		cmocka_unit_test_teardown(quotes_as_the_kernel_does, forget),
		cmocka_unit_test_teardown(off_is_zero, forget),
		cmocka_unit_test_teardown(timeout_is_a_number_of_seconds, forget),
		cmocka_unit_test_teardown(on_failure_is_one_of_four_words, forget),
		cmocka_unit_test_teardown(owners_keys_add_up_and_exclude_none, forget),
		cmocka_unit_test_teardown(tables_are_ours_behind_the_wall, forget),
		cmocka_unit_test_teardown(source_is_one_of_two_words, forget),
		cmocka_unit_test_teardown(the_host_is_let_in_by_channel, forget),
		cmocka_unit_test(a_dash_is_an_underscore_in_any_name),
		cmocka_unit_test_teardown(an_unknown_parameter_is_named, forget),
		cmocka_unit_test_teardown(loads_a_file, forget),
		cmocka_unit_test_teardown(the_last_value_of_any_parameter_counts, forget),
		cmocka_unit_test_teardown(a_root_that_is_a_mapping_is_named, forget),
	};

	return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
