/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TERMINAL_H
#define COCOSECRET_TERMINAL_H

#include "lib/secret.h"

/*
 * Asks at the terminal, without echo, and takes the line into locked memory, without its newline.
 * 0, or a negative errno: -ENXIO where there is no terminal, -EINTR where the user gave up.
 */
int terminal_ask(const char *question, struct secret *answer);

#endif
