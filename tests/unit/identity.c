// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/identity.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "support.h"

#define A "5aa5c3f0-0000-4000-8000-00000000000a"
#define B "5aa5c3f0-0000-4000-8000-00000000000B"

static struct fault fault;

/* What was opened as the volume @mapping, when @device was asked for with @options. */
struct question {
	const char *mapping, *device;
	unsigned int options;
	const char *uuid, *label, *name;
	const char *says; /* NULL: it is the one */
};

static int ask(const struct question *question)
{
	CLEANUP(document_free) struct json_object *document =
		document_parse("{}", question->label, "", question->uuid);
	const struct token token = { .name = question->name };
	struct volume volume = { .options = question->options };

	fault.text[0] = '\0';
	assert_int_equal(volume_set_name(&volume, slice_of(question->mapping), &fault), 0);
	assert_int_equal(volume_set_device(&volume, slice_of(question->device), &fault), 0);
	if (question->options & VOLUME_ROOT)
		snprintf(volume.header, sizeof(volume.header), "/etc/header");
	return identity_check(document, &token, &volume, &fault);
}

static void ask_all(const struct question *questions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = ask(&questions[i]);

		print_message("    %zu: %d %s\n", i, r, fault.text);
		assert_int_equal(r, questions[i].says ? EXIT_HEADER : EXIT_OPENED);
		if (questions[i].says)
			assert_non_null(strstr(fault.text, questions[i].says));
	}
}

#define ASK(...) \
	do { \
		const struct question questions[] = { __VA_ARGS__ }; \
		ask_all(questions, sizeof(questions) / sizeof(*questions)); \
	} while (0)

static void what_was_asked_for_must_be_in_the_header(void **state)
{
	(void)state;
	ASK({ "root", "UUID=" A, 0, A, "", NULL, NULL },
	    { "root", "UUID=5AA5C3F0-0000-4000-8000-00000000000A", 0, A, "", NULL, NULL },
	    { "root", "UUID=" A, 0, B, "", NULL,
	      "it is sealed with the uuid \"" B "\", but the volume was asked for as UUID=" A },
	    { "root", "UUID=" A, 0, "", "", NULL, "asked for as UUID=" },
	    { "root", "UUID=" A, 0, B, "", "root", "asked for as UUID=" },
	    { "root", "LABEL=disk one", 0, B, "disk one", NULL, NULL },
	    { "root", "LABEL=disk", 0, A, "Disk", NULL, "it is sealed with the label \"Disk\"" },
	    { "root", "LABEL=disk", 0, A, "disk ", NULL, "asked for as LABEL=disk" },
	    { "root", "LABEL=disk", 0, A, "", NULL, "the label \"\"" });
}

static void without_a_seal_it_must_be_there_all_the_same(void **state)
{
	(void)state;
	ASK({ "root", "UUID=" A, VOLUME_UNSEALED, A, "", NULL, NULL },
	    { "root", "UUID=" A, VOLUME_UNSEALED, B, "", NULL, "it has the uuid" },
	    { "root", "LABEL=a", VOLUME_UNSEALED, A, "b", NULL, "it has the label \"b\"" },
	    { "root", "/dev/vda", VOLUME_UNSEALED, A, "", NULL, NULL },
	    { "root", "PARTUUID=x", VOLUME_UNSEALED, A, "", "data", "for the name \"data\" only" });
}

static void where_the_host_names_it_its_seal_must_name_it_too(void **state)
{
	static const char *const words[] = { "PARTUUID=x", "PARTLABEL=root", "/dev/vda",
					     "/dev/disk/by-uuid/" A };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		ASK({ "root", words[i], 0, A, "root", "root", NULL },
		    { "root", words[i], 0, A, "root", "data", "for the name \"data\" only" },
		    { "root", words[i], 0, A, "root", NULL, "ask for the volume by UUID=" A },
		    { "root", words[i], VOLUME_ROOT, A, "root", NULL, NULL });
}

static void what_a_header_proposed_must_be_its_own_name(void **state)
{
	const unsigned int found = VOLUME_DISCOVERED;

	(void)state;
	ASK({ "root", "/dev/vda", found, A, "", "root", NULL },
	    { "luks-" A, "/dev/vda", found, A, "", NULL, NULL },
	    { "root", "/dev/vda", found, A, "", NULL, "its name is \"luks-" A "\", but it was found as root" },
	    { "root", "/dev/vda", found, A, "", "data", "for the name \"data\" only" },
	    { "luks-" A, "/dev/vda", found, B, "", NULL, "but it was found as luks-" A },
	    { "luks-" A, "/dev/vda", found, A, "", "root", "for the name \"root\" only" });
}

static void a_name_that_no_mapping_can_have_is_none(void **state)
{
	CLEANUP(document_free) struct json_object *document = document_parse("{}", "", "", "a/b");
	const struct token unnamed = { 0 }, odd = { .name = "../vda" }, empty = { .name = "" };
	struct volume volume = { 0 };

	(void)state;
	assert_true(identity_set_own_name(&volume, document, &unnamed, &fault) < 0);
	assert_true(identity_set_own_name(&volume, document, &odd, &fault) < 0);
	assert_true(identity_set_own_name(&volume, document, &empty, &fault) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_asked_for_must_be_in_the_header),
		cmocka_unit_test(without_a_seal_it_must_be_there_all_the_same),
		cmocka_unit_test(where_the_host_names_it_its_seal_must_name_it_too),
		cmocka_unit_test(what_a_header_proposed_must_be_its_own_name),
		cmocka_unit_test(a_name_that_no_mapping_can_have_is_none),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
