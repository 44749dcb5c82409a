/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_OPTIONS_H
#define COCOSECRET_OPTIONS_H

#include "boot/run.h"
#include "config/cmdline.h"
#include "config/cocotab.h"

#define OPTIONS_HELP \
	"  --cocotab FILE  read FILE instead of " COCOTAB_PATH "\n" \
	"  --cmdline FILE  read FILE instead of " CMDLINE_PATH "\n" \
	"  --help          print this\n" \
	"  --version       print the version\n"

enum { OPTIONS_DONE = -1, OPTIONS_WRONG = -2 };

/*
 * Of a program that does what the configuration says. The first word's index; or OPTIONS_DONE where
 * it asked for @help or the version, OPTIONS_WRONG where argv[optind - 1] is no option.
 */
int options_read(int argc, char **argv, void (*help)(void), struct run_arguments *arguments);

#endif
