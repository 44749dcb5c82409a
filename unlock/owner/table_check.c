// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "header/seal.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/guid.h"
#include "owner/commands.h"
#include "owner/options.h"
#include "owner/table_file.h"

struct check {
	const char *file;
	unsigned long max;
};

static int parse_arguments(struct check *check, int argc, char **argv)
{
	struct options options;
	int option, r = EXIT_OPENED;

	options_begin(&options, "table check", TAKES(MAX));
	while (r == 0 && (option = options_next(&options, argc, argv)) != OPTIONS_END)
		r = option == OPTION_MAX ? table_parse_max("table check", optarg, &check->max) :
					   EXIT_CONFIG;
	if (r == 0 && argc - optind != 1) {
		complain("table check: wants one file; see cocosecret table check --help");
		r = EXIT_CONFIG;
	}
	check->file = argv[optind];
	return r;
}

/* Data in the file after the table; an index, or the file's size. */
static size_t find_rest(const struct table_file *file)
{
	size_t at = file->table.length;

	while (at < file->bytes.size && !file->bytes.bytes[at])
		at++;
	return at;
}

/* Faults that the parser lets pass, but LAUNCH_SECRET or the firmware does not. */
static int check_size(const struct check *check, const struct table_file *file)
{
	size_t size = file->bytes.size, rest = find_rest(file);

	if (size % TABLE_PADDING != 0) {
		complain("table check: %s: %zu bytes are not a multiple of %d, so LAUNCH_SECRET does "
			 "not take them; cocosecret table build pads", check->file, size,
			 TABLE_PADDING);
		return EXIT_CONFIG;
	}
	if (rest < size) {
		complain("table check: %s: byte %zu is after the table's end at %u and is not zero",
			 check->file, rest, file->table.length);
		return EXIT_CONFIG;
	}
	if (size > check->max) {
		complain("table check: %s: %zu bytes over: it has %zu bytes and the area holds %lu; "
			 "see --max", check->file, size - check->max, size, check->max);
		return EXIT_CONFIG;
	}
	return EXIT_OPENED;
}

/* No fault, since a secret need not be a disk key. */
static void warn_of_short(const struct check *check, const struct table_file *file)
{
	for (uint32_t i = 0; i < file->table.count; i++) {
		const struct secret_entry *entry = &file->table.entries[i];
		char uuid[GUID_TEXT_SIZE];

		guid_from_efi(entry->guid, uuid);
		if (entry->size < SEAL_SECRET_MIN)
			complain("table check: %s: warning: secret %s has %u bytes; it seals no "
				 "volume, which takes %d", check->file, uuid, entry->size,
				 SEAL_SECRET_MIN);
	}
}


int table_check_main(int argc, char **argv)
{
	CLEANUP(table_file_free) struct table_file file = { 0 };
	struct check check = { .max = TABLE_AREA_DEFAULT };
	int r = parse_arguments(&check, argc, argv);

	if (r == 0)
		r = table_file_load(&file, "table check", check.file);
	if (r == 0)
		r = check_size(&check, &file);
	if (r)
		return r;
	warn_of_short(&check, &file);
	printf("%s: well-formed, %u secret%s, %zu of %lu bytes\n", check.file, file.table.count,
	       file.table.count == 1 ? "" : "s", file.bytes.size, check.max);
	return EXIT_OPENED;
}
