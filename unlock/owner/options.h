/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_OPTIONS_H
#define COCOSECRET_OPTIONS_H

#include <getopt.h>
#include <stdint.h>

enum option_id {
#define OPTION(name, long_name, letter, argument) OPTION_##name,
#include "owner/options.def"
#undef OPTION
	OPTION_COUNT,
};

/* Of a set of options that a command takes. */
#define TAKES(name) (UINT64_C(1) << OPTION_##name)

enum { OPTIONS_END = -1, OPTIONS_WRONG = -2 };

/* The options of one command line. */
struct options {
	const char *command; /* for messages */
	struct option list[OPTION_COUNT + 1];
	char letters[2 * OPTION_COUNT + 2];
};

void options_begin(struct options *options, const char *command, uint64_t takes);

/*
 * The next option, its value in optarg, as getopt has it; or OPTIONS_END, with the rest from optind
 * on; or OPTIONS_WRONG, reported.
 */
int options_next(const struct options *options, int argc, char **argv);

#endif
