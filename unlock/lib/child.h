/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_CHILD_H
#define COCOSECRET_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A process that has a deadline. It dies with its parent, is killed when it is overdue, and is left
 * behind where even that does not end it, as when the kernel waits for the host's disk.
 */
struct child {
	pid_t pid;
	int pidfd; /* readable when it has ended; -1 where none runs */
	bool killed;
	uint64_t deadline_us;
};

/* What the child does, and its exit status. */
typedef int child_work(const void *context);

int child_start(struct child *child, uint64_t limit_us, child_work *work, const void *context);
bool child_ended(struct child *child, int *status); /* status -1: it was killed */
bool child_is_lost(struct child *child); /* kills it when overdue; true where that did not help */

/* For what ends by itself. */
#define CHILD_NO_LIMIT (UINT64_MAX / 2)

/* Start to end: the exit status, or a negative errno; -ETIMEDOUT where it was overdue. */
int child_run(uint64_t limit_us, child_work *work, const void *context);

/* For poll(): how long until then. */
int milliseconds_until(uint64_t deadline_us);

#endif
