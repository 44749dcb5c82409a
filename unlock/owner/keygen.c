// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "header/seal.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/secret.h"
#include "owner/commands.h"
#include "owner/output.h"

enum {
	BYTES_DEFAULT = 32, /* all that HKDF-SHA256 and AES-256 can use */
	BYTES_MAX = 512,    /* what programs take as a passphrase */
};

struct keygen {
	const char *output;
	size_t size;
	bool force;
};

static int parse_bytes(const char *text, size_t *size)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || value < SEAL_SECRET_MIN ||
	    value > BYTES_MAX) {
		complain("keygen: --bytes %s: not a number from %d to %d", text, SEAL_SECRET_MIN,
			 BYTES_MAX);
		return EXIT_CONFIG;
	}
	*size = value;
	return EXIT_OPENED;
}

static int parse_arguments(struct keygen *keygen, int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "force", no_argument, NULL, 'f' },
		{ 0 },
	};
	int option, r = EXIT_OPENED;

	opterr = 0;
	optind = 0; /* getopt starts afresh, also where a test calls this twice */
	while (r == 0 && (option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (option == 'o') {
			keygen->output = optarg;
		} else if (option == 'b') {
			r = parse_bytes(optarg, &keygen->size);
		} else if (option == 'f') {
			keygen->force = true;
		} else {
			complain("keygen: unknown or incomplete option %s; see cocosecret keygen "
				 "--help", argv[optind - 1]);
			r = EXIT_CONFIG;
		}
	}
	if (r == 0 && (!keygen->output || optind != argc)) {
		complain("keygen: wants -o FILE and nothing else; see cocosecret keygen --help");
		r = EXIT_CONFIG;
	}
	return r;
}

static int fill(struct secret *key, size_t size)
{
	int r = secret_allocate(key, size);

	if (r < 0) {
		complain("keygen: memory cannot be locked: %s; see ulimit -l", strerror(-r));
		return EXIT_IO;
	}
	while (key->size < size) {
		ssize_t n = getrandom(key->bytes + key->size, size - key->size, 0);

		if (n < 0 && errno != EINTR) {
			complain("keygen: the kernel gives no random bytes: %s", strerror(errno));
			return EXIT_IO;
		}
		if (n > 0)
			key->size += (size_t)n;
	}
	return EXIT_OPENED;
}

static const char *hint(int r, bool force)
{
	if (r != -EEXIST)
		return strerror(-r);
	return force ? "exists and is not a regular file" :
		       "exists already and may be in use; give another name, or --force to destroy it";
}

static int store(const struct keygen *keygen, const struct secret *key)
{
	bool to_stdout = strcmp(keygen->output, "-") == 0;
	int r;

	if (to_stdout)
		r = output_write(STDOUT_FILENO, key);
	else
		r = keygen->force ? output_replace(keygen->output, key) :
				    output_new(keygen->output, key);
	if (r == 0)
		return EXIT_OPENED;
	complain("keygen: %s: %s", to_stdout ? "standard output" : keygen->output,
		 hint(r, keygen->force));
	return r == -EEXIST ? EXIT_CONFIG : EXIT_IO;
}

int keygen_main(int argc, char **argv)
{
	CLEANUP(secret_wipe) struct secret key = { 0 };
	struct keygen keygen = { .size = BYTES_DEFAULT };
	int r = parse_arguments(&keygen, argc, argv);

	if (r == 0 && strcmp(keygen.output, "-") == 0 && isatty(STDOUT_FILENO)) {
		complain("keygen: a key is not for a terminal: give a file, or a pipe");
		r = EXIT_CONFIG;
	}
	if (r == 0)
		r = fill(&key, keygen.size);
	return r ? r : store(&keygen, &key);
}
