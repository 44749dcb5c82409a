// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/cocotab.h"

#include <errno.h>
#include <string.h>

enum { FIELD_NAME, FIELD_DEVICE, FIELD_SECRET, FIELD_OPTIONS, FIELDS };

static const struct field {
	const char *name;
	int (*set)(struct volume *volume, struct slice text, struct fault *fault);
} fields[FIELDS] = {
	[FIELD_NAME] = { "name", volume_set_name },
	[FIELD_DEVICE] = { "device", volume_set_device },
	[FIELD_SECRET] = { "secret", volume_set_secret },
	[FIELD_OPTIONS] = { "options", volume_set_options },
};

/* False at the end of the line, which a comment is too. */
static bool cut_field(struct slice *line, struct slice *field)
{
	*field = slice_field(line);
	if (field->length && field->at[0] == '#')
		line->length = field->length = 0;
	return field->length > 0;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* \040 is a blank, as in fstab; a backslash that starts no such number stands for itself. */
static size_t unescape(struct slice field, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < field.length; i++) {
		const char *c = field.at + i;

		if (*c == '\\' && field.length - i > 3 && c[1] <= '3' && is_octal(c[1]) &&
		    is_octal(c[2]) && is_octal(c[3])) {
			out[used++] = (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
			i += 3;
		} else {
			out[used++] = *c;
		}
	}
	return used;
}

static int set_field(struct volume *volume, int index, struct slice raw, struct fault *fault)
{
	char plain[DEVICE_VALUE_SIZE + 16];
	int r;

	if (raw.length > sizeof(plain))
		r = fault_set(fault, "longer than %zu bytes", sizeof(plain));
	else
		r = fields[index].set(volume, (struct slice){ plain, unescape(raw, plain) }, fault);
	if (r < 0)
		fault_prefix(fault, "field %d (%s): ", index + 1, fields[index].name);
	return r;
}

/* 0: no volume on this line, 1: one, negative: a fault. */
static int parse_line(struct slice line, struct volume *volume, struct fault *fault)
{
	static const char *const defaults[FIELDS] = { [FIELD_SECRET] = "-", [FIELD_OPTIONS] = "-" };
	struct slice field;

	for (int i = 0; i < FIELDS; i++) {
		int r;

		if (!cut_field(&line, &field)) {
			if (i == 0)
				return 0;
			if (!defaults[i])
				return fault_set(fault, "the %s is missing; a line is: "
						 "name device [secret [options]]", fields[i].name);
			field = slice_of(defaults[i]);
		}
		r = set_field(volume, i, field, fault);
		if (r < 0)
			return r;
	}
	if (cut_field(&line, &field))
		return fault_set(fault, "a fifth field \"%s\"; options are joined by commas",
				 ESCAPED(field));
	return 1;
}

int cocotab_parse(struct slice text, const char *path, struct volumes *volumes,
		  struct fault *fault)
{
	struct slice line;

	for (unsigned int number = 1; slice_cut(&text, '\n', &line); number++) {
		struct volume volume = { 0 };
		int r = parse_line(line, &volume, fault);

		if (r > 0)
			r = volumes_add(volumes, &volume, fault);
		if (r < 0)
			return fault_prefix(fault, "%s:%u: ", path, number);
	}
	return 0;
}
