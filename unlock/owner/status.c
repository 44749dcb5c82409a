// SPDX-License-Identifier: GPL-2.0-or-later
/* What the records of this boot say, as one JSON object, and that object in words. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "config/cmdline.h"
#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/mapping.h"
#include "owner/commands.h"
#include "owner/guest.h"
#include "owner/json.h"
#include "root/state.h"

struct records {
	int state;
	const char *folder;
	struct json_object *list;
};

/* @value is taken over. */
static void add(struct json_object *object, const char *name, struct json_object *value)
{
	json_object_object_add(object, name, value);
}

static bool is_active(int state, const char *name)
{
	struct mapping_id id;

	return mapping_find(name, &id) == 0 && state_knows(state, name, &id);
}

static void collect(void *context, const char *name)
{
	const struct records *records = context;
	struct json_object *record = state_read(records->state, records->folder, name);

	if (!json_object_is_type(record, json_type_object)) {
		complain("status: %s/%s.json: is not a record; left out", records->folder, name);
		json_object_put(record);
		return;
	}
	if (strcmp(records->folder, STATE_VOLUMES) == 0)
		add(record, "active", json_object_new_boolean(is_active(records->state, name)));
	json_object_array_add(records->list, record);
}

static struct json_object *read_records(int state, const char *folder)
{
	struct records records = { state, folder, json_object_new_array() };

	state_each_in(state, folder, collect, &records);
	return records.list;
}

static struct json_object *read_root(int state)
{
	struct json_object *root = json_object_new_object();
	CLEANUP(document_free) struct json_object *verified = state_read(state, ".", "verified");
	char target[PATH_MAX];
	ssize_t length = readlinkat(state, "root", target, sizeof(target));

	if (length > 0)
		add(root, "mapping", json_object_new_string_len(target, (int)length));
	add(root, "verified", json_object_new_boolean(verified != NULL));
	if (verified) {
		add(root, "dir", json_object_get(json_object_object_get(verified, "dir")));
		add(root, "verified_us",
		    json_object_get(json_object_object_get(verified, "verified_us")));
	}
	return root;
}

/* Whose word the kernel took for the machine. */
static struct json_object *read_tables(void)
{
	struct cmdline cmdline;
	struct fault fault;
	int r = cmdline_settings(&cmdline, &fault);

	return r < 0 ? NULL : json_object_new_string(tables_text(cmdline.tables));
}

/* Without a record there are no members of what would be in it. */
static void read_state(int state, struct json_object *status)
{
	add(status, "agent", state_read(state, ".", "agent"));
	add(status, "run", state_read(state, ".", "run"));
	add(status, "volumes", read_records(state, STATE_VOLUMES));
	add(status, "wiped", read_records(state, STATE_WIPED));
	add(status, "root", read_root(state));
	add(status, "tables", read_tables());
}

static const char *text(struct json_object *object, const char *name)
{
	const char *value = document_text(object, name);

	return value ? value : "?";
}

static uint64_t number(struct json_object *object, const char *name)
{
	return (uint64_t)json_object_get_int64(document_member(object, name, json_type_int));
}

static bool is_true(struct json_object *object, const char *name)
{
	return json_object_get_boolean(document_member(object, name, json_type_boolean));
}

#define SECONDS(object, name) ((double)number(object, name) / US_PER_S)

#define MILLISECONDS(object, key) ((unsigned int)(number(object, key) / US_PER_MS))
static void print_secrets(struct json_object *status, int r)
{
	struct json_object *secrets = document_member(status, "secrets", json_type_array);
	size_t count = secrets ? json_object_array_length(secrets) : 0;

	if (r < 0)
		printf("secrets  unknown: %s\n", guest_explain(r));
	else if (count == 0)
		puts("secrets  none is left in the secret area");
	for (size_t i = 0; i < count; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(secrets, i));

		printf("secrets  %s%s is there: not wiped\n", name, guest_remark(name));
	}
}

static void print_wiped(struct json_object *status)
{
	struct json_object *wiped = document_member(status, "wiped", json_type_array);
	size_t count = wiped ? json_object_array_length(wiped) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *record = json_object_array_get_idx(wiped, i);
		const char *name = text(record, "secret");

		printf("wiped    %s%s, %.3f s after the kernel's start\n",
		       strcmp(name, STATE_WIPED_ALL) == 0 ? "all that was left" : name,
		       guest_remark(name), SECONDS(record, "wiped_us"));
	}
}

static void print_volume(struct json_object *volume)
{
	uint64_t took = number(volume, "header_us") + number(volume, "secret_us") +
			number(volume, "seal_us") + number(volume, "activate_us");

	printf("volume   %s: %s, %s, with secret %s%s, %s", text(volume, "name"),
	       is_true(volume, "active") ? "open" : "no longer open", text(volume, "device"),
	       text(volume, "secret"), guest_remark(text(volume, "secret")),
	       is_true(volume, "sealed") ? "sealed" : "not sealed");
	if (document_text(volume, "owner"))
		printf(", signed by owner %s", text(volume, "owner"));
	if (document_member(volume, "keyslot", json_type_int))
		printf(", key slot %u", (unsigned int)number(volume, "keyslot"));
	printf("\n         opened %.3f s after the kernel's start, in %u ms: header %u, secret %u, "
	       "seal %u, mapping %u\n", SECONDS(volume, "opened_us"),
	       (unsigned int)(took / US_PER_MS), MILLISECONDS(volume, "header_us"),
	       MILLISECONDS(volume, "secret_us"), MILLISECONDS(volume, "seal_us"),
	       MILLISECONDS(volume, "activate_us"));
}

static void print_volumes(struct json_object *status)
{
	struct json_object *volumes = document_member(status, "volumes", json_type_array);
	size_t count = volumes ? json_object_array_length(volumes) : 0;

	if (count == 0)
		puts("volume   none");
	for (size_t i = 0; i < count; i++)
		print_volume(json_object_array_get_idx(volumes, i));
}

static void print_root(struct json_object *status)
{
	struct json_object *root = document_member(status, "root", json_type_object);

	if (is_true(root, "verified"))
		printf("root     verified %.3f s after the kernel's start: all mounted at %s was on "
		       "volumes of this boot\n", SECONDS(root, "verified_us"), text(root, "dir"));
	else
		puts("root     not verified in this boot");
}

static void print_run(struct json_object *status)
{
	struct json_object *run = document_member(status, "run", json_type_object);
	int code = (int)number(run, "exit_status");

	if (!run)
		puts("run      cocosecret-unlock did not reach its end in this boot");
	else
		printf("run      %s (exit %d), in %u ms\n", code ? exitcode_text(code) : "all opened",
		       code, (unsigned int)((number(run, "end_us") - number(run, "begin_us")) /
					    US_PER_MS));
}

/* Between them lie the network's way and the broker's work. */
static void print_agent(struct json_object *status)
{
	struct json_object *agent = document_member(status, "agent", json_type_object);
	uint64_t begin = number(agent, "begin_us"), proved = number(agent, "proved_us");
	int code = (int)number(agent, "exit_status");

	if (!agent)
		return;
	printf("agent    %s, as %s: ", text(agent, "broker"), text(agent, "tee")[0] ? text(agent, "tee") :
	       "no machine that can prove what it is");
	if (code)
		printf("%s (exit %d)", exitcode_text(code), code);
	else
		printf("%u secrets", (unsigned int)number(agent, "secrets"));
	printf(", in %u ms", (unsigned int)((number(agent, "end_us") - begin) / US_PER_MS));
	if (proved)
		printf(", of which %u until it was believed", (unsigned int)((proved - begin) / US_PER_MS));
	printf("; begun %.3f s after the kernel's start\n", SECONDS(agent, "begin_us"));
}

static void print_tables(struct json_object *status)
{
	const char *tables = text(status, "tables");

	if (strcmp(tables, tables_text(TABLES_OURS)) == 0)
		puts("tables   ours: the kernel saw no ACPI or SMBIOS table of the host");
	else if (strcmp(tables, tables_text(TABLES_NONE)) == 0)
		puts("tables   none: acpi=off");
	else
		puts("tables   the host's: the kernel has obeyed its ACPI tables, see cocosecret-uki(1)");
}

static void print_words(struct json_object *status, int r)
{
	print_agent(status);
	print_run(status);
	print_volumes(status);
	print_root(status);
	print_tables(status);
	print_wiped(status);
	print_secrets(status, r);
}

static int explain(const struct guest *guest, int r)
{
	if (r == -ENOENT) {
		complain("status: %s: does not exist: cocosecret-unlock opened nothing in this boot",
			 guest->state);
		return EXIT_NO_SECRET;
	}
	complain("status: %s: %s", guest->state,
		 r == -EACCES ? "only root may look" : strerror(-r));
	return EXIT_IO;
}

int status_main(int argc, char **argv)
{
	CLEANUP(document_free) struct json_object *status = NULL;
	CLEANUP(close_fd) int state = -1;
	struct json_object *secrets = NULL;
	struct guest guest;
	int r = guest_parse(&guest, argc, argv, GUEST_TAKES_STATE);

	if (r)
		return r;
	state = state_look(guest.state);
	if (state < 0)
		return explain(&guest, state);
	status = json_object_new_object();
	read_state(state, status);
	r = guest_secrets(&guest, &secrets);
	add(status, "secrets", secrets);
	if (guest.json)
		json_print(status);
	else
		print_words(status, r);
	return EXIT_OPENED;
}
