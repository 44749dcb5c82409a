// SPDX-License-Identifier: GPL-2.0-or-later
#include "mapping.h"

#include <dirent.h>
#include <errno.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "file.h"
#include "text.h"

/* It waits for udev, which may wait for the host's disk. */
enum { CLOSE_WAIT_US = 5 * US_PER_S };

/* One line of /sys/block/DEVICE/ATTRIBUTE, without its newline; false where it does not fit. */
static bool read_attribute(const char *device, const char *attribute, char *out, size_t size)
{
	CLEANUP(free_text) char *text = NULL;
	char path[sizeof("/sys/block//dm/name") + 256];
	struct slice rest, line = { 0 };
	size_t length;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", device, attribute);
	if (file_read(path, &text, &length) < 0)
		return false;
	rest = (struct slice){ text, length };
	slice_cut(&rest, '\n', &line);
	if (line.length >= size)
		return false;
	snprintf(out, size, "%.*s", (int)line.length, line.length ? line.at : "");
	return true;
}

static int read_id(const char *device, struct mapping_id *id)
{
	return read_attribute(device, "dm/uuid", id->dm_uuid, sizeof(id->dm_uuid)) &&
	       read_attribute(device, "diskseq", id->diskseq, sizeof(id->diskseq)) ? 0 : -EIO;
}

int mapping_find(const char *name, struct mapping_id *id)
{
	CLEANUP(close_dir) DIR *dir = opendir("/sys/block");
	const struct dirent *entry;
	char found[DM_UUID_SIZE];

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "dm-", 3) != 0)
			continue;
		if (!read_attribute(entry->d_name, "dm/name", found, sizeof(found)))
			continue;
		if (strcmp(found, name) == 0)
			return read_id(entry->d_name, id);
	}
	return -ENOENT;
}

/* Of no device: with one, libcryptsetup would read its header first, and so wait for the host's disk. */
static int deactivate(const char *name, uint32_t flags)
{
	struct crypt_device *cd = NULL;
	int r = crypt_init(&cd, NULL);

	if (r == 0)
		r = crypt_deactivate_by_name(cd, name, flags);
	crypt_free(cd);
	return -r;
}

static int close_now(const void *name)
{
	return deactivate(name, 0);
}

static int close_when_unused(const void *name)
{
	return deactivate(name, CRYPT_DEACTIVATE_DEFERRED);
}

static bool is_gone(const char *name)
{
	struct mapping_id id;

	return mapping_find(name, &id) == -ENOENT;
}

int mapping_close(const char *name)
{
	int r = child_run(CLOSE_WAIT_US, close_now, name);

	if (!is_gone(name))
		child_run(CLOSE_WAIT_US, close_when_unused, name);
	if (is_gone(name))
		return 0;
	return r < 0 ? r : -r;
}
