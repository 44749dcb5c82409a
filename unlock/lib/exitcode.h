/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_EXITCODE_H
#define COCOSECRET_EXITCODE_H

/* The exit status of every cocosecret program: an interface, see cocosecret-unlock(8). */
enum exitcode {
	EXIT_OPENED = 0,
	EXIT_CONFIG = 2,     /* usage or configuration */
	EXIT_NO_SECRET = 3,  /* no secret area, or the secret is not in it */
	EXIT_NO_DEVICE = 4,  /* the device did not appear */
	EXIT_HEADER = 5,     /* header refused: format, seal or policy */
	EXIT_WRONG_KEY = 6,
	EXIT_IO = 7,         /* device-mapper or I/O */
	EXIT_NOT_WIPED = 8,  /* the secret is still there */
};

const char *exitcode_text(int code);

#endif
