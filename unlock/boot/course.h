/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_COURSE_H
#define COCOSECRET_COURSE_H

#include "lib/text.h"

/* How a run stands, and the folders that all of its steps work in. */
struct course {
	int secrets; /* folder of the secrets; negative until it is open */
	int state;   /* folder of this boot's records; the same */
	int ciphers; /* where another process loads them, it ends when they are there; else negative */
	int code;    /* of the first failure that counts */
	struct fault reason;
};

#define COURSE_INIT { .secrets = -1, .state = -1, .ciphers = -1 }

/* The first failure gives the run its exit code and its last line; later ones are logged here. */
void course_fail(struct course *course, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void course_close(struct course *course);

/* Signals that stop a run are held back: a run says its last line and wipes. */
void course_hold_signals(void);
int course_signals(void); /* a descriptor that tells of them; the caller's */

#endif
