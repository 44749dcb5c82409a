// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/guid.h"

static int write_new(int folder, const char *name, const struct secret *secret)
{
	CLEANUP(close_fd) int fd = openat(folder, name,
					  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);

	return fd < 0 ? -errno : file_write(fd, secret->bytes, secret->size);
}

int deliver(int folder, const char *uuid, const struct secret *secret)
{
	char name[1 + GUID_TEXT_SIZE];
	int r;

	snprintf(name, sizeof(name), ".%s", uuid);
	r = write_new(folder, name, secret);
	if (r == 0 && renameat2(folder, name, folder, uuid, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0)
		secret_unlink(folder, name);
	return r;
}
