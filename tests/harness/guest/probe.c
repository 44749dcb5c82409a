// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe read FILE [TIMES]   reads the file, prints "SHA256 MODE BYTES"
 * probe hold KIND PATH      opens PATH as KIND (file, dir, path, cwd), prints
 *                           "held", waits for a line of input, and prints what
 *                           can still be done with it
 *
 * A secret that it reads is in one locked buffer and in registers only, and in
 * neither when it ends: a test that then looks for copies in the guest's memory
 * finds those that somebody else made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* No vector registers, which would outlive this program in a task's state. */
#pragma GCC target("general-regs-only")

enum {
	FILE_MAX = 1 << 16,
	BLOCK = 64,
	DIGEST = 32,
	WORDS = 8,
	ROUNDS = 64,
};

/* All that may hold a secret: one mapping, locked, wiped as a whole. */
struct vault {
	uint8_t file[FILE_MAX + 2 * BLOCK];
	uint32_t schedule[ROUNDS];
	uint32_t work[WORDS];
};

static const uint32_t round_constants[ROUNDS] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate(uint32_t value, int bits)
{
	return value >> bits | value << (32 - bits);
}

static void expand(uint32_t *schedule, const uint8_t *block)
{
	for (int i = 0; i < 16; i++, block += 4)
		schedule[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
			      (uint32_t)block[2] << 8 | block[3];
	for (int i = 16; i < ROUNDS; i++) {
		uint32_t a = schedule[i - 15], b = schedule[i - 2];

		schedule[i] = schedule[i - 16] + schedule[i - 7] +
			      (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
			      (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
}

/* FIPS 180-4; w[0..7] are its a to h. */
static void compress(uint32_t *state, struct vault *vault, const uint8_t *block)
{
	uint32_t *w = vault->work;

	expand(vault->schedule, block);
	for (int i = 0; i < WORDS; i++)
		w[i] = state[i];
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t s1 = rotate(w[4], 6) ^ rotate(w[4], 11) ^ rotate(w[4], 25);
		uint32_t s0 = rotate(w[0], 2) ^ rotate(w[0], 13) ^ rotate(w[0], 22);
		uint32_t choice = (w[4] & w[5]) ^ (~w[4] & w[6]);
		uint32_t majority = (w[0] & w[1]) ^ (w[0] & w[2]) ^ (w[1] & w[2]);
		uint32_t first = w[7] + s1 + choice + round_constants[i] + vault->schedule[i];

		for (int k = WORDS - 1; k > 0; k--)
			w[k] = w[k - 1];
		w[4] += first;
		w[0] = first + s0 + majority;
	}
	for (int i = 0; i < WORDS; i++)
		state[i] += w[i];
}

/* The padding goes behind the file in its own buffer. */
static void sha256(struct vault *vault, size_t length, uint32_t *state)
{
	static const uint32_t initial[WORDS] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
						 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	size_t padded = (length + 1 + 8 + BLOCK - 1) / BLOCK * BLOCK;
	uint64_t bits = (uint64_t)length * 8;

	memcpy(state, initial, sizeof(initial));
	memset(vault->file + length, 0, padded - length);
	vault->file[length] = 0x80;
	for (int i = 1; i <= 8; i++, bits >>= 8)
		vault->file[padded - (size_t)i] = (uint8_t)bits;
	for (size_t at = 0; at < padded; at += BLOCK)
		compress(state, vault, vault->file + at);
}

static ssize_t read_whole(const char *path, uint8_t *to, struct stat *status)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = 0, n;

	if (fd < 0 || fstat(fd, status) < 0)
		return -1;
	do {
		n = read(fd, to + length, FILE_MAX - (size_t)length);
		length += n > 0 ? n : 0;
	} while (n > 0);
	close(fd);
	return n < 0 ? -1 : length;
}

static int fail(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	return 1;
}

static struct vault *make_vault(void)
{
	struct vault *vault = mmap(NULL, sizeof(*vault), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (vault == MAP_FAILED || mlock(vault, sizeof(*vault)) < 0)
		return NULL;
	madvise(vault, sizeof(*vault), MADV_DONTDUMP);
	return vault;
}

static int main_read(int argc, char **argv)
{
	struct vault *vault = make_vault();
	long times = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	uint32_t state[WORDS];
	struct stat status;
	ssize_t length = 0;

	if (!vault)
		return fail("no locked memory");
	while (times-- > 0 && length >= 0)
		length = read_whole(argv[0], vault->file, &status);
	if (length >= 0)
		sha256(vault, (size_t)length, state);
	explicit_bzero(vault, sizeof(*vault));
	if (length < 0)
		return fail(argv[0]);
	for (int i = 0; i < WORDS; i++)
		printf("%08x", state[i]);
	printf(" %o %zd\n", (unsigned int)status.st_mode & 07777, length);
	return 0;
}

struct kind {
	const char *name;
	int flags;
};

static const struct kind kinds[] = {
	{ "file", O_RDONLY },
	{ "dir", O_RDONLY | O_DIRECTORY },
	{ "path", O_PATH },
	{ "cwd", O_PATH | O_DIRECTORY },
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static int main_hold(int argc, char **argv)
{
	const struct kind *kind = find_kind(argv[0]);
	struct stat status;
	char line[80], byte;
	ssize_t n;
	int fd;

	if (argc < 2 || !kind)
		return fail("hold file|dir|path|cwd PATH");
	fd = open(argv[1], kind->flags | O_CLOEXEC);
	if (fd < 0 || (!strcmp(kind->name, "cwd") && fchdir(fd) < 0))
		return fail(argv[1]);
	puts("held");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return fail("no input");
	printf("stat: %s\n", fstat(fd, &status) < 0 ? strerror(errno) : "works");
	n = read(fd, &byte, 1);
	explicit_bzero(&byte, 1);
	printf("read: %s\n", n < 0 ? strerror(errno) : n ? "a byte" : "nothing");
	return 0;
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "read", main_read },
	{ "hold", main_hold },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 2 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, argv[1]))
			return commands[i].run(argc - 2, argv + 2);
	fputs("Usage: probe read FILE [TIMES] | probe hold file|dir|path|cwd PATH\n", stderr);
	return 2;
}
