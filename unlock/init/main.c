// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cocosecret-init, the only program of its initramfs and its process 1: opens the configured volumes
 * as cocosecret-unlock does, mounts the root from one of them and becomes the root's init. Children
 * do the work, so that nothing in the work can end process 1, which would end the machine with the
 * secrets in it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/failure.h"
#include "boot/hand_over.h"
#include "boot/run.h"
#include "header/derive.h"
#include "init/modules.h"
#include "init/mounts.h"
#include "init/root.h"
#include "lib/exitcode.h"
#include "lib/log.h"

static void harden(void)
{
	static const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	umask(022);
}

/* The pid; negative where there is none, and then the kernel has no memory left. */
static pid_t start(int (*work)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(work());
	return pid;
}

/* Whoever else ends meanwhile is nobody's child any more. */
static int wait_for(pid_t pid)
{
	int status;

	for (;;) {
		pid_t ended = wait(&status);

		if (ended == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_IO;
		if (ended < 0 && errno != EINTR)
			return EXIT_IO;
	}
}

static int run(int (*work)(void))
{
	pid_t pid = start(work);

	return pid < 0 ? EXIT_IO : wait_for(pid);
}

static int load_listed(void)
{
	modules_load_listed();
	return EXIT_OPENED;
}

static int load_drivers(void)
{
	modules_load_drivers();
}

static int open_volumes(void)
{
	static const struct run_arguments kernels = { NULL, NULL };

	umask(077);
	derive_settle();
	return run_unlock(&kernels);
}

static int mount_root(void)
{
	struct fault fault;
	int code = root_mount(&fault);

	if (code)
		log_error("%s (exit %d)", fault.text, code);
	return code ? code : hand_over(NEW_ROOT);
}

/* Does not end where the machine does not. */
static _Noreturn void fail(void)
{
	run(failure_end_closed);
	for (;;)
		pause();
}

static _Noreturn void become(char **argv)
{
	static char *const environment[] = { "HOME=/", "TERM=linux", NULL };
	char init[ROOT_INIT_SIZE];
	struct fault fault;

	root_tell_udev();
	if (root_find_init(init, &fault) == 0 && mounts_leave(&fault) == 0) {
		argv[0] = init;
		execve(init, argv, environment);
		fault_set(&fault, "%s: %s", init, strerror(errno));
	}
	log_error("%s (exit %d)", fault.text, EXIT_CONFIG);
	fail();
}

static void boot(void)
{
	pid_t drivers = start(load_drivers);

	if (run(load_listed) || run(open_volumes) || run(mount_root))
		fail();
	if (drivers > 0) {
		kill(drivers, SIGKILL);
		wait_for(drivers);
	}
}

int main(int argc, char **argv)
{
	struct fault fault;

	(void)argc;
	if (getpid() != 1) {
		fputs("cocosecret-init: is the first program of an initramfs that cocosecret initrd "
		      "makes; see cocosecret-init(8)\n", stderr);
		return EXIT_CONFIG;
	}
	harden();
	if (mounts_make(&fault) < 0) {
		log_error("%s (exit %d)", fault.text, EXIT_IO);
		fail();
	}
	mounts_harden();
	boot();
	become(argv);
}
