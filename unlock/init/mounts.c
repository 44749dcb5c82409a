// SPDX-License-Identifier: GPL-2.0-or-later
#include "init/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

#define NO_EXEC (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* In their order; with what is mounted below them they go along to the new root. */
static const struct {
	const char *path, *type, *options;
	unsigned long flags;
} kernels[] = {
	{ "/proc", "proc", NULL, NO_EXEC },
	{ "/sys", "sysfs", NULL, NO_EXEC },
	{ "/dev", "devtmpfs", "mode=755", MS_NOSUID | MS_STRICTATIME },
	{ "/run", "tmpfs", "mode=755,size=20%,nr_inodes=800k", MS_NOSUID | MS_NODEV | MS_STRICTATIME },
};
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

/* A usermode helper, a crash's dump, a key at the console: none of them before the root's own. */
static struct setting {
	const char *path, *closed;
	char open[256]; /* as it was */
} settings[] = {
	{ "/proc/sys/kernel/modprobe", "\n", "" },
	{ "/proc/sys/kernel/hotplug", "\n", "" },
	{ "/proc/sys/kernel/core_pattern", "\n", "" },
	{ "/proc/sys/kernel/sysrq", "0\n", "" },
};

static int fail(struct fault *fault, const char *path, int error)
{
	fault_set(fault, "%s: %s", path, strerror(error));
	return -error;
}

static int open_console(struct fault *fault)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	if (fd < 0)
		return fail(fault, "/dev/console", errno);
	for (int i = 0; i <= STDERR_FILENO; i++)
		if (fd != i)
			dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
	return 0;
}

int mounts_make(struct fault *fault)
{
	for (size_t i = 0; i < COUNT(kernels); i++) {
		mkdir(kernels[i].path, 0755);
		if (mount(kernels[i].type, kernels[i].path, kernels[i].type, kernels[i].flags,
			  kernels[i].options) < 0 && errno != EBUSY)
			return fail(fault, kernels[i].path, errno);
	}
	mkdir(NEW_ROOT, 0755);
	return open_console(fault);
}

static void put(const char *path, const char *text)
{
	CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t ignored = fd < 0 ? 0 : write(fd, text, strlen(text));

	(void)ignored;
}

static void keep(struct setting *setting)
{
	CLEANUP(free_text) char *text = NULL;
	size_t length;

	if (file_read(setting->path, &text, &length) == 0 && length < sizeof(setting->open))
		memcpy(setting->open, text, length + 1);
}

void mounts_harden(void)
{
	reboot(RB_DISABLE_CAD);
	for (size_t i = 0; i < COUNT(settings); i++) {
		keep(&settings[i]);
		put(settings[i].path, settings[i].closed);
	}
}

static void delete_in(int folder, dev_t device);

static void delete_entry(int folder, const char *name, dev_t device)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != device)
		return;
	if (S_ISDIR(st.st_mode)) {
		delete_in(openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), device);
		unlinkat(folder, name, AT_REMOVEDIR);
	} else {
		unlinkat(folder, name, 0);
	}
}

/* The initramfs is in memory, which the new root is to have; what is mounted in it stays. */
static void delete_in(int folder, dev_t device)
{
	CLEANUP(close_dir) DIR *dir = folder < 0 ? NULL : fdopendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			delete_entry(dirfd(dir), entry->d_name, device);
}

static int take_along(struct fault *fault)
{
	char path[64];

	for (size_t i = 0; i < COUNT(kernels); i++) {
		snprintf(path, sizeof(path), NEW_ROOT "%s", kernels[i].path);
		if (mount(kernels[i].path, path, NULL, MS_MOVE, NULL) < 0)
			return fail(fault, path, errno);
	}
	return 0;
}

int mounts_leave(struct fault *fault)
{
	int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	struct stat st;

	for (size_t i = 0; i < COUNT(settings); i++)
		put(settings[i].path, settings[i].open);
	r = take_along(fault);
	if (r < 0 || old < 0 || fstat(old, &st) < 0)
		return r < 0 ? r : fail(fault, "/", errno);
	if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		return fail(fault, NEW_ROOT, errno);
	delete_in(old, st.st_dev);
	return 0;
}
