// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a confined process cannot do, whatever it runs. With the real objects: the sanitizers want
 * more memory and more calls. It needs root, who alone has something to give away.
 */
#include "agent/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static bool with_names;
static int kept;

/* Each returns whether it was done: none of them may be. */
static bool can_open(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool can_write_files(void)
{
	return open("/tmp/confined", O_WRONLY | O_CREAT, 0600) >= 0 || open("/dev/kmsg", O_WRONLY) >= 0;
}

static bool can_start(void)
{
	execl("/bin/true", "true", NULL);
	return fork() >= 0;
}

static bool can_make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED || mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 ||
	       mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool can_touch_others(void)
{
	return kill(getppid(), SIGTERM) == 0 || ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 ||
	       syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) >= 0 ||
	       syscall(SYS_pidfd_open, getppid(), 0) >= 0;
}

static bool can_get_more(void)
{
	return setuid(0) == 0 || prctl(PR_SET_DUMPABLE, 1) == 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ||
	       socket(AF_PACKET, SOCK_RAW, 0) >= 0 || syscall(SYS_bpf, 0, NULL, 0) >= 0 ||
	       syscall(SYS_unshare, 0x10000000) >= 0 || syscall(SYS_io_uring_setup, 1, NULL) >= 0 ||
	       dup2(STDIN_FILENO, 5) >= 0;
}

static bool can_have_much_memory(void)
{
	return mmap(NULL, 200 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool has_other_files(void)
{
	char byte = 0;

	for (int fd = STDERR_FILENO + 1; fd < 100; fd++)
		if (fd != kept && (read(fd, &byte, 0) == 0 || errno != EBADF))
			return true;
	return read(STDIN_FILENO, &byte, 1) != 0 || write(kept, &byte, 1) != 1;
}

/* What it is for, on the other hand, goes on. */
static bool cannot_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	void *memory = malloc(4 << 20);

	return fd < 0 || !memory;
}

static bool cannot_resolve(void)
{
	struct addrinfo *all = NULL;

	return getaddrinfo("localhost", "80", NULL, &all) != 0;
}

static void expect_not(bool (*done)(void))
{
	int fds[2], status;
	pid_t parent = getpid(), child;

	if (getuid() != 0)
		skip();
	assert_int_equal(pipe(fds), 0);
	kept = fds[1];
	child = fork();
	if (child == 0) {
		const struct confinement confinement = { { kept, -1 }, with_names, parent };

		_exit(confine(&confinement) < 0 ? 2 : done());
	}
	close(fds[1]);
	waitpid(child, &status, 0);
	close(fds[0]);
	assert_int_equal(status, 0);
}

static void it_can_do_nothing_else(void **state)
{
	static bool (*const all[])(void) = {
		can_write_files, can_start, can_make_code, can_touch_others, can_get_more,
		can_have_much_memory, has_other_files, cannot_connect,
	};

	(void)state;
	for (int names = 0; names < 2; names++)
		for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
			with_names = names;
			expect_not(all[i]);
		}
	with_names = false;
	expect_not(can_open);
}

/* A root for building packages may have no /etc/hosts. Asked by a child, since it loads something. */
static bool machine_cannot_resolve(void)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(cannot_resolve());
	waitpid(child, &status, 0);
	return status != 0;
}

static void names_can_be_resolved(void **state)
{
	(void)state;
	if (machine_cannot_resolve())
		skip();
	with_names = true;
	expect_not(cannot_resolve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_can_do_nothing_else),
		cmocka_unit_test(names_can_be_resolved),
	};

	return cmocka_run_group_tests_name("confine", tests, NULL, NULL);
}
