// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/course.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/signalfd.h>

#include "lib/cleanup.h"
#include "lib/log.h"

void course_fail(struct course *course, int code, const char *format, ...)
{
	struct fault reason;
	va_list args;

	va_start(args, format);
	vsnprintf(reason.text, sizeof(reason.text), format, args);
	va_end(args);
	if (course->code) {
		log_error("%s", reason.text);
		return;
	}
	course->code = code;
	course->reason = reason;
}

void course_close(struct course *course)
{
	close_fd(&course->secrets);
	close_fd(&course->state);
}

static sigset_t stop_signals(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGHUP);
	return stop;
}

void course_hold_signals(void)
{
	sigset_t stop = stop_signals();

	sigprocmask(SIG_BLOCK, &stop, NULL);
}

int course_signals(void)
{
	sigset_t stop = stop_signals();

	return signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
}
