/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every death of a secret. */
#ifndef COCOSECRET_WIPE_H
#define COCOSECRET_WIPE_H

/* What is known of all secrets after a wiping; of two sources, the later word counts. */
enum wiped {
	WIPED_NOTHING, /* there were none, for certain */
	WIPED_ALL,     /* none is left */
	WIPED_UNKNOWN, /* nobody could tell whether the launch page holds any */
	WIPED_NOT,     /* one is left, or may be */
};

/*
 * One secret, where it is in @folder; says so, and writes it to the records of @state. Negative
 * errno where it could not be wiped.
 */
int wipe_one(int folder, int state, const char *secret);

/*
 * Every secret, whichever source is in use. @launch: the folder of the launch secrets; negative
 * where it has not been opened, or could not be: what failed then may go well now.
 */
enum wiped wipe_all(int launch, int state);

/* The verbs of those names; exit codes. */
int wipe(void);
int wipe_rest(void);

#endif
