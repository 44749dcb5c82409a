// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/securityfs.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "boot/module.h"
#include "lib/cleanup.h"
#include "lib/source.h"

static int mount_securityfs(void)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount("securityfs", SOURCE_SECURITYFS_PATH, "securityfs", flags, NULL) < 0 && errno != EBUSY)
		return -errno;
	return 0;
}

static int load_and_open(int securityfs, struct fault *fault)
{
	int loaded = module_load_efi_secret();
	int fd = source_open_launch(securityfs);

	if (fd >= 0)
		return fd;
	fault_set(fault, "%s (%s)", module_explain(loaded), strerror(loaded ? -loaded : -fd));
	return loaded < 0 ? loaded : -ENOENT;
}

int securityfs_open_secrets(struct fault *fault)
{
	CLEANUP(close_fd) int securityfs = source_open_securityfs();
	int r = 0, fd;

	if (securityfs < 0) {
		r = mount_securityfs();
		securityfs = source_open_securityfs();
	}
	if (securityfs < 0) {
		r = r ? r : securityfs;
		fault_set(fault, SOURCE_SECURITYFS_PATH " is not securityfs, and mounting it failed: %s",
			  strerror(-r));
		return -ENOTTY;
	}
	fd = source_open_launch(securityfs);
	if (fd == -ENOENT)
		return load_and_open(securityfs, fault);
	if (fd >= 0)
		return fd;
	fault_set(fault, SOURCE_SECURITYFS_PATH "/" SOURCE_LAUNCH_PATH ": %s", strerror(-fd));
	return -EIO;
}
