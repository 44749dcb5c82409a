// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret list and status, on records as cocosecret-unlock writes them. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "owner/commands.h"
#include "root/state.h"
#include "support.h"

#define OTHER "11111111-2222-3333-4444-555555555555"
#define RUN(command, ...) \
	run(command, (char *[]){ __VA_ARGS__, NULL }, sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *))
#define LIST(...) RUN(list_main, "list", "--secrets", "secrets", ##__VA_ARGS__)
#define STATUS(...) RUN(status_main, "status", "--secrets", "secrets", "--state", "state", ##__VA_ARGS__)

static char *said; /* on standard output */

/* Of a command that prints, since cmocka prints too. */
static int run(int (*command)(int argc, char **argv), char **argv, int argc)
{
	int out = dup(STDOUT_FILENO), file = open("said", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t length;
	int r;

	log_forget();
	fflush(stdout);
	dup2(file, STDOUT_FILENO);
	r = command(argc, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	close(file);
	free(said);
	assert_int_equal(file_read("said", &said, &length), 0);
	return r;
}

static bool says(const char *text)
{
	return strstr(said, text) != NULL;
}

static void add_secret(const char *name)
{
	char path[128];

	mkdir("secrets", 0700);
	snprintf(path, sizeof(path), "secrets/%s", name);
	write_file(path, "not to be seen", 14);
}

#define OWNER "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

static const struct mapping_id mapping = { .dm_uuid = "CRYPT-LUKS2-x", .diskseq = "12" };
static const struct volume root = { .name = "test-root", .secret = GUID_DISK_KEY };
static const struct volume data = { .name = "test-data", .secret = OTHER,
				    .options = VOLUME_UNSEALED };

/* As a boot leaves it. */
static void make_records(void)
{
	CLEANUP(close_fd) int state = state_open("state");
	const struct volume_record record = {
		.device = "/dev/vda2",
		.luks_uuid = "5aa5c3f0-0000-4000-8000-00000000000a",
		.mapping = &mapping,
		.header_us = 20000,
		.secret_us = 1000,
		.seal_us = 2000,
		.activate_us = 109000,
		.opened_us = 3214000,
		.slot = 1,
		.owner = OWNER,
	};
	struct volume_record unsealed = record;

	unsealed.slot = -1;
	unsealed.owner = "";
	assert_int_equal(state_add(state, &root, &record), 0);
	assert_int_equal(state_add(state, &data, &unsealed), 0);
	assert_int_equal(state_set_root(state, root.name), 0);
	assert_int_equal(state_add_wiped(state, GUID_DISK_KEY), 0);
	assert_int_equal(state_add_verified(state, "/sysroot"), 0);
	assert_int_equal(state_add_run(state, &(struct run_record){ .begin_us = 3000000,
								   .end_us = 3500000 }), 0);
}

static void what_is_there_is_listed(void **state)
{
	(void)state;
	add_secret(GUID_DISK_KEY);
	add_secret(OTHER);
	add_secret("no-uuid");
	assert_int_equal(LIST(), EXIT_OPENED);
	assert_string_equal(said, OTHER "\n" GUID_DISK_KEY " (disk key)\n");
	assert_int_equal(LIST("--json"), EXIT_OPENED);
	assert_true(says("[\n  \"" OTHER "\",\n  \"" GUID_DISK_KEY "\"\n]"));
}

static void without_secrets_it_is_said(void **state)
{
	(void)state;
	assert_int_equal(LIST(), EXIT_NO_SECRET);
	assert_non_null(strstr(log_text(), "no secret area"));
	assert_int_equal(mkdir("secrets", 0700), 0);
	assert_int_equal(LIST(), EXIT_OPENED);
	assert_string_equal(said, "no secret is left in the secret area\n");
	assert_int_equal(LIST("--json"), EXIT_OPENED);
	assert_string_equal(said, "[\n]\n");
	assert_int_equal(LIST("--state", "state"), EXIT_CONFIG);
	assert_int_equal(LIST("x"), EXIT_CONFIG);
}

static void status_tells_the_boot(void **state)
{
	(void)state;
	make_records();
	assert_int_equal(mkdir("secrets", 0700), 0);
	assert_int_equal(STATUS(), EXIT_OPENED);
	assert_true(says("run      all opened (exit 0), in 500 ms\n"));
	assert_true(says("volume   test-root: no longer open, /dev/vda2, with secret " GUID_DISK_KEY
			 " (disk key), sealed, signed by owner " OWNER ", key slot 1\n"
			 "         opened 3.214 s after the kernel's start, in 132 ms: header 20, "
			 "secret 1, seal 2, mapping 109\n"));
	assert_true(says(OTHER ", not sealed\n")); /* and signed by nobody */
	assert_true(says("all mounted at /sysroot was on volumes of this boot\n"));
	assert_true(says("wiped    " GUID_DISK_KEY " (disk key), "));
	assert_true(says("secrets  none is left in the secret area\n"));
	add_secret(OTHER);
	assert_int_equal(STATUS(), EXIT_OPENED);
	assert_true(says("secrets  " OTHER " is there: not wiped\n"));
	assert_string_equal(log_text(), "");
}

static void status_tells_of_an_agent(void **state)
{
	struct agent_record record = { .broker = "serial:kbs", .tee = "snp", .begin_us = 1000000,
				       .proved_us = 1700000, .end_us = 1800000, .secrets = 2 };
	CLEANUP(close_fd) int folder = state_open("state");

	(void)state;
	assert_int_equal(STATUS(), EXIT_OPENED);
	assert_false(says("agent"));
	assert_int_equal(state_add_agent(folder, &record), 0);
	assert_int_equal(STATUS(), EXIT_OPENED);
	assert_true(says("agent    serial:kbs, as snp: 2 secrets, in 800 ms, of which 700 until it was "
			 "believed; begun 1.000 s after the kernel's start\n"));
	record = (struct agent_record){ .broker = "vsock:2:1", .end_us = 5000, .exit_status = EXIT_NO_SECRET };
	assert_int_equal(state_add_agent(folder, &record), 0);
	assert_int_equal(STATUS(), EXIT_OPENED);
	assert_true(says("agent    vsock:2:1, as no machine that can prove what it is: "));
	assert_true(says(" (exit 3), in 5 ms; begun"));
	assert_int_equal(STATUS("--json"), EXIT_OPENED);
	assert_true(says("\"agent\":"));
	assert_true(says("\"vsock:2:1\""));
}

static void programs_get_the_same(void **state)
{
	CLEANUP(document_free) struct json_object *status = NULL;
	struct json_object *volumes, *volume, *verified;

	(void)state;
	make_records();
	add_secret(OTHER);
	assert_int_equal(STATUS("--json"), EXIT_OPENED);
	status = json_tokener_parse(said);
	volumes = document_member(status, "volumes", json_type_array);
	assert_int_equal(json_object_array_length(volumes), 2);
	volume = json_object_array_get_idx(volumes, 0);
	if (strcmp(document_text(volume, "name"), "test-root") != 0)
		volume = json_object_array_get_idx(volumes, 1);
	assert_int_equal(json_object_get_int64(json_object_object_get(volume, "opened_us")), 3214000);
	assert_string_equal(document_text(volume, "owner"), OWNER);
	assert_false(json_object_get_boolean(json_object_object_get(volume, "active")));
	assert_true(json_object_get_boolean(json_object_object_get(volume, "sealed")));
	assert_non_null(document_member(status, "run", json_type_object));
	assert_string_equal(document_text(status, "tables"), "host");
	verified = document_member(status, "root", json_type_object);
	assert_string_equal(document_text(verified, "mapping"), "/dev/mapper/test-root");
	assert_int_equal(json_object_array_length(document_member(status, "wiped", json_type_array)), 1);
	assert_false(says("not to be seen"));
}

static void what_is_missing_or_damaged_is_said(void **state)
{
	(void)state;
	assert_int_equal(STATUS(), EXIT_NO_SECRET);
	assert_non_null(strstr(log_text(), "opened nothing"));
	assert_int_equal(access("state", F_OK), -1);
	close(state_open("state"));
	assert_int_equal(STATUS(), EXIT_OPENED);
	assert_true(says("volume   none\n"));
	assert_true(says("root     not verified"));
	assert_true(says("did not reach its end"));
	assert_true(says("secrets  unknown: no secret area"));
	write_file("state/volumes/x.json", "{\"name\":", 8);
	write_file("state/run.json", "[]", 2);
	write_file("state/verified.json", "7", 1);
	assert_int_equal(STATUS(), EXIT_OPENED);
	assert_non_null(strstr(log_text(), "volumes/x.json"));
	write_file("state/volumes/x.json", "{}", 2);
	assert_int_equal(STATUS(), EXIT_OPENED);
	assert_true(says("volume   ?: no longer open, ?, with secret ?, not sealed\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_scratch, leave_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_is_listed),
		TEST(without_secrets_it_is_said),
		TEST(status_tells_the_boot),
		TEST(status_tells_of_an_agent),
		TEST(programs_get_the_same),
		TEST(what_is_missing_or_damaged_is_said),
	};
	int r = cmocka_run_group_tests_name("guest", tests, NULL, NULL);

	free(said);
	return r;
}
