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
#define OPTION_HEADER "  -H, --header FILE        a detached header, in place of DEVICE\n" \
	"  -p, --partition WHICH    of a disk image: its number, label or UUID\n"
#define OPTION_SECRET "  -s, --secret UUID        the secret; by default the disk key, 736869e5-...\n"
#define OPTION_ALSO   "  -a, --also UUID=KEYFILE  another secret of the header; seal it again too\n"
#define OPTION_SIGN   "  -S, --sign-key URI       the owner's private key: sign it, too\n"
#define OPTION_FORCE  "  -f, --force              leave other tokens without a valid seal\n"
#define OPTION_QUIET  "  -q, --quiet              say nothing where all is well\n"
#define OPTION_JSON   "  -j, --json               for programs\n"
#define OPTION_PLACE  "      --secrets DIR        look for the secrets there\n"

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
	  "  -o, --output FILE        a file that does not exist yet; - is stdout\n"
	  "  -O, --owner              a pair of keys to sign with: FILE, and FILE.pub\n"
	  "  -b, --bytes N            32 to 512; by default 32\n"
	  "  -f, --force              replace an existing file, and with it the key in it\n"
	  OPTION_QUIET },
	{ "table", "build", table_build_main, "-o FILE [--max BYTES] [-q] [UUID=]KEYFILE...",
	  "write a secret table for LAUNCH_SECRET",
	  "  -o, --output FILE        the table; replaced when all is well; - is stdout\n"
	  "  -m, --max BYTES          what the firmware's area holds; by default 3072\n"
	  OPTION_QUIET
	  "Without a UUID a key is the disk key, 736869e5-84f0-4973-92ec-06879ce3da0b.\n" },
	{ "table", "show", table_show_main, "FILE [--json]",
	  "list a table's secrets, without their bytes", OPTION_JSON },
	{ "table", "check", table_check_main, "FILE [--max BYTES]",
	  "say whether a table will be taken, and if not, why",
	  "  -m, --max BYTES          what the firmware's area holds; by default 3072\n" },
	{ NULL, "enroll", enroll_main,
	  "DEVICE --new-key-file KEY [--key-file OPENS] [OPTIONS]",
	  "give a LUKS2 volume a key slot for a secret, and seal it",
	  "  -d, --key-file OPENS     a key that opens it; else ask for a passphrase\n"
	  "  -N, --new-key-file KEY   the secret's key, 32 random bytes or more\n"
	  "  -n, --name NAME          the only name under which it will open\n"
	  OPTION_HEADER OPTION_SECRET OPTION_ALSO OPTION_SIGN OPTION_FORCE OPTION_QUIET },
	{ NULL, "seal", seal_main, "DEVICE --key-file KEY [OPTIONS]",
	  "seal a header again after a wanted change",
	  "  -d, --key-file KEY       the secret's key\n"
	  OPTION_HEADER OPTION_SECRET OPTION_ALSO OPTION_SIGN
	  "      --to-sign FILE       write what is to be signed elsewhere\n"
	  "      --signature FILE     take the signature that was made there\n"
	  "  -O, --owner FILE         the public key of whoever signs there\n"
	  "  -f, --force              seal what it says now, even with a broken seal, and\n"
	  "                           leave other tokens without a valid seal\n"
	  OPTION_QUIET
	  "Without --force a header whose seal is broken is shown and left as it is.\n" },
	{ NULL, "verify", verify_main, "DEVICE --key-file KEY [OPTIONS]",
	  "say whether a header is sealed, and if not, why",
	  "  -d, --key-file KEY       the secret's key\n"
	  "  -n, --name NAME          the name under which it must open\n"
	  "  -O, --owner FILE         the public key of the owner who must have signed it\n"
	  OPTION_HEADER OPTION_SECRET OPTION_JSON OPTION_QUIET },
	{ NULL, "rotate", rotate_main, "DEVICE --key-file OLD --new-key-file NEW [OPTIONS]",
	  "replace a secret's old key with a new one",
	  "  -d, --key-file OLD       the secret's present key\n"
	  "  -N, --new-key-file NEW   its key from now on\n"
	  OPTION_HEADER OPTION_SECRET OPTION_ALSO OPTION_SIGN OPTION_FORCE OPTION_QUIET
	  "After an interruption, the same command finishes the rotation.\n" },
	{ NULL, "remove", remove_main,
	  "DEVICE --secret UUID|--token N --key-file KEY [...]",
	  "take a token and its key slot away, and seal the others",
	  "  -s, --secret UUID        the secret whose token goes\n"
	  "  -t, --token N            its number, as cocosecret show has it\n"
	  "  -d, --key-file KEY       a key that stays, of a token or an owner's; may be\n"
	  "                           repeated\n"
	  OPTION_HEADER OPTION_ALSO OPTION_SIGN OPTION_FORCE OPTION_QUIET
	  "The last way to open the volume is never removed.\n" },
	{ NULL, "show", show_main, "DEVICE [--json] [OPTIONS]",
	  "show what a header says; needs no key",
	  OPTION_HEADER OPTION_JSON },
	{ NULL, "initrd", initrd_main, "-o FILE [OPTIONS]",
	  "make an initramfs of one program, cocosecret-init",
	  "  -o, --output FILE        the image; replaced when all is well\n"
	  "  -l, --list               print each file, its size and why it is there\n"
	  "  -k, --kver VERSION       of the kernel; default: the one in /lib/modules\n"
	  "  -T, --cocotab FILE       in place of /etc/cocotab\n"
	  "  -H, --header FILE        a detached header to take along; may be repeated\n"
	  "  -O, --owner FILE         an owner's public key, who must have signed; may be\n"
	  "                           repeated; default: those of /etc/cocosecret/owner.d\n"
	  "  -B, --kbs FILE           with cocosecret-agent, and this as its configuration;\n"
	  "                           default: /etc/cocosecret/kbs, if it is there; with\n"
	  "                           FILE.pem, who answers behind https://\n"
	  "  -D, --drivers NAME,...   of the disks; default: virtio, NVMe and SCSI\n"
	  "  -F, --filesystems NAME,...\n"
	  "                           of the root; default: that of /etc/fstab, or all\n"
	  "  -M, --modules NAME,...   more that every boot loads; may be repeated\n"
	  "  -z, --compress WHAT      zstd (by default), gzip, xz or none\n"
	  "  -I, --init FILE          in place of the installed cocosecret-init\n" },
	{ NULL, "uki", uki_main, "-o FILE --kernel FILE --initrd FILE --cmdline TEXT [...]",
	  "put kernel and initramfs into one file, behind the wall",
	  "  -o, --output FILE        the file; replaced when all is well\n"
	  "  -K, --kernel FILE        a kernel with an EFI stub, as distributions have it\n"
	  "  -i, --initrd FILE        its initramfs\n"
	  "  -c, --cmdline TEXT       its command line\n"
	  "      --stub FILE          in place of the installed cocosecret-stub.efi\n"
	  "  -S, --sign-key FILE      sign file and kernel by sbsign, for Secure Boot\n"
	  "  -C, --sign-cert FILE     the key's certificate\n"
	  "  -P, --print-measurement  print what SEV's table of hashes holds for it\n" },
	{ NULL, "audit", audit_main, "ROOT [--json] [--cmdline TEXT] [--closed-initramfs]",
	  "list the doors that an image's root leaves to a host",
	  OPTION_JSON
	  "  -c, --cmdline TEXT       the measured kernel command line, in place of what\n"
	  "                           ROOT has for its boot loaders\n"
	  "      --closed-initramfs   an initramfs of cocosecret starts it, made elsewhere\n"
	  "ROOT is a folder, or / for the running system. Exit status 1: a door is open.\n" },
	{ NULL, "list", list_main, "[--json] [--secrets DIR]",
	  "in a guest: the secrets that are there", OPTION_JSON OPTION_PLACE },
	{ NULL, "status", status_main, "[--json] [--secrets DIR] [--state DIR]",
	  "in a guest: what this boot opened, verified and wiped",
	  OPTION_JSON OPTION_PLACE
	  "      --state DIR          read the records of cocosecret-unlock there\n" },
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

static bool is_in(const struct command *command, const char *name)
{
	return command->group && strcmp(command->group, name) == 0;
}

/* Of all commands, or of those of a group only. */
static void print_commands(FILE *out, const char *only)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!only || is_in(&commands[i], only))
			fprintf(out, "  %s%s%-*s %s\n", group(&commands[i]), space(&commands[i]),
				(int)(12 - strlen(group(&commands[i])) - strlen(space(&commands[i]))),
				commands[i].name, commands[i].help);
}

static void usage(FILE *out)
{
	fputs("Usage: cocosecret COMMAND ...\n\n"
	      "For the owner of a confidential VM's secrets; devices may be image files:\n", out);
	print_commands(out, NULL);
	fputs("\ncocosecret COMMAND --help lists its options, as cocosecret help COMMAND does.\n"
	      "Keys are files, or - for standard input. Where no secret is named, it is the\n"
	      "usual disk key. cocosecret(1) lists the exit statuses; cocosecret(7) tells how\n"
	      "it all works.\n", out);
}

static void group_usage(FILE *out, const char *name)
{
	fprintf(out, "Usage: cocosecret %s COMMAND ...\n\n", name);
	print_commands(out, name);
	fprintf(out, "\ncocosecret help %s COMMAND lists its options. See cocosecret-%s(1).\n", name, name);
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

/* A second spelling of a command, which means the same. */
static const char *spelling(const char *word)
{
	return strcmp(word, "enrol") == 0 ? "enroll" : word;
}

/* The first words name it. */
static const struct command *find_command(int count, char **word)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *command = &commands[i];

		if (count >= words(command) && (!command->group || is_in(command, word[0])) &&
		    strcmp(spelling(word[words(command) - 1]), command->name) == 0)
			return command;
	}
	return NULL;
}

static const char *find_group(int count, char **word)
{
	for (size_t i = 0; i < COMMANDS && count > 0; i++)
		if (is_in(&commands[i], word[0]))
			return commands[i].group;
	return NULL;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static bool asks_help(int count, char **word)
{
	for (int i = 0; i < count && strcmp(word[i], "--") != 0; i++)
		if (is_help(word[i]))
			return true;
	return false;
}

static int refuse(int count, char **word)
{
	const char *in = find_group(count, word);

	if (in && count > 1)
		complain("there is no command %s %s; see cocosecret help %s", in,
			 ESCAPED(slice_of(word[1])), in);
	else
		complain("there is no command %s; see cocosecret --help", ESCAPED(slice_of(word[0])));
	return EXIT_CONFIG;
}

/* Of the words before an option: of all, of a group or of a command. */
static int help(int count, char **word)
{
	const struct command *command = find_command(count, word);
	const char *in = find_group(count, word);

	if (command)
		print_help(command);
	else if (count == 0 || word[0][0] == '-')
		usage(stdout);
	else if (in && (count == 1 || word[1][0] == '-'))
		group_usage(stdout, in);
	else
		return refuse(count, word);
	return EXIT_OPENED;
}

/* Nothing was asked for: what there is. */
static int miss(int count, char **word)
{
	if (count == 0)
		usage(stderr);
	else
		group_usage(stderr, word[0]);
	return EXIT_CONFIG;
}

static int run(int count, char **word)
{
	const struct command *command = find_command(count, word);

	if (count > 0 && strcmp(word[0], "help") == 0)
		return help(count - 1, word + 1);
	if (asks_help(count, word))
		return help(count, word);
	if (command)
		return command->main(count - words(command) + 1, word + words(command) - 1);
	if (count == 1 && (strcmp(word[0], "--version") == 0 || strcmp(word[0], "-V") == 0)) {
		puts("cocosecret " COCOSECRET_VERSION);
		return EXIT_OPENED;
	}
	if (count == 0 || (count == 1 && find_group(count, word)))
		return miss(count, word);
	return refuse(count, word);
}

int main(int argc, char **argv)
{
	harden();
	return run(argc - 1, argv + 1);
}
