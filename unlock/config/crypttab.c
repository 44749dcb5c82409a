// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/crypttab.h"

#include <string.h>

enum { FIELD_NAME, FIELD_DEVICE, FIELD_KEY, FIELD_OPTIONS, FIELDS };

void crypttab_each(struct slice text, crypttab_use *use, void *context)
{
	struct slice line, fields[FIELDS];

	while (slice_cut(&text, '\n', &line)) {
		for (int i = 0; i < FIELDS; i++)
			fields[i] = slice_field(&line);
		if (fields[FIELD_DEVICE].length && fields[FIELD_NAME].at[0] != '#')
			use(context, &(struct crypttab_entry){ fields[FIELD_NAME], fields[FIELD_DEVICE],
							       fields[FIELD_OPTIONS] });
	}
}

bool crypttab_has(const struct crypttab_entry *entry, const char *option)
{
	struct slice rest = entry->options, word;

	while (slice_cut(&rest, ',', &word))
		if (slice_skip_prefix(&word, option) && (word.length == 0 || word.at[0] == '='))
			return true;
	return false;
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

struct slice crypttab_uuid(const struct crypttab_entry *entry)
{
	struct slice value = entry->device;

	if (!slice_skip_prefix(&value, "UUID=") && !slice_skip_prefix(&value, "/dev/disk/by-uuid/"))
		return (struct slice){ 0 };
	if (value.length > 1 && is_quote(value.at[0]) && value.at[value.length - 1] == value.at[0])
		value = (struct slice){ value.at + 1, value.length - 2 };
	return value;
}
