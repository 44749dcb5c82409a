// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "exitcode.h"
#include "guid.h"
#include "secret.h"
#include "table.h"

static void free_entries(struct secret_table *table)
{
	free(table->entries);
}

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

static int show(const char *file, const struct secret *bytes)
{
	CLEANUP(free_entries) struct secret_table table = { 0 };
	struct secret_fault fault;
	char text[SECRET_FAULT_TEXT];

	table.capacity = secret_table_capacity(bytes->size);
	table.entries = calloc(table.capacity + 1, sizeof(*table.entries));
	if (!table.entries) {
		complain("table show: out of memory");
		return EXIT_IO;
	}
	if (secret_table_parse(&table, bytes->bytes, bytes->size, &fault) < 0) {
		secret_fault_explain(&fault, text, sizeof(text));
		complain("table show: %s: %s", file, text);
		return EXIT_CONFIG;
	}
	print_entries(&table);
	return EXIT_OPENED;
}

int table_show_main(int argc, char **argv)
{
	CLEANUP(secret_wipe) struct secret bytes = { 0 };
	CLEANUP(close_fd) int fd = -1;
	int r;

	if (argc != 2 || (argv[1][0] == '-' && argv[1][1])) {
		complain("table show: wants one file; see cocosecret table show --help");
		return EXIT_CONFIG;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC | O_NOCTTY);
	r = fd < 0 ? -errno : secret_read_fd(&bytes, fd);
	if (r < 0) {
		complain("table show: %s: %s", argv[1], r == -EFBIG ?
			 "larger than 64 KiB, so no secret table" : strerror(-r));
		return r == -EFBIG ? EXIT_CONFIG : EXIT_IO;
	}
	return show(argv[1], &bytes);
}
