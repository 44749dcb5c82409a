// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret: the owner's and image builder's commands. */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/exitcode.h"
#include "lib/harden.h"
#include "lib/log.h"
#include "lib/text.h"
#include "owner/commands.h"

/* Options that mean the same for several commands, in the words of all of them. */
#define OPTION_HEADER "  --header FILE        a detached header, in place of DEVICE\n" \
	"  --partition WHICH    of a disk image: its number, label or UUID\n"
#define OPTION_SECRET "  --secret UUID        the secret; by default the disk key, 736869e5-...\n"
#define OPTION_ALSO   "  --also UUID=KEYFILE  another secret of the header; seal it again too\n"
#define OPTION_SIGN   "  --sign-key URI       the owner's private key: sign it, too\n"
#define OPTION_FORCE  "  --force              leave other tokens without a valid seal\n"
#define OPTION_QUIET  "  -q, --quiet          say nothing where all is well\n"
#define OPTION_JSON   "  --json               for programs\n"
#define OPTION_PLACE  "  --secrets DIR        look for the secrets there\n"

static const struct command {
	const char *group; /* NULL: the command is one word */
	const char *name;
	int (*main)(int argc, char **argv);
	const char *arguments;
	const char *help;
	const char *options;
} commands[] = {
	{ NULL, "keygen", keygen_main, "-o FILE [--bytes N | --owner] [--force] [-q]",
	  "make a random key",
	  "  -o, --output FILE    a file that does not exist yet; - is stdout\n"
	  "  --owner              a pair of keys to sign headers with: FILE, and FILE.pub\n"
	  "  --bytes N            32 to 512; by default 32\n"
	  "  --force              replace an existing file, and with it the key in it\n"
	  OPTION_QUIET },
	{ "table", "build", table_build_main, "-o FILE [--max BYTES] [-q] [UUID=]KEYFILE...",
	  "write a secret table for LAUNCH_SECRET",
	  "  -o, --output FILE    the table; replaced when all is well; - is stdout\n"
	  "  --max BYTES          what the firmware's area holds; by default 3072\n"
	  OPTION_QUIET
	  "Without a UUID a key is the disk key, 736869e5-84f0-4973-92ec-06879ce3da0b.\n" },
	{ "table", "show", table_show_main, "FILE", "list a table's secrets, without their bytes", "" },
	{ "table", "check", table_check_main, "FILE [--max BYTES]",
	  "say whether a table will be taken, and if not, why",
	  "  --max BYTES          what the firmware's area holds; by default 3072\n" },
	{ NULL, "enroll", enroll_main,
	  "DEVICE --new-key-file KEY [--key-file OPENS] [OPTIONS]",
	  "give a LUKS2 volume a key slot for a secret, and seal it",
	  "  --key-file OPENS     a key that opens it; else ask for a passphrase\n"
	  "  --new-key-file KEY   the secret's key, 32 random bytes or more\n"
	  "  --name NAME          the only name under which it will open\n"
	  OPTION_HEADER OPTION_SECRET OPTION_ALSO OPTION_SIGN OPTION_FORCE OPTION_QUIET },
	{ NULL, "seal", seal_main, "DEVICE --key-file KEY [OPTIONS]",
	  "seal a header again after a wanted change",
	  "  --key-file KEY       the secret's key\n"
	  OPTION_HEADER OPTION_SECRET OPTION_ALSO OPTION_SIGN
	  "  --to-sign FILE       write what is to be signed elsewhere\n"
	  "  --signature FILE     take the signature that was made there\n"
	  "  --owner FILE         the public key of whoever signs there\n"
	  "  --force              seal what it says now, even with a broken seal, and\n"
	  "                       leave other tokens without a valid seal\n"
	  OPTION_QUIET
	  "Without --force a header whose seal is broken is shown and left as it is.\n" },
	{ NULL, "verify", verify_main, "DEVICE --key-file KEY [OPTIONS]",
	  "say whether a header is sealed, and if not, why",
	  "  --key-file KEY       the secret's key\n"
	  "  --name NAME          the name under which it must open\n"
	  "  --owner FILE         the public key of the owner who must have signed it\n"
	  OPTION_HEADER OPTION_SECRET OPTION_QUIET },
	{ NULL, "rotate", rotate_main, "DEVICE --key-file OLD --new-key-file NEW [OPTIONS]",
	  "replace a secret's old key with a new one",
	  "  --key-file OLD       the secret's present key\n"
	  "  --new-key-file NEW   its key from now on\n"
	  OPTION_HEADER OPTION_SECRET OPTION_ALSO OPTION_SIGN OPTION_FORCE OPTION_QUIET
	  "After an interruption, the same command finishes the rotation.\n" },
	{ NULL, "initrd", initrd_main, "-o FILE [OPTIONS]",
	  "make an initramfs of one program, cocosecret-init",
	  "  -o, --output FILE    the image; replaced when all is well\n"
	  "  --list               print each file, its size and why it is there\n"
	  "  --kver VERSION       of the kernel; by default the one in /lib/modules\n"
	  "  --cocotab FILE       in place of /etc/cocotab\n"
	  "  --header FILE        a detached header to take along; may be repeated\n"
	  "  --owner FILE         the public key of an owner who must have signed the\n"
	  "                       header; may be repeated; by default those of\n"
	  "                       /etc/cocosecret/owner.d\n"
	  "  --drivers NAME,...   of the disks; default: virtio, NVMe and SCSI\n"
	  "  --filesystems NAME,...\n"
	  "                       of the root; default: ext4, xfs, btrfs and squashfs\n"
	  "  --modules NAME,...   more that every boot loads; may be repeated\n"
	  "  --compress WHAT      zstd (by default), gzip, xz or none\n"
	  "  --init FILE          in place of the installed cocosecret-init\n" },
	{ NULL, "uki", uki_main, "-o FILE --kernel FILE --initrd FILE --cmdline TEXT [...]",
	  "put kernel and initramfs into one file, behind the wall",
	  "  -o, --output FILE    the file; replaced when all is well\n"
	  "  --kernel FILE        a kernel with an EFI stub, as distributions have it\n"
	  "  --initrd FILE        its initramfs\n"
	  "  --cmdline TEXT       its command line\n"
	  "  --stub FILE          in place of the installed cocosecret-stub.efi\n"
	  "  --sign-key FILE      sign file and kernel by sbsign, for Secure Boot\n"
	  "  --sign-cert FILE     the key's certificate\n"
	  "  --print-measurement  print what SEV's table of hashes holds for it\n" },
	{ NULL, "audit", audit_main, "ROOT [--json] [--cmdline TEXT] [--closed-initramfs]",
	  "list the doors that an image's root leaves to a host",
	  OPTION_JSON
	  "  --cmdline TEXT       the measured kernel command line, in place of what ROOT\n"
	  "                       has for its boot loaders\n"
	  "  --closed-initramfs   an initramfs of cocosecret starts it, made elsewhere\n"
	  "ROOT is a folder, or / for the running system. Exit status 1: a door is open.\n" },
	{ NULL, "list", list_main, "[--json] [--secrets DIR]",
	  "in a guest: the secrets that are there", OPTION_JSON OPTION_PLACE },
	{ NULL, "status", status_main, "[--json] [--secrets DIR] [--state DIR]",
	  "in a guest: what this boot opened, verified and wiped",
	  OPTION_JSON OPTION_PLACE
	  "  --state DIR          read the records of cocosecret-unlock there\n" },
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

static bool is_aside, is_quiet;

void say_aside(void)
{
	is_aside = true;
}

void say_nothing(void)
{
	is_quiet = true;
}

void say(const char *format, ...)
{
	FILE *out = is_aside ? stderr : stdout;
	va_list args;

	if (is_quiet)
		return;
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fputs("\n", out);
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

static const char *group(const struct command *command)
{
	return command->group ? command->group : "";
}

static const char *space(const struct command *command)
{
	return command->group ? " " : "";
}

static void usage(FILE *out)
{
	fputs("Usage: cocosecret COMMAND ...\n\n"
	      "For the owner of a confidential VM's secrets; devices may be image files:\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %s%s%-*s %s\n", group(&commands[i]), space(&commands[i]),
			(int)(12 - strlen(group(&commands[i])) - strlen(space(&commands[i]))),
			commands[i].name, commands[i].help);
	fputs("\ncocosecret COMMAND --help lists its options. Keys are files, or - for standard\n"
	      "input. The secret is 736869e5-84f0-4973-92ec-06879ce3da0b, the usual disk key,\n"
	      "where no other is named.\n"
	      "\nExit status: 0 success, 1 a door (audit), 2 usage or a malformed file, 3 no\n"
	      "secret area, 5 header refused, 6 wrong key, 7 I/O. See cocosecret(1) and (7).\n", out);
}

static void print_help(const struct command *command)
{
	printf("Usage: cocosecret %s%s%s %s\n\n%c%s.\n%s%sSee cocosecret-%s(1).\n",
	       group(command), space(command), command->name, command->arguments,
	       toupper(command->help[0]), command->help + 1, command->options[0] ? "\n" : "",
	       command->options, command->group ? command->group : command->name);
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

static bool asks_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

static int run(const struct command *command, int argc, char **argv)
{
	if (asks_help(argc, argv)) {
		print_help(command);
		return EXIT_OPENED;
	}
	return command->main(argc, argv);
}

int main(int argc, char **argv)
{
	const struct command *command = find_command(argc, argv);

	harden();
	if (command)
		return run(command, argc - words(command), argv + words(command));
	if (asks_help(argc, argv)) {
		usage(stdout);
		return EXIT_OPENED;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("cocosecret " COCOSECRET_VERSION);
		return EXIT_OPENED;
	}
	if (argc == 1) {
		usage(stderr);
		return EXIT_CONFIG;
	}
	complain("there is no command %s; see cocosecret --help", ESCAPED(slice_of(argv[1])));
	return EXIT_CONFIG;
}
