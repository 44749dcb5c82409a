// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

static int write_synced(int fd, const struct secret *bytes)
{
	int r = file_write(fd, bytes->bytes, bytes->size);

	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

int output_new(const char *path, const struct secret *bytes)
{
	CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
	int r = fd < 0 ? -errno : write_synced(fd, bytes);

	if (fd >= 0 && r < 0)
		unlink(path);
	return r;
}

bool output_may_replace(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || S_ISREG(st.st_mode);
}

/* A new file next to the old one, then in its place. */
int output_replace(const char *path, const struct secret *bytes)
{
	char beside[PATH_MAX];
	CLEANUP(close_fd) int fd = -1;
	int r;

	if (!output_may_replace(path))
		return -EEXIST;
	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_synced(fd, bytes);
	if (r == 0 && rename(beside, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(beside);
	return r;
}
