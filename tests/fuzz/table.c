// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes are a table or a fault, and what a table says of its entries lies inside it. */
#include <stdlib.h>
#include <string.h>

#include "table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entries(const struct secret_table *table, size_t size)
{
	if (table->length > size || table->count > table->capacity)
		abort();
	for (uint32_t i = 0; i < table->count; i++) {
		const struct secret_entry *entry = &table->entries[i];

		if (entry->offset > table->length || entry->size > table->length - entry->offset)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct secret_table table = { .capacity = secret_table_capacity(size) };
	struct secret_fault fault;
	char text[SECRET_FAULT_TEXT];

	table.entries = calloc(table.capacity + 1, sizeof(*table.entries));
	if (!table.entries)
		return 0;
	if (secret_table_parse(&table, data, size, &fault) == 0) {
		check_entries(&table, size);
	} else {
		if (table.count || fault.kind == SECRET_FAULT_NONE)
			abort();
		if (secret_fault_explain(&fault, text, sizeof(text)) >= (int)sizeof(text))
			abort();
	}
	free(table.entries);
	return 0;
}
