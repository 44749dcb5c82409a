// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret-unlock: opens the configured volumes with launch secrets, then wipes the secrets. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/failure.h"
#include "boot/hand_over.h"
#include "boot/module.h"
#include "boot/options.h"
#include "boot/root_word.h"
#include "boot/run.h"
#include "boot/wipe.h"
#include "config/cocotab.h"
#include "header/derive.h"
#include "lib/exitcode.h"
#include "lib/harden.h"
#include "lib/log.h"

static void help(void)
{
	puts("Usage: cocosecret-unlock [--cocotab FILE] [--cmdline FILE]\n"
	     "       cocosecret-unlock verify-root | root-mounted | hand-over DIR\n"
	     "       cocosecret-unlock wipe | wipe-rest | fail | on-failure | load-ciphers |\n"
	     "                         explain-root\n"
	     "\n"
	     "Opens the volumes of " COCOTAB_PATH " and of rd.cocosecret= on the kernel command line\n"
	     "with launch secrets, and wipes the secrets. Runs in the initramfs, as root. A run that\n"
	     "fails wipes every launch secret.\n"
	     "\n"
	     "  verify-root DIR  succeed only if everything mounted at DIR and below lies on\n"
	     "                   volumes that this boot unlocked, and DIR itself on the root's; else\n"
	     "                   wipe every launch secret\n"
	     "  root-mounted DIR the same, but do nothing if rd.cocosecret=0\n"
	     "  hand-over DIR    the same, then keep the host's credentials, EFI variables and\n"
	     "                   partitions from the root, and wipe-rest; last before the switch\n"
	     "  wipe             wipe every launch secret\n"
	     "  wipe-rest        wipe every launch secret if a volume has the option wipe-rest\n"
	     "  fail             wipe, then do what rd.cocosecret.on-failure= says\n"
	     "  on-failure       print what it says: poweroff, reboot, halt, shell; or off\n"
	     "  explain-root     say why the root is not mounted, if root= is the reason\n"
	     "  load-ciphers     load dm-crypt and the usual ciphers, so that a run need not wait\n"
	     "\n"
	     OPTIONS_HELP
	     "\n"
	     "Exit status: 0 all opened, 2 usage or configuration, 3 no secret, 4 no device,\n"
	     "5 header or root refused, 6 wrong key, 7 device-mapper or I/O, 8 secret not wiped.\n"
	     "See cocosecret-unlock(8) and cocotab(5).");
}

/* The one mistake a person at a terminal makes: said there, too. */
static int refuse(const char *argument)
{
	fprintf(stderr, "cocosecret-unlock: unknown or incomplete argument %s; see --help\n", argument);
	log_error("unknown or incomplete argument %s; see --help (exit %d)",
		  ESCAPED(slice_of(argument)), EXIT_CONFIG);
	return EXIT_CONFIG;
}

static int explain_root(void)
{
	root_word_explain();
	return EXIT_OPENED;
}

static int load_ciphers(void)
{
	module_load_ciphers();
	return EXIT_OPENED;
}

static const struct {
	const char *name;
	int (*run)(void);
} verbs[] = {
	{ "load-ciphers", load_ciphers },
	{ "wipe", wipe },
	{ "wipe-rest", wipe_rest },
	{ "fail", failure_end_boot },
	{ "on-failure", failure_print },
	{ "explain-root", explain_root },
};

static const struct {
	const char *name;
	int (*run)(const char *dir);
} verbs_of_dir[] = {
	{ "verify-root", hand_over_verify },
	{ "root-mounted", hand_over_mounted },
	{ "hand-over", hand_over },
};

/* argv begins with the first word that is no option. */
static int run_verb(const struct run_arguments *arguments, int argc, char **argv)
{
	if (argc == 0)
		return run_unlock(arguments);
	if (arguments->cocotab || arguments->cmdline)
		return refuse(argv[0]);
	for (size_t i = 0; i < sizeof(verbs_of_dir) / sizeof(*verbs_of_dir); i++)
		if (argc == 2 && strcmp(argv[0], verbs_of_dir[i].name) == 0)
			return verbs_of_dir[i].run(argv[1]);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (argc == 1 && strcmp(argv[0], verbs[i].name) == 0)
			return verbs[i].run();
	return refuse(argv[0]);
}

int main(int argc, char **argv)
{
	struct run_arguments arguments = { .ciphers = -1 };
	int first, code;

	harden();
	umask(077);
	derive_settle();
	first = options_read(argc, argv, help, &arguments);
	if (first == OPTIONS_DONE)
		return EXIT_OPENED;
	if (first == OPTIONS_WRONG)
		return refuse(argv[optind - 1]);
	code = run_verb(&arguments, argc - first, argv + first);
	/* What libraries would tidy up at an exit takes time, and goes with the process anyway. */
	fflush(stdout);
	_exit(code);
}
