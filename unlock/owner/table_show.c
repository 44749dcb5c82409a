// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/guid.h"
#include "owner/commands.h"
#include "owner/json.h"
#include "owner/options.h"
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

/* The members are documented in cocosecret-table(1). */
static void print_json(const struct secret_table *table)
{
	CLEANUP(document_free) struct json_object *result = json_object_new_object();
	struct json_object *secrets = json_object_new_array();

	for (uint32_t i = 0; i < table->count; i++) {
		struct json_object *secret = json_object_new_object();
		char uuid[GUID_TEXT_SIZE];

		guid_from_efi(table->entries[i].guid, uuid);
		json_object_object_add(secret, "secret", json_text(uuid));
		json_object_object_add(secret, "bytes", json_object_new_int64(table->entries[i].size));
		json_object_array_add(secrets, secret);
	}
	json_object_object_add(result, "bytes", json_object_new_int64(table->length));
	json_object_object_add(result, "secrets", secrets);
	json_print(result);
}

int table_show_main(int argc, char **argv)
{
	CLEANUP(table_file_free) struct table_file file = { 0 };
	struct options options;
	bool json = false;
	int option, r;

	options_begin(&options, "table show", TAKES(JSON));
	while ((option = options_next(&options, argc, argv)) != OPTIONS_END) {
		if (option == OPTIONS_WRONG)
			return EXIT_CONFIG;
		json = true;
	}
	if (argc - optind != 1) {
		complain("table show: wants one file; see cocosecret table show --help");
		return EXIT_CONFIG;
	}
	r = table_file_load(&file, "table show", argv[optind]);
	if (r)
		return r;
	if (json)
		print_json(&file.table);
	else
		print_entries(&file.table);
	return EXIT_OPENED;
}
