// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * floor NAME DEVICE KEYFILE OFFSET: maps an encrypted disk by three requests
 * to device-mapper, and does nothing else: no header, no key slot, no waiting.
 * Less than this nobody can do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { KEY_MAX = 64, TABLE_SIZE = 512 };

struct request {
	struct dm_ioctl head;
	struct dm_target_spec target;
	char table[TABLE_SIZE];
};

static int fail(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	return 1;
}

static struct request request(const char *name)
{
	struct request request = { .head = {
		.version = { DM_VERSION_MAJOR, 0, 0 },
		.data_size = sizeof(request),
		.data_start = sizeof(request.head),
	} };

	strncpy(request.head.name, name, sizeof(request.head.name) - 1);
	return request;
}

/* Sectors after the header, or 0. */
static uint64_t data_size(const char *device, uint64_t offset)
{
	int fd = open(device, O_RDONLY | O_CLOEXEC);
	uint64_t size = 0;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) < 0)
		size = 0;
	if (fd >= 0)
		close(fd);
	return size / 512 > offset ? size / 512 - offset : 0;
}

static int read_key(const char *path, char *hex)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char key[KEY_MAX];
	ssize_t size = fd < 0 ? -1 : read(fd, key, sizeof(key));

	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < size; i++)
		sprintf(hex + 2 * i, "%02x", key[i]);
	return size > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	uint64_t offset = argc == 5 ? strtoull(argv[4], NULL, 10) : 0;
	char hex[2 * KEY_MAX + 1] = "";
	struct request create, load, resume;
	int dm;

	if (!offset)
		return 2;
	create = load = resume = request(argv[1]);
	load.head.target_count = 1;
	load.target.length = data_size(argv[2], offset);
	if (!load.target.length)
		return fail(argv[2]);
	if (read_key(argv[3], hex) < 0)
		return fail(argv[3]);
	strcpy(load.target.target_type, "crypt");
	snprintf(load.table, sizeof(load.table), "aes-xts-plain64 %s 0 %s %ju", hex, argv[2],
		 (uintmax_t)offset);

	dm = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (dm < 0)
		return fail("/dev/mapper/control");
	if (ioctl(dm, DM_DEV_CREATE, &create) < 0)
		return fail("DM_DEV_CREATE");
	if (ioctl(dm, DM_TABLE_LOAD, &load) < 0)
		return fail("DM_TABLE_LOAD");
	if (ioctl(dm, DM_DEV_SUSPEND, &resume) < 0)
		return fail("DM_DEV_SUSPEND");
	return 0;
}
