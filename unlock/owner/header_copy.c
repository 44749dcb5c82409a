// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/header_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "header/copies.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"

enum { BLOCK = 4096 }; /* every part of a LUKS2 header is a multiple */

static int explain(const struct header_copy *copy, struct fault *fault, int error)
{
	if (error == ENODATA) {
		fault_set(fault, "%s: is cut off: its header and key slots take %zu bytes, which are not "
			  "there", copy->place.name, copy->size);
		return EXIT_HEADER;
	}
	fault_set(fault, "%s: %s", copy->place.name, strerror(error));
	return EXIT_IO;
}

static int write_whole(int fd, const unsigned char *bytes, size_t size, uint64_t at)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pwrite(fd, bytes + done, size - done, (off_t)(at + done));

		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

int header_copy_make(struct header_copy *copy, const struct header_place *place,
		     const struct policy_layout *layout, struct fault *fault)
{
	int r;

	copy->place = *place;
	copy->binary = (size_t)layout->areas / 2;
	copy->size = (size_t)layout->end;
	copy->fd = open(place->device,
			(place->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY);
	if (copy->fd < 0)
		return explain(copy, fault, errno);
	copy->file = memfd_create("cocosecret-header", MFD_CLOEXEC);
	if (copy->file < 0)
		return explain(copy, fault, errno);
	snprintf(copy->path, sizeof(copy->path), "/proc/self/fd/%d", copy->file);
	copy->before = malloc(copy->size);
	if (!copy->before)
		return explain(copy, fault, ENOMEM);
	r = -file_read_at(copy->fd, copy->before, copy->size, place->start);
	if (r == 0)
		r = write_whole(copy->file, copy->before, copy->size, 0);
	return r ? explain(copy, fault, r) : EXIT_OPENED;
}

void header_copy_free(struct header_copy *copy)
{
	close_fd(&copy->fd);
	close_fd(&copy->file);
	free(copy->before);
	copy->before = NULL;
	copy->fd = copy->file = -1;
}

/* Blocks that one pass stores: of the areas those that the new header names, or the others. */
struct pass {
	size_t from, to;
	const struct header_areas *named; /* NULL: all */
	bool others;
};

static bool is_named(const struct header_areas *named, size_t at)
{
	for (size_t i = 0; i < named->count; i++)
		if (at + BLOCK > named->list[i].from && at < named->list[i].to)
			return true;
	return false;
}

static int store_pass(const struct header_copy *copy, const unsigned char *after,
		      const struct pass *pass)
{
	bool changed = false;

	for (size_t at = pass->from; at < pass->to; at += BLOCK) {
		int r;

		if (memcmp(after + at, copy->before + at, BLOCK) == 0 ||
		    (pass->named && is_named(pass->named, at) == pass->others))
			continue;
		r = write_whole(copy->fd, after + at, BLOCK, copy->place.start + at);
		if (r)
			return r;
		changed = true;
	}
	return changed && fsync(copy->fd) < 0 ? errno : 0;
}

/*
 * Which copy of the header is stored first: never the one that is in force, since it has to be there
 * while the other one is half-written, and of two alike the first, because there cryptsetup looks for
 * the sequence number that tells it that what it read before is too old.
 */
static size_t choose_early(const struct header_copy *copy)
{
	const unsigned char *first = copy->before, *second = first + copy->binary;

	if (!copies_is_whole(first, copy->binary))
		return 0;
	if (!copies_is_whole(second, copy->binary))
		return copy->binary;
	return copies_sequence(first) > copies_sequence(second) ? copy->binary : 0;
}

/*
 * The new key slot's area, which no header names yet; then one copy of the header; then the other
 * one; then the area of a key slot that is gone, which no header names any more; each on the disk
 * before the next one is begun. So at any moment one copy is whole, old or new, and what it names is
 * there.
 */
static int store(const struct header_copy *copy, const struct header_areas *named,
		 const unsigned char *after)
{
	size_t early = choose_early(copy);
	size_t late = copy->binary - early, areas = 2 * copy->binary;
	const struct pass passes[] = {
		{ areas, copy->size, named, false },
		{ early, early + copy->binary, NULL, false },
		{ late, late + copy->binary, NULL, false },
		{ areas, copy->size, named, true },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(passes) / sizeof(*passes) && r == 0; i++)
		r = store_pass(copy, after, &passes[i]);
	return r;
}

static int check_unchanged(const struct header_copy *copy, unsigned char *scratch,
			   struct fault *fault)
{
	int r = -file_read_at(copy->fd, scratch, copy->size, copy->place.start);

	if (r)
		return explain(copy, fault, r);
	if (memcmp(scratch, copy->before, copy->size) == 0)
		return EXIT_OPENED;
	fault_set(fault, "%s: somebody else changed the header meanwhile; nothing was written, try "
		  "again", copy->place.name);
	return EXIT_IO;
}

int header_copy_store(struct header_copy *copy, const struct header_areas *named,
		      struct fault *fault)
{
	CLEANUP(free_bytes) unsigned char *bytes = malloc(copy->size);
	int r;

	if (!bytes)
		return explain(copy, fault, ENOMEM);
	r = check_unchanged(copy, bytes, fault);
	if (r)
		return r;
	r = -file_read_at(copy->file, bytes, copy->size, 0);
	if (r == 0)
		r = store(copy, named, bytes);
	return r ? explain(copy, fault, r) : EXIT_OPENED;
}

int header_copy_clear_rest(struct header_copy *copy, const struct header_areas *named,
			   struct fault *fault)
{
	static const unsigned char zero[BLOCK];
	int r = 0;

	for (size_t at = 2 * copy->binary; at < copy->size && r == 0; at += BLOCK)
		if (!is_named(named, at))
			r = write_whole(copy->file, zero, BLOCK, at);
	return r ? explain(copy, fault, r) : EXIT_OPENED;
}
