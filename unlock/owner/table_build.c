// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/guid.h"
#include "lib/secret.h"
#include "owner/commands.h"
#include "owner/key_file.h"
#include "owner/options.h"
#include "owner/output.h"
#include "owner/table_file.h"

struct build {
	const char *output;
	unsigned long max;
	char **secrets; /* [UUID=]KEYFILE */
	int count;
	struct secret table;
	size_t needed; /* the table's length, also where it is more than fits */
	struct key_files files;
};

static size_t padded(size_t length)
{
	return (length + TABLE_PADDING - 1) / TABLE_PADDING * TABLE_PADDING;
}

static int parse_arguments(struct build *build, int argc, char **argv)
{
	struct options options;
	int option, r;

	options_begin(&options, "table build", TAKES(OUTPUT) | TAKES(MAX) | TAKES(QUIET));
	while ((option = options_next(&options, argc, argv)) != OPTIONS_END) {
		if (option == OPTION_OUTPUT) {
			build->output = optarg;
		} else if (option == OPTION_MAX) {
			r = table_parse_max("table build", optarg, &build->max);
			if (r)
				return r;
		} else if (option == OPTION_QUIET) {
			say_nothing();
		} else {
			return EXIT_CONFIG;
		}
	}
	build->secrets = argv + optind;
	build->count = argc - optind;
	if (!build->output || build->count == 0) {
		complain("table build: %s; see cocosecret table build --help", build->output ?
			 "a KEYFILE is missing" : "-o FILE is missing");
		return EXIT_CONFIG;
	}
	if (output_is_stdout(build->output) && isatty(STDOUT_FILENO)) {
		complain("table build: a table is not for a terminal: give a file, or a pipe");
		return EXIT_CONFIG;
	}
	return EXIT_OPENED;
}

static bool is_zero(const uint8_t guid[GUID_BYTES])
{
	static const uint8_t zero[GUID_BYTES];

	return memcmp(guid, zero, GUID_BYTES) == 0;
}

/* In braces, as EDK 2 writes it, or with a name of virt-qemu-sev-validate's. */
static bool read_uuid(struct slice text, char uuid[GUID_TEXT_SIZE])
{
	if (slice_is(text, "luks-key"))
		text = SLICE(GUID_DISK_KEY);
	if (text.length > 1 && text.at[0] == '{' && text.at[text.length - 1] == '}') {
		text.at++;
		text.length -= 2;
	}
	return guid_parse(text, uuid) == 0;
}

/* "./a=b" is a path: no UUID has a slash. */
static const char *find_equals(const char *argument)
{
	const char *equals = strchr(argument, '=');

	return equals && memchr(argument, '/', (size_t)(equals - argument)) ? NULL : equals;
}

static int parse_uuid(const char *argument, uint8_t guid[GUID_BYTES], const char **file)
{
	const char *equals = find_equals(argument);
	char uuid[GUID_TEXT_SIZE] = GUID_DISK_KEY;

	if (equals && !read_uuid((struct slice){ argument, (size_t)(equals - argument) }, uuid)) {
		complain("table build: %s: a secret is written UUID=KEYFILE, as " GUID_DISK_KEY
			 "=disk.key; ./ before it makes it a path", argument);
		return EXIT_CONFIG;
	}
	guid_to_efi(uuid, guid);
	if (is_zero(guid)) {
		complain("table build: %s: the all-zero UUID marks a wiped secret; choose another",
			 argument);
		return EXIT_CONFIG;
	}
	*file = equals ? equals + 1 : argument;
	return EXIT_OPENED;
}

/* Against the arguments before it; there are few. */
static int check_duplicate(const struct build *build, int index, const uint8_t guid[GUID_BYTES])
{
	uint8_t other[GUID_BYTES];
	const char *file;

	for (int i = 0; i < index; i++)
		if (parse_uuid(build->secrets[i], other, &file) == 0 &&
		    memcmp(other, guid, GUID_BYTES) == 0) {
			complain("table build: %s: the UUID appears twice", build->secrets[index]);
			return EXIT_CONFIG;
		}
	return EXIT_OPENED;
}

static void append(struct build *build, const uint8_t guid[GUID_BYTES], const struct secret *key)
{
	size_t length = SECRET_HEAD_SIZE + key->size;

	if (build->needed + length <= build->max) {
		unsigned char *at = build->table.bytes + build->needed;

		secret_head_write(at, guid, (uint32_t)length);
		if (key->size > 0)
			memcpy(at + SECRET_HEAD_SIZE, key->bytes, key->size);
	}
	build->needed += length;
}

/* As sevctl and virt-qemu-sev-validate separate it; a file may be called so. */
static int check_colon(const char *argument)
{
	const char *colon = strchr(argument, ':');
	char uuid[GUID_TEXT_SIZE];

	if (!colon || access(argument, F_OK) == 0 ||
	    !read_uuid((struct slice){ argument, (size_t)(colon - argument) }, uuid))
		return EXIT_OPENED;
	complain("table build: %s: a secret is written with =: %s=%s", argument, uuid, colon + 1);
	return EXIT_CONFIG;
}

static int add(struct build *build, int index)
{
	CLEANUP(secret_wipe) struct secret key = { 0 };
	uint8_t guid[GUID_BYTES];
	const char *file;
	int r = parse_uuid(build->secrets[index], guid, &file);

	if (r == 0)
		r = check_duplicate(build, index, guid);
	if (r == 0 && file == build->secrets[index])
		r = check_colon(file);
	if (r == 0)
		r = key_file_read(&build->files, file, &key);
	if (r == 0)
		append(build, guid, &key);
	return r;
}

static int fill(struct build *build)
{
	static const uint8_t table_guid[GUID_BYTES] = SECRET_TABLE_GUID;
	int r = secret_allocate(&build->table, padded(build->max));

	if (r < 0) {
		complain("table build: memory cannot be locked: %s; see ulimit -l", strerror(-r));
		return EXIT_IO;
	}
	build->needed = SECRET_HEAD_SIZE;
	for (int i = 0; i < build->count; i++) {
		r = add(build, i);
		if (r)
			return r;
	}
	if (padded(build->needed) > build->max) {
		complain("table build: %zu bytes over: the table takes %zu bytes and the area holds "
			 "%lu; see --max", padded(build->needed) - build->max, padded(build->needed),
			 build->max);
		return EXIT_CONFIG;
	}
	secret_head_write(build->table.bytes, table_guid, (uint32_t)build->needed);
	build->table.size = padded(build->needed);
	return EXIT_OPENED;
}

static void wipe(struct build *build)
{
	secret_wipe(&build->table);
}

static void report(const struct build *build)
{
	if (output_is_stdout(build->output))
		say_aside();
	say("%s: a table of %d secret%s, %zu bytes of the area's %lu; cocosecret table show lists them, "
	    "and LAUNCH_SECRET takes it", build->output, build->count, build->count == 1 ? "" : "s",
	    build->table.size, build->max);
}

int table_build_main(int argc, char **argv)
{
	CLEANUP(wipe) struct build build = { .max = TABLE_AREA_DEFAULT,
					    .files = { .command = "table build" } };
	int r = parse_arguments(&build, argc, argv);

	if (r == 0)
		r = fill(&build);
	if (r)
		return r;
	r = output_replace(build.output, &build.table);
	if (r < 0) {
		complain("table build: %s: %s", build.output, output_explain(r));
		return r == -EEXIST || r == -ENOLINK ? EXIT_CONFIG : EXIT_IO;
	}
	report(&build);
	return EXIT_OPENED;
}
