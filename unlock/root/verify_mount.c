// SPDX-License-Identifier: GPL-2.0-or-later
#include "root/verify_mount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

static bool is_octal(const char *digits)
{
	for (int i = 0; i < 3; i++)
		if (digits[i] < '0' || digits[i] > '7')
			return false;
	return true;
}

/* The kernel writes blanks, commas and backslashes of a path as \ooo. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && is_octal(from + 1)) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static char *copy(struct slice text)
{
	return strndup(text.length ? text.at : "", text.length);
}

static bool parse_numbers(struct slice id, struct slice device, struct verify_mount *mount)
{
	CLEANUP(free_text) char *id_text = copy(id);
	CLEANUP(free_text) char *device_text = copy(device);
	int end = 0;

	if (!id_text || !device_text || sscanf(id_text, "%u%n", &mount->id, &end) != 1 ||
	    id_text[end])
		return false;
	end = 0;
	return sscanf(device_text, "%u:%u%n", &mount->major, &mount->minor, &end) == 2 &&
	       end > 0 && !device_text[end];
}

/* ID PARENT MAJ:MIN ROOT POINT OPTIONS [OPTIONAL]... - TYPE SOURCE SUPER-OPTIONS */
static bool parse_line(struct slice line, struct verify_mount *mount)
{
	enum { ID, PARENT, DEVICE, ROOT, POINT, OPTIONS, FIXED };
	struct slice fields[FIXED], type, source, options = { 0 }, field = { 0 };

	for (int i = 0; i < FIXED; i++)
		if (!slice_cut(&line, ' ', &fields[i]))
			return false;
	while (!slice_is(field, "-"))
		if (!slice_cut(&line, ' ', &field))
			return false;
	if (!slice_cut(&line, ' ', &type) || !slice_cut(&line, ' ', &source))
		return false;
	slice_cut(&line, ' ', &options);
	if (!parse_numbers(fields[ID], fields[DEVICE], mount))
		return false;
	mount->point = copy(fields[POINT]);
	mount->type = copy(type);
	mount->options = copy(options);
	if (!mount->point || !mount->type || !mount->options)
		return false;
	unescape(mount->point);
	return mount->point[0] == '/';
}

int verify_mounts_parse(struct slice text, struct verify_mounts *mounts, struct fault *fault)
{
	struct verify_mount *more;
	struct slice line;

	while (slice_cut(&text, '\n', &line)) {
		more = reallocarray(mounts->list, mounts->count + 1, sizeof(*more));
		if (!more)
			return fault_set(fault, "out of memory");
		mounts->list = more;
		more += mounts->count++;
		*more = (struct verify_mount){ 0 };
		if (!parse_line(line, more))
			return fault_set(fault, "mountinfo: cannot read the line %s", ESCAPED(line));
	}
	return 0;
}

void verify_mounts_free(struct verify_mounts *mounts)
{
	for (size_t i = 0; i < mounts->count; i++) {
		free(mounts->list[i].point);
		free(mounts->list[i].type);
		free(mounts->list[i].options);
	}
	free(mounts->list);
}

bool path_is_within(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	if (strcmp(folder, "/") == 0)
		return path[0] == '/';
	return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* lowerdir=A:B::C, where a colon of a path has a backslash before it. */
static bool use_list(char *text, verify_layer_use *use, void *context)
{
	char *to = text, *begin = text;
	bool end;

	for (const char *from = text;; from++) {
		end = !*from;
		if (from[0] == '\\' && from[1]) {
			*to++ = *++from;
		} else if (!end && *from != ':') {
			*to++ = *from;
		} else {
			*to = '\0';
			if (to > begin && !use(context, begin))
				return false;
			if (end)
				return true;
			begin = to;
		}
	}
}

static const char *const layer_options[] = { "lowerdir=", "lowerdir+=", "datadir+=", "upperdir=",
					     "workdir=" };

static bool use_option(struct slice option, bool *lower, verify_layer_use *use, void *context)
{
	for (size_t i = 0; i < sizeof(layer_options) / sizeof(*layer_options); i++) {
		CLEANUP(free_text) char *value = NULL;

		if (!slice_skip_prefix(&option, layer_options[i]))
			continue;
		value = copy(option);
		if (!value)
			return false;
		unescape(value);
		*lower |= i < 2;
		return i == 0 ? use_list(value, use, context) : use(context, value);
	}
	return true;
}

bool verify_mount_layers(const struct verify_mount *overlay, verify_layer_use *use, void *context)
{
	struct slice rest = slice_of(overlay->options), option;
	bool lower = false;

	while (slice_cut(&rest, ',', &option))
		if (!use_option(option, &lower, use, context))
			return false;
	return lower;
}
