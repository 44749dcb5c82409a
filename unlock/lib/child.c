// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"

/* How long a killed child may take to die. */
enum { KILL_WAIT_US = 5 * US_PER_S };

/* The unit protects the unlocker; the memory that a header makes a child allocate must not be. */
static void allow_oom_kill(void)
{
	CLEANUP(close_fd) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	ssize_t ignored = fd < 0 ? 0 : write(fd, "0", 1);

	(void)ignored;
}

static _Noreturn void become_child(pid_t parent, child_work *work, const void *context)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	allow_oom_kill();
	if (getppid() != parent)
		_exit(EXIT_IO);
	_exit(work(context));
}

int child_start(struct child *child, uint64_t limit_us, child_work *work, const void *context)
{
	pid_t parent = getpid(), pid;

	pid = fork();
	if (pid == 0)
		become_child(parent, work, context);
	if (pid < 0)
		return -errno;
	*child = (struct child){ .pid = pid, .deadline_us = clock_us() + limit_us };
	child->pidfd = pidfd_open(pid, 0);
	if (child->pidfd < 0) {
		int r = -errno;

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	return 0;
}

bool child_ended(struct child *child, int *status)
{
	int how;

	if (waitpid(child->pid, &how, WNOHANG) != child->pid)
		return false;
	close_fd(&child->pidfd);
	child->pidfd = -1;
	*status = WIFEXITED(how) ? WEXITSTATUS(how) : -1;
	return true;
}

bool child_is_lost(struct child *child)
{
	if (child->deadline_us > clock_us())
		return false;
	if (child->killed)
		return true;
	kill(child->pid, SIGKILL);
	child->killed = true;
	child->deadline_us = clock_us() + KILL_WAIT_US;
	return false;
}

int child_run(uint64_t limit_us, child_work *work, const void *context)
{
	struct child child = { .pidfd = -1 };
	int status, r = child_start(&child, limit_us, work, context);

	if (r < 0)
		return r;
	while (!child_ended(&child, &status)) {
		struct pollfd end = { .fd = child.pidfd, .events = POLLIN };

		if (child_is_lost(&child)) {
			close_fd(&child.pidfd);
			return -ETIMEDOUT;
		}
		poll(&end, 1, milliseconds_until(child.deadline_us));
	}
	if (child.killed)
		return -ETIMEDOUT;
	return status < 0 ? -ECHILD : status;
}

int milliseconds_until(uint64_t deadline_us)
{
	uint64_t now = clock_us();

	uint64_t left = deadline_us <= now ? 0 : (deadline_us - now) / US_PER_MS + 1;

	return left < INT_MAX ? (int)left : INT_MAX;
}
