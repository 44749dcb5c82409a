// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define BLOCK_CLASS "/sys/class/block"

enum { PATH_SIZE = 512 };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Compares with text in which udev wrote unsafe bytes as \xNN. */
static bool encoded_is(const char *encoded, const char *plain)
{
	if (!encoded)
		return false;
	while (*encoded && *plain) {
		char c = *encoded++;

		if (c == '\\' && encoded[0] == 'x' && hex_digit(encoded[1]) >= 0 &&
		    hex_digit(encoded[2]) >= 0) {
			c = (char)(hex_digit(encoded[1]) << 4 | hex_digit(encoded[2]));
			encoded += 3;
		}
		if (c != *plain++)
			return false;
	}
	return *encoded == *plain;
}

static bool uuid_is(const char *found, const char *wanted)
{
	return found && strcasecmp(found, wanted) == 0;
}

static bool has_link(const char *links, const char *path)
{
	struct slice rest, link;

	if (!links)
		return false;
	rest = slice_of(links);
	while (slice_cut(&rest, ' ', &link))
		if (slice_is(link, path))
			return true;
	return false;
}

bool device_matches(const struct device_spec *spec, const struct device_properties *properties)
{
	bool is_luks = properties->fs_type && strcmp(properties->fs_type, "crypto_LUKS") == 0;

	if (!properties->node)
		return false;
	switch (spec->kind) {
	case DEVICE_PATH:
		return strcmp(properties->node, spec->value) == 0 ||
		       has_link(properties->links, spec->value);
	case DEVICE_UUID:
		return is_luks && uuid_is(properties->fs_uuid, spec->value);
	case DEVICE_LABEL:
		return is_luks && encoded_is(properties->fs_label_enc, spec->value);
	case DEVICE_PARTUUID:
		return uuid_is(properties->part_uuid, spec->value);
	case DEVICE_PARTLABEL:
		return encoded_is(properties->part_name, spec->value);
	}
	return false;
}

/* The sysfs folder of the disk of which a device is a partition; NULL if it is no partition. */
static char *find_disk(const char *name)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), BLOCK_CLASS "/%s/partition", name);
	if (access(path, F_OK) < 0)
		return NULL;
	snprintf(path, sizeof(path), BLOCK_CLASS "/%s/..", name);
	return realpath(path, NULL);
}

/*
 * udev looks at a disk again that somebody has had open for writing, as libcryptsetup has, and reads
 * its partitions anew; device-mapper then waits for the disk. udev leaves a locked disk alone until
 * the lock is gone (systemd.io/BLOCK_DEVICE_LOCKING).
 */
int device_lock(const char *node)
{
	const char *slash = strrchr(node, '/');
	CLEANUP(free_text) char *disk = find_disk(slash ? slash + 1 : node);
	char path[PATH_SIZE];
	int fd;

	snprintf(path, sizeof(path), disk ? "/dev%s" : "%s", disk ? strrchr(disk, '/') : node);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return -EBUSY;
}
