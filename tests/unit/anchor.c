// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/anchor.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

/* The keys of RFC 8032, section 7.1, tests 1 and 2. */
#define LINE_1 "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
#define LINE_2 "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
#define X25519 "MCowBQYDK2VuAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
#define PEM(line) "-----BEGIN PUBLIC KEY-----\n" line "-----END PUBLIC KEY-----\n"

static struct anchors anchors;
static struct fault fault;

static int enter(void **state)
{
	anchors = (struct anchors){ 0 };
	return enter_scratch(state);
}

static int add_pem(const char *text)
{
	return anchors_add_pem(&anchors, slice_of(text), "a.pem", &fault);
}

static void a_file_holds_one_key_or_more(void **state)
{
	(void)state;
	assert_int_equal(add_pem("Key of A.\n" PEM(LINE_1) PEM(LINE_2)), 0);
	assert_int_equal(anchors.count, 2);
	assert_int_equal(anchors.list[0].bytes[0], 0xd7);
	assert_int_equal(anchors.list[1].bytes[ANCHOR_SIZE - 1], 0x0c);
	assert_int_equal(add_pem(PEM(LINE_1)), 0);
	assert_int_equal(anchors.count, 2);
}

static void lines_may_be_broken_anywhere(void **state)
{
	(void)state;
	assert_int_equal(add_pem("-----BEGIN PUBLIC KEY-----\r\nMCowBQYDK2VwAyEA\r\n11qYAYKxCrfVS/"
				 "7TyWQHOg7hcvPapiMlrwIaaPcHURo=\r\n-----END PUBLIC KEY-----"), 0);
	assert_int_equal(anchors.list[0].bytes[ANCHOR_SIZE - 1], 0x1a);
}

static void anything_else_is_an_error_that_names_the_file(void **state)
{
	static const char *const wrong[] = {
		"", "a", PEM(""), PEM(X25519), PEM("AAAA\n"), PEM(LINE_1 "AAAA\n"), PEM(LINE_1) PEM(X25519),
		"-----BEGIN PRIVATE KEY-----\n" LINE_1 "-----END PRIVATE KEY-----\n",
		"-----BEGIN PUBLIC KEY-----\n" LINE_1 LINE_1,
		PEM(LINE_1) "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (add_pem(wrong[i]) == 0)
			fail_msg("taken: %s", wrong[i]);
		assert_ptr_equal(strstr(fault.text, "a.pem: "), fault.text);
	}
}

static void more_keys_than_there_is_room_are_an_error(void **state)
{
	char text[] = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

	(void)state;
	for (int i = 0; i < ANCHORS_MAX; i++) {
		text[0] = (char)('A' + i);
		assert_int_equal(anchors_add_text(&anchors, slice_of(text), &fault), 0);
	}
	text[0] = 'a';
	assert_true(anchors_add_text(&anchors, slice_of(text), &fault) < 0);
}

static void a_folder_gives_its_pem_files_only(void **state)
{
	(void)state;
	assert_int_equal(anchors_add_folder(&anchors, "none", &fault), 0);
	assert_int_equal(mkdir("d", 0700), 0);
	write_file("d/a.pem", PEM(LINE_1), strlen(PEM(LINE_1)));
	write_file("d/.c.pem", "hidden", 6);
	assert_int_equal(anchors_add_folder(&anchors, "d", &fault), 0);
	assert_int_equal(anchors.count, 1);
	write_file("d/z.pem", "broken", 6);
	assert_true(anchors_add_folder(&anchors, "d", &fault) < 0);
	assert_non_null(strstr(fault.text, "d/z.pem"));
	assert_true(anchors_add_folder(&anchors, "d/a.pem", &fault) < 0);
}

/* A key that got lost would be no error: the boot would ask for no signature. */
static void a_key_by_another_name_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	write_file("d/me.pub", PEM(LINE_1), strlen(PEM(LINE_1)));
	assert_true(anchors_add_folder(&anchors, "d", &fault) < 0);
	assert_non_null(strstr(fault.text, "d/me.pub"));
	assert_int_equal(symlink("/none", "e"), 0);
	assert_true(anchors_add_folder(&anchors, "e", &fault) < 0);
}

static void a_key_without_a_secret_is_none(void **state)
{
	(void)state;
	assert_true(anchors_add_text(&anchors, SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
				     &fault) < 0);
	assert_true(anchors_add_text(&anchors, SLICE("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA"),
				     &fault) < 0);
	assert_int_equal(anchors_add_text(&anchors, SLICE("AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
					  &fault), 0);
}

static void a_key_in_the_image_and_none_on_the_command_line_are_an_error(void **state)
{
	(void)state;
	assert_int_equal(anchors_add_text(&anchors, SLICE("none"), &fault), 0);
	assert_true(add_pem(PEM(LINE_1)) < 0);
	assert_int_equal(anchors.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_holds_one_key_or_more, enter, leave_scratch),
		cmocka_unit_test_setup_teardown(lines_may_be_broken_anywhere, enter, leave_scratch),
		cmocka_unit_test_setup_teardown(anything_else_is_an_error_that_names_the_file, enter,
						leave_scratch),
		cmocka_unit_test_setup_teardown(more_keys_than_there_is_room_are_an_error, enter,
						leave_scratch),
		cmocka_unit_test_setup_teardown(a_key_by_another_name_is_an_error, enter, leave_scratch),
		cmocka_unit_test_setup_teardown(a_key_without_a_secret_is_none, enter, leave_scratch),
		cmocka_unit_test_setup_teardown(a_folder_gives_its_pem_files_only, enter, leave_scratch),
		cmocka_unit_test_setup_teardown(
			a_key_in_the_image_and_none_on_the_command_line_are_an_error, enter,
			leave_scratch),
	};

	return cmocka_run_group_tests_name("anchor", tests, NULL, NULL);
}
