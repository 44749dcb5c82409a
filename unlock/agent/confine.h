/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_CONFINE_H
#define COCOSECRET_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

/* What a process needs that reads what a host sends. */
struct confinement {
	int fds[2];      /* all that stays open, besides /dev/null; -1 for none */
	bool with_names; /* it asks for addresses by name: reads files, speaks to name servers */
	pid_t parent;    /* with whom it dies */
};

/*
 * For ever: nobody's process, without capabilities and without a way to more; no file to write, no
 * program to start, little memory, only the system calls of a client. Negative errno.
 */
int confine(const struct confinement *confinement);

#endif
