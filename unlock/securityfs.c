// SPDX-License-Identifier: GPL-2.0-or-later
#include "securityfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "module.h"

#define SECURITYFS "/sys/kernel/security"
#define SECRETS "secrets/coco"

static int open_securityfs(void)
{
	CLEANUP(close_fd) int fd = open(SECURITYFS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	int result;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != SECURITYFS_MAGIC)
		return -ENOTTY;
	result = fd;
	fd = -1;
	return result;
}

static int mount_securityfs(void)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount("securityfs", SECURITYFS, "securityfs", flags, NULL) < 0 && errno != EBUSY)
		return -errno;
	return 0;
}

static int open_folder(int securityfs)
{
	int fd = openat(securityfs, SECRETS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

static int load_and_open(int securityfs, struct fault *fault)
{
	int loaded = module_load_efi_secret();
	int fd = open_folder(securityfs);

	if (fd < 0)
		fault_set(fault, "%s (%s)", module_explain(loaded), strerror(loaded ? -loaded : -fd));
	return fd < 0 && loaded < 0 ? loaded : fd;
}

int securityfs_open_secrets(struct fault *fault)
{
	CLEANUP(close_fd) int securityfs = open_securityfs();
	int r = 0, fd;

	if (securityfs < 0) {
		r = mount_securityfs();
		securityfs = open_securityfs();
	}
	if (securityfs < 0) {
		r = r ? r : securityfs;
		fault_set(fault, SECURITYFS " is not securityfs and it cannot be mounted: %s",
			  strerror(-r));
		return r;
	}
	fd = open_folder(securityfs);
	if (fd == -ENOENT)
		return load_and_open(securityfs, fault);
	if (fd < 0)
		fault_set(fault, SECURITYFS "/" SECRETS ": %s", strerror(-fd));
	return fd;
}
