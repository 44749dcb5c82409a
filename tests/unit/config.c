// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/config.h"

#include <string.h>

#include "support.h"

static struct config config;
static struct fault fault;

static int load(const char *cmdline, const char *cocotab)
{
	config_free(&config);
	write_file("cmdline", cmdline, strlen(cmdline));
	if (cocotab)
		write_file("cocotab", cocotab, strlen(cocotab));
	return config_load("cmdline", "cocotab", &config, &fault);
}

static int leave(void **state)
{
	config_free(&config);
	return leave_scratch(state);
}

static void the_command_line_overrides_cocotab(void **state)
{
	(void)state;
	assert_int_equal(load("rd.cocosecret=a:/dev/vda rd.cocosecret.timeout=9 root=/dev/mapper/b",
			      "b /dev/vdb\na /dev/vdc - nofail\n"), 0);
	assert_int_equal(config.timeout_s, 9);
	assert_string_equal(config.root, "b");
	assert_int_equal(config.volumes.count, 2);
	assert_string_equal(config.volumes.list[0].device.value, "/dev/vda");
	assert_int_equal(config.volumes.list[0].options, 0);
	assert_string_equal(config.volumes.list[1].device.value, "/dev/vdb");
}

static void off_wins_over_a_wrong_cocotab(void **state)
{
	(void)state;
	assert_int_equal(load("rd.cocosecret=0 rd.cocosecret=a:/dev/vda", "wrong\n"), 0);
	assert_true(config.off);
}

static void without_a_volume_the_tokens_decide(void **state)
{
	(void)state;
	assert_int_equal(load("quiet", "# nothing\n"), 0);
	assert_true(config.discover);
	assert_int_equal(load("rd.cocosecret=0", "# nothing\n"), 0);
	assert_false(config.discover);
	assert_int_equal(load("rd.cocosecret=a:/dev/vda", "# nothing\n"), 0);
	assert_false(config.discover);
}

static void secrets_that_anybody_may_bring_want_an_owner(void **state)
{
	(void)state;
	assert_true(load("rd.cocosecret.source=run", "") < 0);
	assert_non_null(strstr(fault.text, "rd.cocosecret.owner=KEY"));
	assert_int_equal(load("rd.cocosecret.source=run rd.cocosecret.owner=none", ""), 0);
	assert_int_equal(load("rd.cocosecret.source=run rd.cocosecret.owner="
			      "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", ""), 0);
	assert_int_equal(config.anchors.count, 1);
	assert_int_equal(load("rd.cocosecret.source=run rd.cocosecret=0", ""), 0);
}

static void a_named_cocotab_must_exist(void **state)
{
	(void)state;
	assert_true(load("rd.cocosecret=a:/dev/vda", NULL) < 0);
	assert_non_null(strstr(fault.text, "cocotab: No such file"));
}

static void a_file_too_large_is_a_fault(void **state)
{
	static char large[65537];

	(void)state;
	memset(large, '\n', sizeof(large));
	write_file("cocotab", large, sizeof(large));
	assert_true(load("rd.cocosecret=a:/dev/vda", NULL) < 0);
	write_file("cocotab", large, sizeof(large) - 1);
	assert_int_equal(load("rd.cocosecret=a:/dev/vda", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_command_line_overrides_cocotab, enter_scratch, leave),
		cmocka_unit_test_setup_teardown(off_wins_over_a_wrong_cocotab, enter_scratch, leave),
		cmocka_unit_test_setup_teardown(without_a_volume_the_tokens_decide,
						enter_scratch, leave),
		cmocka_unit_test_setup_teardown(secrets_that_anybody_may_bring_want_an_owner,
						enter_scratch, leave),
		cmocka_unit_test_setup_teardown(a_named_cocotab_must_exist, enter_scratch, leave),
		cmocka_unit_test_setup_teardown(a_file_too_large_is_a_fault, enter_scratch, leave),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
