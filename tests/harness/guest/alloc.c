// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * LD_PRELOAD=alloc.so: lets one allocation fail, or be a process's last act.
 * Counts those of a program and of its children together:
 *   ALLOC_FAIL=N   the Nth returns NULL
 *   ALLOC_KILL=F   at the first with F there the process is killed
 *   ALLOC_COUNT=F  writes to F how many there were, where it ends by itself
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static unsigned long *counter, fail_at;
static const char *kill_with;
static pid_t first;

static unsigned long setting(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
	void *shared = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	fail_at = setting("ALLOC_FAIL");
	kill_with = getenv("ALLOC_KILL");
	first = getpid();
	if (shared != MAP_FAILED)
		counter = shared;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("ALLOC_COUNT");
	int fd = path && getpid() == first ?
			 open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;

	if (fd >= 0)
		dprintf(fd, "%lu\n", *counter);
}

/* Past all destructors. */
void _exit(int status)
{
	end();
	for (;;)
		syscall(SYS_exit_group, status);
}

static bool fails(void)
{
	unsigned long number;

	if (!counter)
		return false;
	if (kill_with && access(kill_with, F_OK) == 0)
		raise(SIGKILL);
	number = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
	if (number != fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
