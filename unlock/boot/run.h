/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_RUN_H
#define COCOSECRET_RUN_H

struct run_arguments {
	const char *cmdline; /* NULL: the kernel's */
	const char *cocotab; /* NULL: the default, if it is there */
	int ciphers; /* the read end of a pipe that is closed when others have loaded them; else -1 */
};

/*
 * Opens the configured volumes with their secrets, and wipes the secrets. Says how it went. An exit
 * code; a run that fails leaves neither a secret nor a mapping of its own.
 */
int run_unlock(const struct run_arguments *arguments);

#endif
