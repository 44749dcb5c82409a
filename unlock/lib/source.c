// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "lib/cleanup.h"
#include "lib/secret.h"

static int keep(int *fd)
{
	int kept = *fd;

	*fd = -1;
	return kept;
}

int source_open_securityfs(void)
{
	CLEANUP(close_fd) int fd = open(SOURCE_SECURITYFS_PATH, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == SECURITYFS_MAGIC ? keep(&fd) : -ENOTTY;
}

int source_open_launch(int securityfs)
{
	int fd = openat(securityfs, SOURCE_LAUNCH_PATH, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/* tmpfs will not do: its pages may be written to swap, that is, to the host's disk. */
static bool is_private(int fd)
{
	struct statfs fs;
	struct stat st;

	return fstatfs(fd, &fs) == 0 && fs.f_type == RAMFS_MAGIC && fstat(fd, &st) == 0 &&
	       st.st_uid == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

int source_open_run_anyway(void)
{
	int fd = open(SOURCE_RUN_PATH, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

int source_open_run(void)
{
	CLEANUP(close_fd) int fd = source_open_run_anyway();

	if (fd < 0)
		return fd;
	return is_private(fd) ? keep(&fd) : -ENOTTY;
}

int source_find(const char *secret)
{
	CLEANUP(close_fd) int securityfs = source_open_securityfs();
	CLEANUP(close_fd) int launch = securityfs < 0 ? -1 : source_open_launch(securityfs);
	CLEANUP(close_fd) int run = -1;

	if (launch >= 0 && secret_present(launch, secret) == 0)
		return keep(&launch);
	run = source_open_run();
	if (run < 0)
		return run;
	return secret_present(run, secret) == 0 ? keep(&run) : -ENOENT;
}
