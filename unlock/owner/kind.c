// SPDX-License-Identifier: GPL-2.0-or-later
/* What people give in place of a LUKS2 volume: other versions, containers of disks, file systems. */
#include "owner/kind.h"

#include <blkid.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header/copies.h"
#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"

enum { HEAD_SIZE = 512 };

/* LUKS2 On-Disk Format, "Binary Header"; LUKS1 has magic and version at the same places. */
enum { VERSION_AT = 6, HEADER_SIZE_AT = 8, JSON_AT = 4096, COPY_MAX = 4 << 20 };

static const char luks_magic[] = "LUKS\xba\xbe";
static const char raw[] = "qemu-img convert -O raw makes the raw image of it that is wanted";
static const char packed[] = "unpack it first";

/* What libblkid does not know. The lengths leave out each text's NUL. */
static const struct container {
	const char *magic;
	size_t length;
	size_t at;
	const char *name;
	const char *advice;
} containers[] = {
	{ "QFI\xfb", 4, 0, "a qcow2 image", raw },
	{ "KDMV", 4, 0, "a vmdk image", raw },
	{ "# Disk DescriptorFile", 21, 0, "a vmdk image's description", raw },
	{ "\x7f\x10\xda\xbe", 4, 64, "a vdi image", raw },
	{ "vhdxfile", 8, 0, "a vhdx image", raw },
	{ "conec" "tix", 8, 0, "a vhd image", raw },
	{ "QED\0", 4, 0, "a qed image", raw },
	{ "\x1f\x8b", 2, 0, "compressed with gzip", packed },
	{ "\xfd" "7zXZ\0", 6, 0, "compressed with xz", packed },
	{ "\x28\xb5\x2f\xfd", 4, 0, "compressed with zstd", packed },
	{ "BZh", 3, 0, "compressed with bzip2", packed },
	{ "\x04\x22\x4d\x18", 4, 0, "compressed with lz4", packed },
	{ "PK\x03\x04", 4, 0, "a zip archive", packed },
};

struct head {
	unsigned char bytes[HEAD_SIZE]; /* zeros behind the end */
};

static void free_probe(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}

static int read_head(int fd, uint64_t start, uint64_t size, struct head *head)
{
	memset(head, 0, sizeof(*head));
	return file_read_at(fd, head->bytes, size < HEAD_SIZE ? size : HEAD_SIZE, start);
}

/* 0 where it is none. */
static int luks_version(const struct head *head)
{
	return memcmp(head->bytes, luks_magic, sizeof(luks_magic) - 1) == 0 ?
	       head->bytes[VERSION_AT] << 8 | head->bytes[VERSION_AT + 1] : 0;
}

static const struct container *find_container(const struct head *head)
{
	for (size_t i = 0; i < sizeof(containers) / sizeof(*containers); i++)
		if (memcmp(head->bytes + containers[i].at, containers[i].magic,
			   containers[i].length) == 0)
			return &containers[i];
	return NULL;
}

/* A file system, or what else libblkid knows. */
static bool probe_name(int fd, uint64_t start, uint64_t size, char name[KIND_TEXT])
{
	CLEANUP(free_probe) blkid_probe probe = blkid_new_probe();
	const char *type;

	if (!probe || blkid_probe_set_device(probe, fd, (blkid_loff_t)start, (blkid_loff_t)size))
		return false;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
	if (blkid_do_fullprobe(probe) != 0 ||
	    blkid_probe_lookup_value(probe, "TYPE", &type, NULL) != 0)
		return false;
	snprintf(name, KIND_TEXT, "%s", type);
	return true;
}

void kind_name(int fd, uint64_t start, uint64_t size, char name[KIND_TEXT])
{
	const struct container *container;
	struct head head;

	snprintf(name, KIND_TEXT, "nothing known");
	if (size == 0 || read_head(fd, start, size, &head) < 0)
		return;
	container = find_container(&head);
	if (luks_version(&head))
		snprintf(name, KIND_TEXT, "LUKS%d", luks_version(&head));
	else if (container)
		snprintf(name, KIND_TEXT, "%s", container->name);
	else
		probe_name(fd, start, size, name);
}

/* As much of the file as header and key slots take; 0 where this copy of the header cannot say. */
static uint64_t measure(const unsigned char *copy, size_t size)
{
	CLEANUP(document_free) struct json_object *json = NULL;
	struct json_object *config;
	const char *slots;

	if (!copies_is_whole(copy, size))
		return 0;
	json = document_object((const char *)copy + JSON_AT);
	config = document_member(json, "config", json_type_object);
	slots = document_text(config, "keyslots_size");
	return slots ? 2 * (uint64_t)size + strtoull(slots, NULL, 10) : 0;
}

/* Two binary headers of one size; the key slots lie behind them. */
static int explain_luks2(int fd, uint64_t start, uint64_t size, int code, struct fault *fault)
{
	CLEANUP(free_bytes) unsigned char *copy = calloc(1, COPY_MAX + 1);
	uint64_t one = 0, whole = 0;

	if (copy && file_read_at(fd, copy, HEAD_SIZE, start) == 0)
		memcpy(&one, copy + HEADER_SIZE_AT, sizeof(one));
	one = be64toh(one);
	if (one > JSON_AT && one <= COPY_MAX && file_read_at(fd, copy, one, start) == 0)
		whole = measure(copy, one);
	if (size < whole || (size / 2 < one && one <= COPY_MAX))
		fault_set(fault, "is cut off: it has %llu bytes, and its LUKS2 header%s %llu",
			  (unsigned long long)size, whole ? " and key slots take" : " alone takes",
			  (unsigned long long)(whole ? whole : 2 * one));
	else if (code == EXIT_HEADER && !whole)
		fault_set(fault, "has a LUKS2 header of which both copies are damaged; cryptsetup "
			  "luksHeaderRestore brings a backup back");
	else
		return code;
	return EXIT_HEADER;
}

static int explain_luks1(int version, struct fault *fault)
{
	fault_set(fault, "is LUKS%d; cryptsetup convert --type luks2 makes of LUKS1 the LUKS2 that is "
		  "wanted", version);
	return EXIT_HEADER;
}

static int explain_other(int fd, uint64_t start, uint64_t size, struct fault *fault)
{
	char name[KIND_TEXT];

	if (probe_name(fd, start, size, name))
		fault_set(fault, "holds %s and no LUKS2 header; cryptsetup reencrypt --encrypt encrypts a "
			  "file system in place, see cocosecret(7)", ESCAPED(slice_of(name)));
	else
		fault_set(fault, "has no LUKS2 header, nor anything else that is known; is it the right file?");
	return EXIT_HEADER;
}

static int explain_container(const struct container *container, struct fault *fault)
{
	fault_set(fault, "is %s, not a LUKS2 volume; %s", container->name, container->advice);
	return EXIT_HEADER;
}

int kind_explain(int fd, uint64_t start, uint64_t size, int code, struct fault *fault)
{
	const struct container *container;
	struct head head;

	if (size == 0) {
		fault_set(fault, "is empty");
		return EXIT_HEADER;
	}
	if (read_head(fd, start, size, &head) < 0)
		return code;
	if (luks_version(&head) == 2)
		return explain_luks2(fd, start, size, code, fault);
	if (luks_version(&head))
		return explain_luks1(luks_version(&head), fault);
	container = find_container(&head);
	return container ? explain_container(container, fault) :
			   explain_other(fd, start, size, fault);
}
