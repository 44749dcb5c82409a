// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret-agent: gets a confidential VM's secrets from a key broker, for cocosecret-unlock. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/bring.h"
#include "config/broker.h"
#include "config/cmdline.h"
#include "config/cocotab.h"
#include "header/derive.h"
#include "lib/exitcode.h"

/* A descriptor of ours that took a missing stream's place would be written to by its name. */
static void harden(void)
{
	static const struct rlimit none = { 0, 0 };
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	umask(077);
}

static void help(void)
{
	puts("Usage: cocosecret-agent [--cocotab FILE] [--cmdline FILE]\n"
	     "\n"
	     "Proves to a key broker what this machine runs (SEV-SNP, TDX), and puts the secrets that\n"
	     "it gives where cocosecret-unlock takes them with rd.cocosecret.source=run. The broker is\n"
	     "rd.cocosecret.kbs=http://HOST:PORT, vsock:CID:PORT or serial:NAME on the kernel command\n"
	     "line or in " BROKER_FILE "; without it, nothing is done.\n"
	     "\n"
	     "  --cocotab FILE  read FILE instead of " COCOTAB_PATH "\n"
	     "  --cmdline FILE  read FILE instead of " CMDLINE_PATH "\n"
	     "  --help          print this\n"
	     "  --version       print the version\n"
	     "\n"
	     "Exit status: 0 the secrets are there, 2 usage or configuration, 3 no secret, 7 I/O.\n"
	     "See cocosecret-agent(8).");
}

int main(int argc, char **argv)
{
	enum { OPTION_COCOTAB = 1, OPTION_CMDLINE, OPTION_HELP, OPTION_VERSION };
	static const struct option options[] = {
		{ "cocotab", required_argument, NULL, OPTION_COCOTAB },
		{ "cmdline", required_argument, NULL, OPTION_CMDLINE },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ 0 },
	};
	struct bring_arguments arguments = { 0 };
	int option;

	harden();
	derive_settle();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OPTION_COCOTAB:
			arguments.cocotab = optarg;
			break;
		case OPTION_CMDLINE:
			arguments.cmdline = optarg;
			break;
		case OPTION_HELP:
			help();
			return EXIT_OPENED;
		case OPTION_VERSION:
			puts("cocosecret-agent " COCOSECRET_VERSION);
			return EXIT_OPENED;
		default:
			return EXIT_CONFIG;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "cocosecret-agent: unknown argument %s; see --help\n", argv[optind]);
		return EXIT_CONFIG;
	}
	return bring_secrets(&arguments);
}
