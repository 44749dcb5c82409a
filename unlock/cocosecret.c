// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret: the owner's and image builder's commands. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "commands.h"
#include "exitcode.h"

static const struct command {
	const char *group;
	const char *name;
	int (*main)(int argc, char **argv);
	const char *arguments;
	const char *help;
} commands[] = {
	{ "table", "build", table_build_main, "-o FILE [--max BYTES] UUID=KEYFILE...",
	  "write a secret table for LAUNCH_SECRET" },
	{ "table", "show", table_show_main, "FILE", "list a table's secrets, without their bytes" },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("cocosecret: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\n", stderr);
	va_end(args);
}

static void usage(FILE *out)
{
	fputs("Usage:\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  cocosecret %s %s %s\n      %s\n", commands[i].group, commands[i].name,
			commands[i].arguments, commands[i].help);
	fputs("  cocosecret --help | --version\nSee cocosecret(1).\n", out);
}

static const struct command *find_command(int argc, char **argv)
{
	for (size_t i = 0; i < COMMANDS && argc > 2; i++)
		if (strcmp(argv[1], commands[i].group) == 0 && strcmp(argv[2], commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

static int run(const struct command *command, int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		printf("Usage: cocosecret %s %s %s\n  %s\nSee cocosecret(1).\n", command->group,
		       command->name, command->arguments, command->help);
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
		return run(command, argc - 2, argv + 2);
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
