// SPDX-License-Identifier: GPL-2.0-or-later
#include "failure.h"

#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

/* How long the host may take to answer, before the machine halts by itself. */
enum { END_WAIT_S = 10 };

const char *failure_asked(enum on_failure *on_failure)
{
	struct cmdline cmdline;
	struct fault fault;

	*on_failure = ON_FAILURE_POWEROFF;
	if (cmdline_load(CMDLINE_PATH, &cmdline, &fault) == 0)
		*on_failure = cmdline.on_failure;
	volumes_free(&cmdline.volumes);
	return cmdline.off ? "off" : on_failure_text(*on_failure);
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

void failure_end(enum on_failure on_failure)
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
