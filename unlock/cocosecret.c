// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret: the owner's and image builder's commands. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "commands.h"
#include "exitcode.h"
#include "log.h"

static const struct command {
	const char *group; /* NULL: the command is one word */
	const char *name;
	int (*main)(int argc, char **argv);
	const char *arguments;
	const char *help;
} commands[] = {
	{ "table", "build", table_build_main, "-o FILE [--max BYTES] UUID=KEYFILE...",
	  "write a secret table for LAUNCH_SECRET" },
	{ "table", "show", table_show_main, "FILE", "list a table's secrets, without their bytes" },
	{ NULL, "enroll", enroll_main, "DEVICE|--header FILE [--secret UUID] [--name NAME] "
	  "--new-key-file KEY --key-file EXISTING [--also UUID=KEYFILE]... [--force]",
	  "give a LUKS2 volume a key slot for a launch secret, and seal its header" },
	{ NULL, "seal", seal_main, "DEVICE|--header FILE [--secret UUID] --key-file KEY "
	  "[--also UUID=KEYFILE]... [--force]", "seal a header again after a wanted change" },
	{ NULL, "verify", verify_main, "DEVICE|--header FILE [--secret UUID] [--name NAME] "
	  "--key-file KEY",
	  "say whether a header is sealed, and if not, why" },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void vcomplain(const char *format, va_list args)
{
	fputs("cocosecret: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\n", stderr);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcomplain(format, args);
	va_end(args);
}

/* libcryptsetup's words, which elsewhere go to the kernel log. */
void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	(void)level;
	va_start(args, format);
	vcomplain(format, args);
	va_end(args);
}

static void print_usage(FILE *out, const char *before, const struct command *command)
{
	fprintf(out, "%scocosecret %s%s%s %s\n      %s\n", before,
		command->group ? command->group : "", command->group ? " " : "", command->name,
		command->arguments, command->help);
}

static void usage(FILE *out)
{
	fputs("Usage:\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		print_usage(out, "  ", &commands[i]);
	fputs("  cocosecret --help | --version\n"
	      "KEY, KEYFILE and EXISTING are files, or - for standard input.\n"
	      "Exit status: 0 success, 2 usage, 5 header refused, 6 wrong key, 7 I/O.\n"
	      "See cocosecret(1).\n", out);
}

/* How many words of the command line name the command. */
static int words(const struct command *command)
{
	return command->group ? 2 : 1;
}

static const struct command *find_command(int argc, char **argv)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *command = &commands[i];

		if (argc > words(command) &&
		    (!command->group || strcmp(argv[1], command->group) == 0) &&
		    strcmp(argv[words(command)], command->name) == 0)
			return command;
	}
	return NULL;
}

static int run(const struct command *command, int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		print_usage(stdout, "Usage: ", command);
		puts("See cocosecret(1).");
		return EXIT_OPENED;
	}
	return command->main(argc, argv);
}

static void harden(void)
{
	static const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
}

int main(int argc, char **argv)
{
	const struct command *command = find_command(argc, argv);

	harden();
	if (command)
		return run(command, argc - words(command), argv + words(command));
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0) {
			usage(stdout);
			return EXIT_OPENED;
		}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("cocosecret " COCOSECRET_VERSION);
		return EXIT_OPENED;
	}
	usage(stderr);
	return EXIT_CONFIG;
}
