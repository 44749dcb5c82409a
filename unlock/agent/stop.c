// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/stop.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "lib/exitcode.h"

enum { REMINDERS = 5 };

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGALRM };
static void (*last_wipe)(void);
static volatile sig_atomic_t first, count;

/* One that comes between somebody's look and his wait would be lost without the next. */
static void note(int signal)
{
	if (!first)
		first = signal;
	if (count++ < REMINDERS) {
		alarm(1);
		return;
	}
	last_wipe();
	_exit(EXIT_IO);
}

/* Without SA_RESTART: a wait is to end. */
void stop_hold(void (*wipe)(void))
{
	struct sigaction action = { .sa_handler = note };

	last_wipe = wipe;
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
}

int stop_signal(void)
{
	return first;
}
