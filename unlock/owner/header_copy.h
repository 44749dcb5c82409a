/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_HEADER_COPY_H
#define COCOSECRET_HEADER_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "header/policy.h"

enum { HEADER_COPY_PATH = 32, HEADER_AREAS_MAX = 32 };

/* Where a header is: @start is in bytes. */
struct header_place {
	const char *device; /* or a file, */
	const char *name;   /* as messages call it */
	uint64_t start;
	bool read_only;     /* nothing will be stored */
};

/*
 * A device's header and key-slot areas in a file in memory, to be changed there and then stored
 * at once. The file has no name, so nothing is left of it whatever becomes of this program.
 */
struct header_copy {
	struct header_place place;
	int fd;    /* of the device */
	int file;  /* of the copy */
	size_t binary; /* each of the two copies of the header */
	size_t size;   /* both, and the key-slot areas */
	unsigned char *before;
	char path[HEADER_COPY_PATH]; /* of the copy, for libcryptsetup */
};

#define HEADER_COPY_INIT { .fd = -1, .file = -1 }

/* Where the key-slot areas of a header are. */
struct header_areas {
	struct { size_t from, to; } list[HEADER_AREAS_MAX];
	size_t count;
};

/* Exit codes, with the reason in @fault. @layout is the device's. */
int header_copy_make(struct header_copy *copy, const struct header_place *place,
		     const struct policy_layout *layout, struct fault *fault);

/* @named are the areas of the new header. What it does not name is stored last. */
int header_copy_store(struct header_copy *copy, const struct header_areas *named,
		      struct fault *fault);

/* Zeros, in the copy, all that is in no area of @named: a key slot left half-removed by a cut. */
int header_copy_clear_rest(struct header_copy *copy, const struct header_areas *named,
			   struct fault *fault);
void header_copy_free(struct header_copy *copy);

#endif
