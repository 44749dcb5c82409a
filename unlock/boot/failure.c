// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/root_word.h"
#include "boot/wipe.h"
#include "lib/child.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/mapping.h"
#include "root/state.h"

/* How long the host may take to answer, before the machine halts by itself. */
enum { END_WAIT_S = 10 };

/* It may wait for the host's disk. */
enum { UNMOUNT_WAIT_US = 5 * US_PER_S };

bool failure_asked(enum on_failure *on_failure)
{
	struct cmdline cmdline;
	struct fault fault;

	*on_failure = ON_FAILURE_POWEROFF;
	if (cmdline_settings(&cmdline, &fault) == 0)
		*on_failure = cmdline.on_failure;
	return !cmdline.off;
}

/* Where dracut and initramfs-tools mount the new root. */
static int unmount(const void *unused)
{
	(void)unused;
	umount2("/sysroot", MNT_DETACH);
	umount2("/root", MNT_DETACH);
	return 0;
}

struct closing_volumes {
	int state;
	bool is_left; /* one of them */
};

static void close_volume(void *context, const char *name)
{
	struct closing_volumes *all = context;
	struct mapping_id id;
	int r;

	if (mapping_find(name, &id) < 0 || !state_knows(all->state, name, &id))
		return;
	r = mapping_close(name);
	all->is_left |= r < 0;
	if (r < 0)
		log_error("%s: cannot be closed again: %s", name, strerror(-r));
	else
		log_info("%s: closed again", name);
}

/* Takes the new root and every volume that this boot opened away; false where one is left. */
static bool close_volumes(void)
{
	CLEANUP(close_fd) int state = state_open(STATE_PATH);
	struct closing_volumes all = { .state = state };

	child_run(UNMOUNT_WAIT_US, unmount, NULL);
	if (state >= 0)
		state_each(state, close_volume, &all);
	return state >= 0 && !all.is_left;
}

/*
 * Power-off and reset are the host's to carry out. The kernel ends the process that asked when
 * nothing comes of it: a child, since with process 1 the kernel would go down and might dump its
 * memory to a disk.
 */
static void ask_in_child(unsigned int command)
{
	pid_t child = fork();

	if (child == 0) {
		reboot((int)command);
		_exit(1);
	}
	for (int i = 0; i < END_WAIT_S && child > 0 && waitpid(child, NULL, WNOHANG) == 0; i++)
		sleep(1);
}

/*
 * Only ON_FAILURE_SHELL comes back. Writes nothing to a disk, not even what a mounted file system
 * still holds in memory.
 */
static void end_machine(enum on_failure on_failure)
{
	if (on_failure == ON_FAILURE_SHELL)
		return;
	log_error("the boot has failed: %s", on_failure_text(on_failure));
	if (on_failure == ON_FAILURE_REBOOT)
		ask_in_child(RB_AUTOBOOT);
	else if (on_failure == ON_FAILURE_POWEROFF)
		ask_in_child(RB_POWER_OFF);
	for (;;) {
		reboot((int)RB_HALT_SYSTEM);
		sleep(1);
	}
}

/* systemd runs it after a unit that did not fail, too. */
static bool nothing_failed(void)
{
	const char *result = getenv("SERVICE_RESULT");

	return result && strcmp(result, "success") == 0;
}

/* A shell is for a machine that is known to hold no secret, and no volume that one opened. */
static enum on_failure after_wiping(enum on_failure asked, enum wiped wiped, int state)
{
	if (asked != ON_FAILURE_SHELL)
		return asked;
	if (wiped > WIPED_ALL || (state >= 0 && state_has_lost(state)))
		log_error("no shell, since a secret may be left");
	else if (!close_volumes())
		log_error("no shell, since a volume is open");
	else
		return asked;
	return ON_FAILURE_POWEROFF;
}

static void end_boot(bool has_shell)
{
	CLEANUP(close_fd) int state = state_look(STATE_PATH);
	enum on_failure asked, next;

	failure_asked(&asked);
	next = after_wiping(asked, wipe_all(-1, state), state);
	root_word_explain();
	if (next == ON_FAILURE_SHELL && !has_shell) {
		log_error("no shell, since this image has none");
		next = ON_FAILURE_POWEROFF;
	}
	end_machine(next);
}

int failure_end_boot(void)
{
	if (!nothing_failed())
		end_boot(true);
	return EXIT_OPENED;
}

int failure_end_closed(void)
{
	end_boot(false);
	return EXIT_OPENED;
}

int failure_print(void)
{
	enum on_failure on_failure;

	puts(failure_asked(&on_failure) ? on_failure_text(on_failure) : "off");
	return EXIT_OPENED;
}
