// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/volume.h"

#include <errno.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option_word {
	const char *word;
	unsigned int option;
	uint32_t crypt_flag;
} option_words[] = {
#define OPTION(name, word, crypt_flag) { word, VOLUME_##name, crypt_flag },
#include "config/options.def"
};

static const char known_options[] =
#define OPTION(name, word, crypt_flag) word ", "
#include "config/options.def"
	"header=PATH";

static const char *const device_tags[] = {
	[DEVICE_PATH] = "",
#define TAG(kind, prefix) [DEVICE_##kind] = (prefix),
#include "config/device_tags.def"
};

/* Each with a comma after it. */
static const char known_tags[] =
#define TAG(kind, prefix) prefix ", "
#include "config/device_tags.def"
	;

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("#+-.=@_", c));
}

/* "control" is device-mapper's own node in /dev/mapper. */
static bool is_reserved_name(struct slice text)
{
	return slice_is(text, ".") || slice_is(text, "..") || slice_is(text, "control");
}

int volume_set_name(struct volume *volume, struct slice text, struct fault *fault)
{
	if (text.length == 0)
		return fault_set(fault, "the name is empty; write the mapping's name, as in 'root'");
	if (text.length >= sizeof(volume->name))
		return fault_set(fault, "the name is longer than %zu bytes", sizeof(volume->name) - 1);
	if (is_reserved_name(text))
		return fault_set(fault, "\"%s\" cannot be a mapping's name", ESCAPED(text));
	for (size_t i = 0; i < text.length; i++)
		if (!is_name_character(text.at[i]))
			return fault_set(fault, "the name \"%s\" may hold letters, digits and "
					 "# + - . = @ _ only", ESCAPED(text));
	memcpy(volume->name, text.at, text.length);
	volume->name[text.length] = '\0';
	return 0;
}

static enum device_kind cut_tag(struct slice *text)
{
	for (size_t i = DEVICE_PATH + 1; i < COUNT(device_tags); i++)
		if (slice_skip_prefix(text, device_tags[i]))
			return (enum device_kind)i;
	return DEVICE_PATH;
}

int volume_set_device(struct volume *volume, struct slice text, struct fault *fault)
{
	struct device_spec *device = &volume->device;
	struct slice value = text;
	char uuid[GUID_TEXT_SIZE];

	device->kind = cut_tag(&value);
	if (value.length == 0 || memchr(value.at, '\0', value.length))
		return fault_set(fault, "the device is empty; write %sor a path", known_tags);
	if (device->kind == DEVICE_PATH && value.at[0] != '/')
		return fault_set(fault, "the device \"%s\" is neither %snor a path that starts with /",
				 ESCAPED(text), known_tags);
	if (device->kind == DEVICE_UUID && guid_parse(value, uuid) < 0)
		return fault_set(fault, "the device \"%s\" is not a whole UUID, as cryptsetup "
				 "luksUUID prints it", ESCAPED(text));
	if (value.length >= sizeof(device->value))
		return fault_set(fault, "the device is longer than %zu bytes",
				 sizeof(device->value) - 1);
	memcpy(device->value, value.at, value.length);
	device->value[value.length] = '\0';
	return 0;
}

int volume_set_secret(struct volume *volume, struct slice text, struct fault *fault)
{
	if (text.length == 0 || slice_is(text, "-") || slice_is(text, "none"))
		text = SLICE(GUID_DISK_KEY);
	if (guid_parse(text, volume->secret) < 0)
		return fault_set(fault, "the secret \"%s\" is not a UUID; without one, "
				 GUID_DISK_KEY " is meant", ESCAPED(text));
	return 0;
}

static const struct option_word *find_option(struct slice word)
{
	for (size_t i = 0; i < COUNT(option_words); i++)
		if (slice_is(word, option_words[i].word))
			return &option_words[i];
	return NULL;
}

static int set_header(struct volume *volume, struct slice path, struct fault *fault)
{
	if (path.length == 0 || path.at[0] != '/' || memchr(path.at, '\0', path.length))
		return fault_set(fault, "header=%s is not a path that starts with /", ESCAPED(path));
	if (memchr(path.at, '\n', path.length))
		return fault_set(fault, "header=%s holds a line feed", ESCAPED(path));
	if (path.length >= sizeof(volume->header))
		return fault_set(fault, "the path in header= is longer than %zu bytes",
				 sizeof(volume->header) - 1);
	memcpy(volume->header, path.at, path.length);
	volume->header[path.length] = '\0';
	return 0;
}

static int set_option(struct volume *volume, struct slice word, struct fault *fault)
{
	const struct option_word *option = find_option(word);
	struct slice value = word;

	if (slice_skip_prefix(&value, "header="))
		return set_header(volume, value, fault);
	if (!option)
		return fault_set(fault, "unknown option \"%s\"; known are %s", ESCAPED(word),
				 known_options);
	volume->options |= option->option;
	return 0;
}

int volume_set_options(struct volume *volume, struct slice text, struct fault *fault)
{
	struct slice word;
	int r = 0;

	volume->options = 0;
	volume->header[0] = '\0';
	if (slice_is(text, "-") || slice_is(text, "none"))
		return 0;
	while (r == 0 && slice_cut(&text, ',', &word))
		r = set_option(volume, word, fault);
	return r;
}

uint32_t volume_crypt_flags(const struct volume *volume)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < COUNT(option_words); i++)
		if (volume->options & option_words[i].option)
			flags |= option_words[i].crypt_flag;
	return flags;
}

char *device_describe(char out[ESCAPED_MAX], const struct device_spec *device)
{
	char plain[sizeof(known_tags) + DEVICE_VALUE_SIZE]; /* of which one tag is a part */

	snprintf(plain, sizeof(plain), "%s%s", device_tags[device->kind], device->value);
	return text_escape(out, slice_of(plain));
}

/* One volume that asks for it is enough. */
bool volumes_have(const struct volumes *volumes, unsigned int option)
{
	for (size_t i = 0; i < volumes->count; i++)
		if (volumes->list[i].options & option)
			return true;
	return false;
}

struct volume *volumes_find(const struct volumes *volumes, const char *name)
{
	for (size_t i = 0; i < volumes->count; i++)
		if (strcmp(volumes->list[i].name, name) == 0)
			return &volumes->list[i];
	return NULL;
}

/* A boot loader that adds to what is there already says it twice. */
static bool is_same(const struct volume *a, const struct volume *b)
{
	return strcmp(a->name, b->name) == 0 && a->device.kind == b->device.kind &&
	       strcmp(a->device.value, b->device.value) == 0 && strcmp(a->secret, b->secret) == 0 &&
	       strcmp(a->header, b->header) == 0 && a->options == b->options;
}

int volumes_add(struct volumes *volumes, const struct volume *volume, struct fault *fault)
{
	const struct volume *there = volumes_find(volumes, volume->name);
	struct volume *list;

	if (there && is_same(there, volume))
		return 0;
	if (there)
		return fault_set(fault, "a second volume has the name \"%s\"; names must differ",
				 volume->name);
	if (volumes->count == VOLUMES_MAX)
		return fault_set(fault, "more than %d volumes", VOLUMES_MAX);
	list = reallocarray(volumes->list, volumes->count + 1, sizeof(*list));
	if (!list)
		return fault_set(fault, "out of memory");
	volumes->list = list;
	volumes->list[volumes->count++] = *volume;
	return 0;
}

void volumes_free(struct volumes *volumes)
{
	free(volumes->list);
	*volumes = (struct volumes){ 0 };
}
