// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret-agent: gets a confidential VM's secrets from a key broker, for cocosecret-unlock. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/bring.h"
#include "boot/options.h"
#include "config/broker.h"
#include "header/derive.h"
#include "lib/exitcode.h"
#include "lib/harden.h"

/* A descriptor of ours that took a missing stream's place would be written to by its name. */
static void fill_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static void help(void)
{
	puts("Usage: cocosecret-agent [--cocotab FILE] [--cmdline FILE]\n"
	     "\n"
	     "Proves to a key broker what this machine runs (SEV-SNP, TDX), and puts the secrets that\n"
	     "it gives where cocosecret-unlock takes them with rd.cocosecret.source=run. The broker is\n"
	     "rd.cocosecret.kbs=http://HOST:PORT, https://HOST:PORT, vsock:CID:PORT or serial:NAME on\n"
	     "the kernel command line or in " BROKER_FILE "; without it, nothing is done.\n"
	     "\n"
	     OPTIONS_HELP
	     "\n"
	     "Exit status: 0 the secrets are there, 2 usage or configuration, 3 no secret, 7 I/O.\n"
	     "See cocosecret-agent(8).");
}

int main(int argc, char **argv)
{
	struct run_arguments arguments = { .ciphers = -1 };
	int first;

	fill_streams();
	harden();
	umask(077);
	derive_settle();
	first = options_read(argc, argv, help, &arguments);
	if (first == OPTIONS_DONE)
		return EXIT_OPENED;
	if (first == argc)
		return bring_secrets(&arguments, argv);
	fprintf(stderr, "cocosecret-agent: unknown or incomplete argument %s; see --help\n",
		argv[first == OPTIONS_WRONG ? optind - 1 : first]);
	return EXIT_CONFIG;
}
