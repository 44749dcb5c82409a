// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/mapping.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/child.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/text.h"

#define MAPPER "/dev/mapper/"

/* Until whoever looks at it, udev say, has let go. */
enum { CLOSE_WAIT_US = 5 * US_PER_S, CLOSE_TRIES = 50 };

/* One line of /sys/block/DEVICE/ATTRIBUTE, without its newline; false if it does not fit. */
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
	return snprintf(id->device, sizeof(id->device), "%s", device) < (int)sizeof(id->device) &&
	       read_attribute(device, "dm/uuid", id->dm_uuid, sizeof(id->dm_uuid)) &&
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

int mapping_link(const char *name, const struct mapping_id *id)
{
	char link[sizeof(MAPPER) + DM_NAME_LEN], target[sizeof("../") + MAPPING_DEVICE_SIZE];

	snprintf(link, sizeof(link), MAPPER "%s", name);
	snprintf(target, sizeof(target), "../%s", id->device);
	return symlink(target, link) < 0 && errno != EEXIST ? -errno : 0;
}

/* Of device-mapper itself: libcryptsetup reads from the disk first, and so waits for the host. */
static int remove_when_unused(const char *name)
{
	CLEANUP(close_fd) int control = open(MAPPER "control", O_RDWR | O_CLOEXEC);
	struct dm_ioctl request = {
		.version = { DM_VERSION_MAJOR },
		.data_size = sizeof(request),
		.flags = DM_DEFERRED_REMOVE,
	};

	snprintf(request.name, sizeof(request.name), "%s", name);
	return control < 0 || ioctl(control, DM_DEV_REMOVE, &request) < 0 ? errno : 0;
}

static bool is_gone(const char *name)
{
	struct mapping_id id;

	return mapping_find(name, &id) == -ENOENT;
}

static bool is_prefix(const char *prefix, const char *text)
{
	return strncmp(prefix, text, strlen(prefix)) == 0;
}

/*
 * What lies between a volume with integrity and its disk; libcryptsetup gives it that name, and a UUID
 * of one of these kinds, as its release may be.
 */
static bool find_integrity(const char *name, char below[DM_NAME_LEN], struct mapping_id *id)
{
	return snprintf(below, DM_NAME_LEN, "%s_dif", name) < DM_NAME_LEN &&
	       mapping_find(below, id) == 0 &&
	       (is_prefix("CRYPT-INTEGRITY-", id->dm_uuid) || is_prefix("CRYPT-SUBDEV-", id->dm_uuid));
}

void mapping_link_integrity(const char *name)
{
	char below[DM_NAME_LEN];
	struct mapping_id id;

	if (find_integrity(name, below, &id))
		mapping_link(below, &id);
}

static void remove_integrity(const char *name)
{
	char below[DM_NAME_LEN];
	struct mapping_id id;

	if (find_integrity(name, below, &id))
		remove_when_unused(below);
}

static int close_here(const void *context)
{
	const char *name = context;
	int r = remove_when_unused(name);

	remove_integrity(name);
	for (int tries = 0; r == 0 && !is_gone(name) && tries < CLOSE_TRIES; tries++)
		usleep(CLOSE_WAIT_US / CLOSE_TRIES / 2);
	if (r == 0 && !is_gone(name))
		r = EBUSY;
	return r;
}

int mapping_close(const char *name)
{
	int r = child_run(CLOSE_WAIT_US, close_here, name);

	return r < 0 ? r : -r;
}
