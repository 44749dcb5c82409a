// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/root_word.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config/cmdline.h"
#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "lib/log.h"
#include "root/state.h"

/* The folders in which udev has a device under what root= calls it. */
static const struct {
	const char *tag;
	const char *folder;
} tags[] = {
	{ "UUID=", "/dev/disk/by-uuid/" },
	{ "LABEL=", "/dev/disk/by-label/" },
	{ "PARTUUID=", "/dev/disk/by-partuuid/" },
	{ "PARTLABEL=", "/dev/disk/by-partlabel/" },
};

struct word {
	int state;
	struct slice value;
	char volume[VOLUME_NAME_SIZE]; /* whose own UUID it is, or empty */
};

static void compare(void *context, const char *name)
{
	struct word *word = context;
	CLEANUP(document_free) struct json_object *record =
		state_read(word->state, STATE_VOLUMES, name);
	const char *uuid = document_text(record, "luks_uuid");
	struct slice value = word->value;

	if (uuid && (slice_skip_prefix(&value, "UUID=") ||
		     slice_skip_prefix(&value, "/dev/disk/by-uuid/")) &&
	    value.length == strlen(uuid) && strncasecmp(value.at, uuid, value.length) == 0)
		snprintf(word->volume, sizeof(word->volume), "%s", name);
}

/* The root= of the command line in @text, which dracut may write as block:DEVICE. */
static bool find(struct slice text, struct word *word)
{
	if (!cmdline_root(text, &word->value))
		return false;
	slice_skip_prefix(&word->value, "block:");
	state_each(word->state, compare, word);
	return true;
}

static bool is_absent(struct slice value)
{
	char path[DEVICE_VALUE_SIZE + 32];
	const char *folder = "";

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
		if (slice_skip_prefix(&value, tags[i].tag))
			folder = tags[i].folder;
	if ((!folder[0] && (value.length == 0 || value.at[0] != '/')) ||
	    value.length > DEVICE_VALUE_SIZE)
		return false;
	snprintf(path, sizeof(path), "%s%.*s", folder, (int)value.length, value.at);
	return access(path, F_OK) < 0;
}

static void say_encrypted(const struct word *word, void (*say)(const char *text))
{
	struct fault fault;

	fault_set(&fault, "root=%s names the encrypted volume %s itself, not the file system in it; write "
		  "root=/dev/mapper/%s", ESCAPED(word->value), word->volume, word->volume);
	say(fault.text);
}

static void warn(const char *text)
{
	log_warning("%s", text);
}

static void fail(const char *text)
{
	log_error("%s (exit %d)", text, EXIT_NO_DEVICE);
}

static void say_absent(const struct word *word)
{
	char name[VOLUME_NAME_SIZE] = "root";
	struct fault fault;

	if (state_get_root(word->state, name) <= 0)
		snprintf(name, sizeof(name), "root");
	fault_set(&fault, "the root device %s, which root= names, did not appear; if it is what is in the "
		  "volume %s, write root=/dev/mapper/%s", ESCAPED(word->value), name, name);
	fail(fault.text);
}

void root_word_warn(int state)
{
	CLEANUP(free_text) char *text = NULL;
	struct word word = { .state = state };
	size_t length;

	if (file_read(CMDLINE_PATH, &text, &length) == 0 && find((struct slice){ text, length }, &word) &&
	    word.volume[0])
		say_encrypted(&word, warn);
}

static void count(void *context, const char *name)
{
	unsigned int *found = context;

	(void)name;
	++*found;
}

void root_word_explain(void)
{
	CLEANUP(close_fd) int state = state_look(STATE_PATH);
	CLEANUP(free_text) char *text = NULL;
	struct word word = { .state = state };
	unsigned int volumes = 0;
	size_t length;

	if (state < 0 || state_has_verified(state))
		return;
	state_each(state, count, &volumes);
	if (volumes == 0 || file_read(CMDLINE_PATH, &text, &length) < 0 ||
	    !find((struct slice){ text, length }, &word))
		return;
	if (word.volume[0])
		say_encrypted(&word, fail);
	else if (is_absent(word.value))
		say_absent(&word);
}
