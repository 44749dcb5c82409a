// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/guid.h"
#include "owner/commands.h"
#include "owner/table_file.h"

static void print_entries(const struct secret_table *table)
{
	for (uint32_t i = 0; i < table->count; i++) {
		const struct secret_entry *entry = &table->entries[i];
		char uuid[GUID_TEXT_SIZE];

		guid_from_efi(entry->guid, uuid);
		printf("%s  %6u bytes%s\n", uuid, entry->size,
		       strcmp(uuid, GUID_DISK_KEY) == 0 ? "  disk key" : "");
	}
	printf("%u secret%s, %u bytes\n", table->count, table->count == 1 ? "" : "s", table->length);
}

int table_show_main(int argc, char **argv)
{
	CLEANUP(table_file_free) struct table_file file = { 0 };
	int r;

	if (argc != 2 || (argv[1][0] == '-' && argv[1][1])) {
		complain("table show: wants one file; see cocosecret table show --help");
		return EXIT_CONFIG;
	}
	r = table_file_load(&file, "table show", argv[1]);
	if (r == 0)
		print_entries(&file.table);
	return r;
}
