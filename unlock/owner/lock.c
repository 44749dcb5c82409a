// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"

/* Name and mode are libcryptsetup's own. */
static const char folder[] = "/run/cryptsetup";

enum { FOLDER_MODE = 0700, FILE_MODE = 0644 };
enum { PAUSE_MS = 20, SAY_AFTER_MS = 1000, GIVE_UP_AFTER_MS = 60000, NS_PER_MS = 1000000 };

static int open_folder(void)
{
	if (mkdir(folder, FOLDER_MODE) < 0 && errno != EEXIST)
		return -1;
	return open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_same(int folder_fd, const struct lock *lock)
{
	struct stat held, named;

	return fstat(lock->fd, &held) == 0 &&
	       fstatat(folder_fd, lock->file, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static int close_lock(struct lock *lock, int error)
{
	close_fd(&lock->fd);
	lock->fd = -1;
	return -error;
}

/* The last holder removes the lock's file: the file just locked may no longer be in the folder. */
static int try_file(struct lock *lock)
{
	CLEANUP(close_fd) int folder_fd = open_folder();

	if (folder_fd < 0)
		return -errno;
	lock->fd = openat(folder_fd, lock->file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			  FILE_MODE);
	if (lock->fd < 0)
		return -errno;
	if (flock(lock->fd, LOCK_EX | LOCK_NB) < 0)
		return close_lock(lock, errno);
	return is_same(folder_fd, lock) ? 0 : close_lock(lock, EWOULDBLOCK);
}

static int try_device(struct lock *lock, int fd)
{
	lock->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (lock->fd < 0)
		return -errno;
	return flock(lock->fd, LOCK_EX | LOCK_NB) < 0 ? close_lock(lock, errno) : 0;
}

static int explain(struct lock *lock, const char *name, int r, struct fault *fault)
{
	if (r == -EWOULDBLOCK)
		fault_set(fault, "%s: another command has held its lock for %d s; nothing was changed, "
			  "try again", name, GIVE_UP_AFTER_MS / 1000);
	else
		fault_set(fault, "%s: cannot be locked%s%s%s%s: %s", name, lock->file[0] ? " by " : "",
			  lock->file[0] ? folder : "", lock->file[0] ? "/" : "", lock->file,
			  strerror(-r));
	return EXIT_IO;
}

int lock_take(struct lock *lock, int fd, const char *name, struct fault *fault)
{
	static const struct timespec pause = { .tv_nsec = (long)PAUSE_MS * NS_PER_MS };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return explain(lock, name, -errno, fault);
	if (S_ISBLK(st.st_mode))
		snprintf(lock->file, sizeof(lock->file), "L_%u:%u", major(st.st_rdev),
			 minor(st.st_rdev));
	for (int waited = 0; ; waited += PAUSE_MS) {
		r = lock->file[0] ? try_file(lock) : try_device(lock, fd);
		if (r != -EWOULDBLOCK || waited >= GIVE_UP_AFTER_MS)
			break;
		if (waited == SAY_AFTER_MS)
			complain("%s: another command is changing it; waiting for it to end", name);
		nanosleep(&pause, NULL);
	}
	return r == 0 ? EXIT_OPENED : explain(lock, name, r, fault);
}

/* The file goes while it is locked, as libcryptsetup does it. */
void lock_release(struct lock *lock)
{
	CLEANUP(close_fd) int folder_fd = lock->fd >= 0 && lock->file[0] ? open_folder() : -1;

	if (folder_fd >= 0 && is_same(folder_fd, lock))
		unlinkat(folder_fd, lock->file, 0);
	if (lock->fd >= 0)
		flock(lock->fd, LOCK_UN);
	close_lock(lock, 0);
}
