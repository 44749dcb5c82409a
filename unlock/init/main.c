// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cocosecret-init, the only program of its initramfs and its process 1: opens the configured volumes
 * as cocosecret-unlock does, mounts the root from one of them and becomes the root's init. Children
 * do the work, so that nothing in the work can end process 1, which would end the machine with the
 * secrets in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/failure.h"
#include "boot/hand_over.h"
#include "boot/run.h"
#include "config/broker.h"
#include "header/derive.h"
#include "init/modules.h"
#include "init/mounts.h"
#include "init/root.h"
#include "lib/child.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/harden.h"
#include "lib/log.h"
#include "lib/text.h"

/* A journal may be long; a disk that answers at all takes less. Volumes have their own limits. */
enum { STEP_LIMIT_US = 300 * US_PER_S };

/* Where the host keeps a disk from answering, the machine is not to stand still with secrets in it. */
static int run(child_work *work, uint64_t limit_us, const void *context)
{
	int r = child_run(limit_us, work, context);

	if (r < 0)
		log_error("a step of the boot did not end by itself: %s (exit %d)", strerror(-r), EXIT_IO);
	return r < 0 ? EXIT_IO : r;
}

/* Whoever opens a volume waits for the other end of the pipe. */
static int load_listed(const void *ready)
{
	modules_load_listed(MODULES_LIST);
	close(((const int *)ready)[1]);
	modules_load_listed(MODULES_LATER);
	return EXIT_OPENED;
}

static int load_drivers(const void *unused)
{
	(void)unused;
	modules_load_drivers();
}

/* A program of its own, which the image need not have; without a broker it does nothing. */
static int bring_secrets(const void *unused)
{
	static char *const argv[] = { AGENT_PATH, NULL }, *const environment[] = { NULL };

	(void)unused;
	execve(AGENT_PATH, argv, environment);
	log_error(AGENT_PATH ": %s (exit %d)", strerror(errno), EXIT_IO);
	return EXIT_IO;
}

static int open_volumes(const void *ready)
{
	const struct run_arguments kernels = { .ciphers = *(const int *)ready };

	umask(077);
	derive_settle();
	return run_unlock(&kernels);
}

static int mount_root(const void *unused)
{
	struct fault fault;
	int code = root_mount(&fault);

	(void)unused;
	if (code)
		log_error("%s (exit %d)", fault.text, code);
	return code ? code : hand_over(NEW_ROOT);
}

static int end_machine(const void *unused)
{
	(void)unused;
	return failure_end_closed();
}

/* Does not end where the machine does not. */
static _Noreturn void fail(void)
{
	run(end_machine, CHILD_NO_LIMIT, NULL);
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
		log_info("%s of the root starts", ESCAPED(slice_of(init)));
		execve(init, argv, environment);
		fault_set(&fault, "%s: %s", init, strerror(errno));
	}
	log_error("%s (exit %d)", fault.text, EXIT_CONFIG);
	fail();
}

/* A driver may wait for the host's device: the root's init takes care of what is left. */
static void stop(const struct child *child)
{
	if (child->pid > 0)
		kill(child->pid, SIGKILL);
}

static void boot(void)
{
	struct child ciphers = { .pid = -1 }, drivers = { .pid = -1 };
	int ready[2] = { -1, -1 };

	if (pipe2(ready, O_CLOEXEC) == 0)
		child_start(&ciphers, CHILD_NO_LIMIT, load_listed, ready);
	close_fd(&ready[1]);
	child_start(&drivers, CHILD_NO_LIMIT, load_drivers, NULL);
	if (access(AGENT_PATH, F_OK) == 0 && run(bring_secrets, CHILD_NO_LIMIT, NULL))
		fail();
	if (run(open_volumes, CHILD_NO_LIMIT, ready) || run(mount_root, STEP_LIMIT_US, NULL))
		fail();
	close_fd(&ready[0]);
	stop(&ciphers);
	stop(&drivers);
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
	umask(022);
	if (mounts_make(&fault) < 0) {
		log_error("%s (exit %d)", fault.text, EXIT_IO);
		fail();
	}
	mounts_harden();
	boot();
	become(argv);
}
