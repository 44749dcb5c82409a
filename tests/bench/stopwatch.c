// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stopwatch PROGRAM ARGUMENT…: how long it took from fork to exit, and what it
 * took. Says "STATUS NANOSECONDS KIB" on descriptor 3.
 *
 * KIB is the largest of its processes, as the kernel counted it. Static, so
 * that this program's own memory, which the kernel counts until exec, is less
 * than that of what it starts.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REPORT_FD = 3 };

extern char **environ;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int64_t begin, end;
	int status, r;
	pid_t pid;

	if (argc < 2 || fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC) < 0) {
		fputs("usage: stopwatch PROGRAM ARGUMENT... 3>REPORT\n", stderr);
		return 2;
	}
	begin = now_ns();
	r = posix_spawnp(&pid, argv[1], NULL, NULL, argv + 1, environ);
	if (r) {
		fprintf(stderr, "stopwatch: %s: %s\n", argv[1], strerror(r));
		return 127;
	}
	if (wait4(pid, &status, 0, &usage) < 0)
		return 127;
	end = now_ns();
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	dprintf(REPORT_FD, "%d %jd %ld\n", status, (intmax_t)(end - begin), usage.ru_maxrss);
	return status;
}
