/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_STOP_H
#define COCOSECRET_STOP_H

/*
 * The kernel hands the pages of a process that is killed on as they are. So from now on a signal that
 * asks for an end, the alarm's too, only says so: who waits is woken, ends, and wipes on his way. Where
 * nobody ends for some seconds, @wipe is called in the handler itself, and the process exits.
 */
void stop_hold(void (*wipe)(void));

/* The signal that asked first, or 0. It comes again each second: no wait is longer for missing it. */
int stop_signal(void);

#endif
