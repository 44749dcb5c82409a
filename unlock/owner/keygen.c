// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "header/seal.h"
#include "header/signature.h"
#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/secret.h"
#include "owner/commands.h"
#include "owner/options.h"
#include "owner/output.h"

/* What stands before the key's bytes: PrivateKeyInfo with id-Ed25519 (RFC 8410, section 7). */
static const unsigned char private_head[] = { 0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
					      0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20 };

enum {
	DER_SIZE = sizeof(private_head) + ANCHOR_SIZE,
	PEM_MAX = 256,
	BYTES_DEFAULT = 32, /* all that HKDF-SHA256 and AES-256 can use */
	BYTES_MAX = 512,    /* what programs take as a passphrase */
};

struct keygen {
	const char *output;
	size_t size;
	bool is_owner; /* a pair of keys to sign with, instead of a secret */
	bool has_size;
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
	struct options options;
	int option, r = EXIT_OPENED;

	options_begin(&options, "keygen", TAKES(OUTPUT) | TAKES(BYTES) | TAKES(OWNER_PAIR) |
		      TAKES(FORCE) | TAKES(QUIET));
	while (r == 0 && (option = options_next(&options, argc, argv)) != OPTIONS_END) {
		if (option == OPTION_OUTPUT) {
			keygen->output = optarg;
		} else if (option == OPTION_BYTES) {
			r = parse_bytes(optarg, &keygen->size);
			keygen->has_size = true;
		} else if (option == OPTION_OWNER_PAIR) {
			keygen->is_owner = true;
		} else if (option == OPTION_FORCE) {
			keygen->force = true;
		} else if (option == OPTION_QUIET) {
			say_nothing();
		} else {
			r = EXIT_CONFIG;
		}
	}
	if (r == 0 && (!keygen->output || optind != argc)) {
		complain("keygen: wants -o FILE and nothing else; see cocosecret keygen --help");
		r = EXIT_CONFIG;
	}
	if (r == 0 && keygen->is_owner && (keygen->has_size || output_is_stdout(keygen->output))) {
		complain("keygen: --owner makes two files, and goes neither with --bytes nor with -o -");
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
		return output_explain(r);
	return force ? output_explain(r) :
		       "exists already and may be in use; give another name, or --force to destroy it";
}

static int explain(const struct keygen *keygen, const char *where, int r)
{
	if (r == 0)
		return EXIT_OPENED;
	complain("keygen: %s: %s", where, hint(r, keygen->force));
	return r == -EEXIST || r == -ENOLINK ? EXIT_CONFIG : EXIT_IO;
}

static int store(const struct keygen *keygen, const char *path, const struct secret *key)
{
	int r = keygen->force ? output_replace(path, key) : output_new(path, key);

	return explain(keygen, path, r);
}

/* In PEM (RFC 7468), as openssl genpkey writes it. */
static int write_private(struct secret *pem, const struct secret *seed)
{
	CLEANUP(secret_wipe) struct secret text = { 0 };
	CLEANUP(secret_wipe) struct secret der = { 0 };
	int r = secret_allocate(&der, DER_SIZE);

	if (r == 0)
		r = secret_allocate(&text, BASE64_TEXT_SIZE(DER_SIZE));
	if (r == 0)
		r = secret_allocate(pem, PEM_MAX);
	if (r < 0)
		return r;
	memcpy(der.bytes, private_head, sizeof(private_head));
	memcpy(der.bytes + sizeof(private_head), seed->bytes, ANCHOR_SIZE);
	base64_encode(der.bytes, DER_SIZE, BASE64, (char *)text.bytes);
	pem->size = (size_t)snprintf((char *)pem->bytes, PEM_MAX,
				     "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n",
				     (char *)text.bytes);
	return 0;
}

static int store_public(const struct keygen *keygen, const char *path, const struct anchor *anchor)
{
	char pem[ANCHOR_PEM_SIZE];
	struct secret view = { .bytes = (unsigned char *)pem };

	anchor_pem(anchor, pem);
	view.size = strlen(pem);
	return store(keygen, path, &view);
}

/* No half of a pair is to replace, or to stand beside, a half of another one. */
static int check_place(const struct keygen *keygen, const char *public)
{
	struct stat st;

	if (keygen->force)
		return explain(keygen, public, output_check(public));
	return explain(keygen, public, lstat(public, &st) < 0 ? 0 : -EEXIST);
}

static int make_pair(const struct keygen *keygen, const struct secret *seed)
{
	CLEANUP(secret_wipe) struct secret private = { 0 };
	char path[PATH_MAX], word[BASE64_TEXT_SIZE(ANCHOR_SIZE)];
	struct anchor anchor;
	int r = signature_public_of(seed, &anchor);

	if ((size_t)snprintf(path, sizeof(path), "%s.pub", keygen->output) >= sizeof(path))
		r = -ENAMETOOLONG;
	if (r == 0)
		r = write_private(&private, seed);
	if (r < 0)
		return explain(keygen, keygen->output, r);
	r = check_place(keygen, path);
	if (r == 0)
		r = store(keygen, keygen->output, &private);
	if (r)
		return r;
	r = store_public(keygen, path, &anchor);
	if (r && !keygen->force)
		unlink(keygen->output);
	if (r)
		return r;
	base64_encode(anchor.bytes, ANCHOR_SIZE, BASE64URL, word);
	say("%s: the owner's private key: it stays with the owner\n"
	    "%s: the public key, for " ANCHOR_FOLDER "/NAME.pem of an image, or\n"
	    "rd.cocosecret.owner=%s", keygen->output, path, word);
	return EXIT_OPENED;
}

static int make_key(const struct keygen *keygen, const struct secret *key)
{
	int r;

	if (output_is_stdout(keygen->output))
		say_aside();
	r = store(keygen, keygen->output, key);
	if (r == 0)
		say("%s: a random key of %zu bytes, for cocosecret enroll --new-key-file and cocosecret "
		    "table build", keygen->output, key->size);
	return r;
}

int keygen_main(int argc, char **argv)
{
	CLEANUP(secret_wipe) struct secret key = { 0 };
	struct keygen keygen = { .size = BYTES_DEFAULT };
	int r = parse_arguments(&keygen, argc, argv);

	if (r == 0 && output_is_stdout(keygen.output) && isatty(STDOUT_FILENO)) {
		complain("keygen: a key is not for a terminal: give a file, or a pipe");
		r = EXIT_CONFIG;
	}
	if (r == 0)
		r = fill(&key, keygen.size);
	if (r)
		return r;
	return keygen.is_owner ? make_pair(&keygen, &key) : make_key(&keygen, &key);
}
