// SPDX-License-Identifier: GPL-2.0-or-later
#include "mapping.h"

#include <dirent.h>
#include <errno.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "file.h"
#include "text.h"

/* One line of /sys/block/DEVICE/dm/ATTRIBUTE, without its newline; false where it does not fit. */
static bool read_attribute(const char *device, const char *attribute, char *out, size_t size)
{
	CLEANUP(free_text) char *text = NULL;
	char path[sizeof("/sys/block//dm/name") + 256];
	struct slice rest, line = { 0 };
	size_t length;

	snprintf(path, sizeof(path), "/sys/block/%s/dm/%s", device, attribute);
	if (file_read(path, &text, &length) < 0)
		return false;
	rest = (struct slice){ text, length };
	slice_cut(&rest, '\n', &line);
	if (line.length >= size)
		return false;
	snprintf(out, size, "%.*s", (int)line.length, line.length ? line.at : "");
	return true;
}

int mapping_uuid(const char *name, char uuid[DM_UUID_SIZE])
{
	CLEANUP(close_dir) DIR *dir = opendir("/sys/block");
	const struct dirent *entry;
	char found[DM_UUID_SIZE];

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "dm-", 3) != 0)
			continue;
		if (!read_attribute(entry->d_name, "name", found, sizeof(found)))
			continue;
		if (strcmp(found, name) == 0)
			return read_attribute(entry->d_name, "uuid", uuid, DM_UUID_SIZE) ? 0 : -EIO;
	}
	return -ENOENT;
}

/* Locking off, as in header_load: libcryptsetup looks at the header here too, and may not mend it. */
int mapping_deactivate(const char *name)
{
	crypt_metadata_locking(NULL, 0);
	return crypt_deactivate(NULL, name);
}
