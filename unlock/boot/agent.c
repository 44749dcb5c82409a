// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/agent.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/child.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/source.h"

/* Whoever makes the folder mounts it: a second mount over the first would hide the first's files. */
static int make_folder(void)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mkdir(SOURCE_RUN_PATH, 0700) < 0)
		return -errno;
	return mount("ramfs", SOURCE_RUN_PATH, "ramfs", flags, "mode=0700") < 0 ? -errno : 0;
}

int agent_open_secrets(struct fault *fault)
{
	int fd = source_open_run();
	int r = fd == -ENOENT ? make_folder() : 0;

	if (fd == -ENOENT)
		fd = r < 0 ? r : source_open_run();
	if (fd == -ENOTTY)
		fault_set(fault, SOURCE_RUN_PATH " must be a ramfs that root owns, of mode 0700: files "
			  "on another file system may be swapped or read");
	else if (fd < 0)
		fault_set(fault, SOURCE_RUN_PATH ": %s", strerror(-fd));
	return fd;
}

static int watch(int folder)
{
	char path[sizeof("/proc/self/fd/") + 10];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", folder);
	if (inotify_add_watch(fd, path, IN_CREATE | IN_MOVED_TO) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static void forget_events(int fd)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(fd, events, sizeof(events)) > 0)
		;
}

int agent_wait(int folder, bool (*is_enough)(const void *context), const void *context,
	       uint64_t deadline_us, int signals)
{
	CLEANUP(close_fd) int events = watch(folder);
	struct pollfd watched[] = {
		{ .fd = events, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};

	if (events < 0)
		return events;
	while (!is_enough(context)) {
		if (clock_us() >= deadline_us)
			return -ETIMEDOUT;
		if (poll(watched, 2, milliseconds_until(deadline_us)) < 0 && errno != EINTR)
			return -errno;
		if (watched[1].revents)
			return -EINTR;
		forget_events(events);
	}
	return 0;
}
