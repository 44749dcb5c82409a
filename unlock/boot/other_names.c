// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/other_names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/crypttab.h"
#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "root/state.h"

/* systemd.unit(5): what lies here stands before what a generator makes. */
#define UNITS "/run/systemd/system"

enum { UNIT_NAME = 256 };

static const char unit_text[] =
	"[Unit]\n"
	"Description=Open Already Under Another Name\n"
	"Documentation=man:cocosecret-unlock(8)\n"
	"DefaultDependencies=no\n"
	"[Service]\n"
	"Type=oneshot\n"
	"RemainAfterExit=yes\n"
	"ExecStop=-/bin/true\n"; /* systemd wants one */

struct search {
	const struct crypttab_entry *entry;
	int state;
	char name[VOLUME_NAME_SIZE]; /* of the volume that the entry is for, or empty */
	bool is_known;               /* the entry's name is a volume's of this boot */
};

static bool is_same_device(struct slice path, const char *node)
{
	char text[PATH_MAX];
	struct stat named, own;

	if (path.length >= sizeof(text) || !node)
		return false;
	memcpy(text, path.at, path.length);
	text[path.length] = '\0';
	return stat(text, &named) == 0 && stat(node, &own) == 0 && S_ISBLK(named.st_mode) &&
	       S_ISBLK(own.st_mode) && named.st_rdev == own.st_rdev;
}

/* The UUID is the sealed one; of a path, the device that was opened is what counts. */
static bool is_for(const struct crypttab_entry *entry, struct json_object *record)
{
	struct slice uuid = crypttab_uuid(entry);
	const char *own = document_text(record, "luks_uuid");

	if (uuid.length && own)
		return uuid.length == strlen(own) && strncasecmp(uuid.at, own, uuid.length) == 0;
	return entry->device.at[0] == '/' && is_same_device(entry->device,
							     document_text(record, "device"));
}

static void look_at(void *context, const char *name)
{
	struct search *search = context;
	CLEANUP(document_free) struct json_object *record =
		state_read(search->state, STATE_VOLUMES, name);

	search->is_known |= slice_is(search->entry->name, name);
	if (record && is_for(search->entry, record))
		snprintf(search->name, sizeof(search->name), "%s", name);
}

/* systemd.unit(5), "String Escaping for Inclusion in Unit Names". */
static bool escape(struct slice name, char out[UNIT_NAME])
{
	size_t used = (size_t)snprintf(out, UNIT_NAME, "systemd-cryptsetup@");

	for (size_t i = 0; i < name.length; i++) {
		unsigned char c = (unsigned char)name.at[i];
		bool stays = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || c == ':' || c == '_' || (c == '.' && i > 0);

		if (used + sizeof("\\xNN.service") > UNIT_NAME)
			return false;
		used += (size_t)snprintf(out + used, UNIT_NAME - used, stays ? "%c" : "\\x%02x", c);
	}
	snprintf(out + used, UNIT_NAME - used, ".service");
	return true;
}

static int write_unit(const char *unit)
{
	CLEANUP(close_fd) int folder = -1;
	CLEANUP(close_fd) int file = -1;

	if ((mkdir("/run/systemd", 0755) < 0 && errno != EEXIST) ||
	    (mkdir(UNITS, 0755) < 0 && errno != EEXIST))
		return -errno;
	folder = open(UNITS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	file = folder < 0 ? -1 : openat(folder, unit, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file < 0)
		return -errno;
	if (fchmod(file, 0644) < 0)
		return -errno;
	return file_write(file, unit_text, sizeof(unit_text) - 1);
}

static void settle(void *context, const struct crypttab_entry *entry)
{
	const int *state = context;
	struct search search = { .entry = entry, .state = *state };
	char unit[UNIT_NAME];
	int r;

	state_each(*state, look_at, &search);
	if (!search.name[0] || search.is_known || !escape(entry->name, unit))
		return;
	r = write_unit(unit);
	if (r < 0 && r != -EEXIST) {
		log_warning(UNITS "/%s: %s", ESCAPED(slice_of(unit)), strerror(-r));
		return;
	}
	log_warning("the root's " CRYPTTAB_PATH " has the volume %s under the name %s; it is open, so "
		    "this boot leaves that line out; write %s there", search.name,
		    ESCAPED(entry->name), search.name);
}

void other_names_settle(const char *dir)
{
	CLEANUP(close_fd) int state = state_look(STATE_PATH);
	CLEANUP(free_text) char *text = NULL;
	char path[PATH_MAX];
	size_t length;

	if (state < 0 ||
	    snprintf(path, sizeof(path), "%s" CRYPTTAB_PATH, dir) >= (int)sizeof(path) ||
	    file_read(path, &text, &length) < 0)
		return;
	crypttab_each((struct slice){ text, length }, settle, &state);
}
