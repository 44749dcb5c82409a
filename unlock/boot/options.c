// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

int options_read(int argc, char **argv, void (*help)(void), struct run_arguments *arguments)
{
	enum { OPTION_COCOTAB = 1, OPTION_CMDLINE, OPTION_HELP, OPTION_VERSION };
	static const struct option options[] = {
		{ "cocotab", required_argument, NULL, OPTION_COCOTAB },
		{ "cmdline", required_argument, NULL, OPTION_CMDLINE },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ 0 },
	};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OPTION_COCOTAB:
			arguments->cocotab = optarg;
			break;
		case OPTION_CMDLINE:
			arguments->cmdline = optarg;
			break;
		case OPTION_HELP:
			help();
			return OPTIONS_DONE;
		case OPTION_VERSION:
			printf("%s " COCOSECRET_VERSION "\n", program_invocation_short_name);
			return OPTIONS_DONE;
		default:
			return OPTIONS_WRONG;
		}
	}
	return optind;
}
