// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/partition.h"

#include <blkid.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/kind.h"

/* What is said of all partitions, in a part of a message. */
struct text {
	char text[384];
	size_t used;
};

/* libblkid counts partitions in these, whatever the disk's sectors are. */
enum { UNIT = 512 };

static const unsigned int sector_sizes[] = { 512, 4096 };

static void free_probe(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

/* The LUKS2 format, 2.1: the magic of the first copy of a header, which LUKS1 has as well. */
static bool is_luks(int fd, uint64_t at)
{
	static const char magic[] = { 'L', 'U', 'K', 'S', '\xba', '\xbe' };
	char bytes[sizeof(magic)];

	return pread(fd, bytes, sizeof(bytes), (off_t)at) == (ssize_t)sizeof(bytes) &&
	       memcmp(bytes, magic, sizeof(bytes)) == 0;
}

/* NULL where there is no partition table. It lives as long as @probe. */
static blkid_partlist list(blkid_probe probe, int fd)
{
	blkid_partlist partitions = NULL;

	for (size_t i = 0; i < sizeof(sector_sizes) / sizeof(*sector_sizes) && !partitions; i++) {
		if (blkid_probe_set_device(probe, fd, 0, 0) ||
		    blkid_probe_set_sectorsize(probe, sector_sizes[i]))
			return NULL;
		blkid_probe_enable_superblocks(probe, 0);
		blkid_probe_enable_partitions(probe, 1);
		partitions = blkid_probe_get_partitions(probe);
		if (partitions && blkid_partlist_numof_partitions(partitions) == 0)
			partitions = NULL;
	}
	return partitions;
}

static bool is_wanted(blkid_partition partition, const char *wanted)
{
	const char *label = blkid_partition_get_name(partition);
	const char *uuid = blkid_partition_get_uuid(partition);
	char number[16];

	snprintf(number, sizeof(number), "%d", blkid_partition_get_partno(partition));
	return strcmp(wanted, number) == 0 || (label && strcmp(wanted, label) == 0) ||
	       (uuid && strcasecmp(wanted, uuid) == 0);
}

static void take(blkid_partition partition, struct partition *found)
{
	found->start = (uint64_t)blkid_partition_get_start(partition) * UNIT;
	found->size = (uint64_t)blkid_partition_get_size(partition) * UNIT;
	snprintf(found->name, sizeof(found->name), "partition %d",
		 blkid_partition_get_partno(partition));
}

/* How many partitions are what is looked for; @found is the last of them. */
static int search(blkid_partlist partitions, int fd, const char *wanted, struct partition *found)
{
	int count = 0;

	for (int i = 0; i < blkid_partlist_numof_partitions(partitions); i++) {
		blkid_partition partition = blkid_partlist_get_partition(partitions, i);
		struct partition candidate = { 0 };

		take(partition, &candidate);
		if (wanted ? !is_wanted(partition, wanted) : !is_luks(fd, candidate.start))
			continue;
		*found = candidate;
		count++;
	}
	return count;
}

__attribute__((format(printf, 2, 3)))
static void add_text(struct text *text, const char *format, ...)
{
	size_t left = sizeof(text->text) - text->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->text + text->used, left, format, args);
	va_end(args);
	text->used += n < 0 ? 0 : (size_t)n < left ? (size_t)n : left - 1;
}

/* "1 (LUKS2, "root"), 2 (vfat)", as much of it as a line takes. */
static void name_all(blkid_partlist partitions, int fd, struct text *text)
{
	for (int i = 0; i < blkid_partlist_numof_partitions(partitions); i++) {
		blkid_partition partition = blkid_partlist_get_partition(partitions, i);
		const char *label = blkid_partition_get_name(partition);
		struct partition found = { 0 };
		char kind[KIND_TEXT];

		take(partition, &found);
		kind_name(fd, found.start, found.size, kind);
		add_text(text, "%s%d (%s", i ? ", " : "", blkid_partition_get_partno(partition),
			 ESCAPED(slice_of(kind)));
		if (label && label[0])
			add_text(text, ", \"%s\"", ESCAPED(slice_of(label)));
		add_text(text, ")");
	}
}

static int explain(const char *image, const char *wanted, int count, const struct text *all,
		   struct fault *fault)
{
	if (wanted)
		fault_set(fault, count ? "%s: %d partitions are called %s; give the number: %s" :
			  "%s: has %d partitions that are called %s; there are %s", image, count,
			  ESCAPED(slice_of(wanted)), all->text);
	else
		fault_set(fault, count ? "%s: %d of its partitions hold LUKS; choose one with "
			  "--partition: %s" : "%s: %d of its partitions hold LUKS; there are %s; "
			  "cryptsetup reencrypt --encrypt encrypts one in place", image, count,
			  all->text);
	return EXIT_CONFIG;
}

static int search_file(int fd, const char *image, const char *wanted, struct partition *found,
		       struct fault *fault)
{
	CLEANUP(free_probe) blkid_probe probe = blkid_new_probe();
	blkid_partlist partitions = probe ? list(probe, fd) : NULL;
	struct text all = { 0 };
	int count;

	if (!partitions && !wanted)
		return EXIT_OPENED;
	if (!partitions) {
		fault_set(fault, "%s: has no partition table, so no --partition", image);
		return EXIT_CONFIG;
	}
	count = search(partitions, fd, wanted, found);
	if (count == 1)
		return EXIT_OPENED;
	name_all(partitions, fd, &all);
	return explain(image, wanted, count, &all, fault);
}

int partition_find(int fd, const char *image, const char *wanted, struct partition *found,
		   struct fault *fault)
{
	struct stat st;

	*found = (struct partition){ 0 };
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return !wanted && is_luks(fd, 0) ? EXIT_OPENED :
						   search_file(fd, image, wanted, found, fault);
	if (!wanted)
		return EXIT_OPENED;
	fault_set(fault, "%s: is not an image file; name the partition's own device", image);
	return EXIT_CONFIG;
}
