// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/copies.h"

#include <endian.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"

/* The LUKS2 format, 2.1: a binary header, and then JSON. Salt and own offset differ by intention. */
enum {
	BINARY = 4096,
	SIZE_AT = 8,
	SEQUENCE_AT = 16,
	LABEL_AT = 24,
	UUID_AT = 168,
	SUBSYSTEM_AT = 208,
	CHECKSUM_AT = 448,
	LABEL_MAX = 48,
	UUID_MAX = 40,
	CHECKSUM_FIELD = 64,
	CHECKSUM_SIZE = 32, /* SHA-256 is all LUKS2 uses */
	SMALLEST = 16 << 10,
	LARGEST = 4 << 20,
};

static const unsigned char magics[2][8] = {
	{ 'L', 'U', 'K', 'S', 0xba, 0xbe, 0, 2 }, { 'S', 'K', 'U', 'L', 0xba, 0xbe, 0, 2 },
};

/* One copy; @bytes is NULL where it is not whole. */
struct copy {
	unsigned char *bytes;
	size_t size;
};

static uint64_t number(const unsigned char *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return be64toh(value);
}

uint64_t copies_sequence(const unsigned char *copy)
{
	return number(copy + SEQUENCE_AT);
}

bool copies_is_whole(const unsigned char *copy, size_t size)
{
	CLEANUP(free_bytes) unsigned char *header = malloc(size);
	unsigned char digest[CHECKSUM_SIZE];
	size_t length = 0;

	if (!header)
		return false;
	memcpy(header, copy, size);
	memset(header + CHECKSUM_AT, 0, CHECKSUM_FIELD);
	return EVP_Q_digest(NULL, "SHA256", NULL, header, size, digest, &length) &&
	       memcmp(digest, copy + CHECKSUM_AT, sizeof(digest)) == 0;
}

/* The sizes that the format knows. */
static bool is_size(uint64_t size)
{
	return size >= SMALLEST && size <= LARGEST && (size & (size - 1)) == 0;
}

/* @at: of the second copy, 0 for the first. */
static void read_copy(int fd, uint64_t start, uint64_t at, struct copy *copy)
{
	CLEANUP(free_bytes) unsigned char *bytes = NULL;
	unsigned char head[BINARY];
	uint64_t size;

	if (file_read_at(fd, head, sizeof(head), start + at) < 0 ||
	    memcmp(head, magics[at > 0], sizeof(magics[0])) != 0)
		return;
	size = number(head + SIZE_AT);
	if (!is_size(size) || (at && at != size))
		return;
	bytes = malloc(size);
	if (!bytes || file_read_at(fd, bytes, size, start + at) < 0 || !copies_is_whole(bytes, size))
		return;
	*copy = (struct copy){ bytes, size };
	bytes = NULL;
}

/* Without a first copy it may be at any place that the format knows. */
static void read_second(int fd, uint64_t start, const struct copy *first, struct copy *second)
{
	if (first->bytes)
		read_copy(fd, start, first->size, second);
	for (uint64_t at = SMALLEST; !first->bytes && !second->bytes && at <= LARGEST; at *= 2)
		read_copy(fd, start, at, second);
}

static struct slice text(const struct copy *copy, size_t at, size_t max)
{
	const char *bytes = (const char *)copy->bytes + at;

	return (struct slice){ bytes, strnlen(bytes, max) };
}

/* A label may be empty, so it is quoted; a UUID is not. */
static bool differ_in(const struct copy copies[2], size_t at, size_t max, const char *what,
		      struct fault *fault)
{
	struct slice first = text(&copies[0], at, max), second = text(&copies[1], at, max);
	const char *quote = at == UUID_AT ? "" : "\"";

	if (first.length == second.length && memcmp(first.at, second.at, first.length) == 0)
		return false;
	fault_set(fault, "its two copies differ: the first is of %s %s%s%s, the second of %s %s%s%s",
		  what, quote, ESCAPED(first), quote, what, quote, ESCAPED(second), quote);
	return true;
}

static bool differ(const struct copy copies[2], struct fault *fault)
{
	if (differ_in(copies, UUID_AT, UUID_MAX, "UUID", fault) ||
	    differ_in(copies, LABEL_AT, LABEL_MAX, "label", fault) ||
	    differ_in(copies, SUBSYSTEM_AT, LABEL_MAX, "subsystem", fault))
		return true;
	if (copies[0].size == copies[1].size &&
	    memcmp(copies[0].bytes + BINARY, copies[1].bytes + BINARY, copies[0].size - BINARY) == 0)
		return false;
	fault_set(fault, "its two copies differ: their metadata is not the same (sequence numbers %llu "
		  "and %llu, of which the higher counts)",
		  (unsigned long long)copies_sequence(copies[0].bytes),
		  (unsigned long long)copies_sequence(copies[1].bytes));
	return true;
}

bool copies_differ(int fd, uint64_t start, struct fault *fault)
{
	struct copy copies[2] = { { NULL, 0 }, { NULL, 0 } };
	bool found = false;

	read_copy(fd, start, 0, &copies[0]);
	read_second(fd, start, &copies[0], &copies[1]);
	if (copies[0].bytes && copies[1].bytes) {
		found = differ(copies, fault);
	} else if (copies[0].bytes || copies[1].bytes) {
		fault_set(fault, "the %s of its two copies is damaged",
			  copies[0].bytes ? "second" : "first");
		found = true;
	}
	free(copies[0].bytes);
	free(copies[1].bytes);
	return found;
}
