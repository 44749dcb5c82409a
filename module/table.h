/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The launch-secret table: what the owner packs, the firmware publishes and
 * the module reads. One parser for the kernel and for user space.
 *
 * A table is a head (GUID, 32-bit little-endian length of the whole table)
 * followed by entries, each a head of the same form (GUID, length of the
 * entry with its head) and data. Nothing is aligned. An entry whose GUID is
 * all zero was wiped.
 */
#ifndef COCOSECRET_TABLE_H
#define COCOSECRET_TABLE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#endif

enum {
	SECRET_GUID_SIZE = 16,
	SECRET_HEAD_SIZE = SECRET_GUID_SIZE + 4,
	SECRET_AREA_MAX = 64 * 1024,
	SECRET_CAPACITY_MAX = SECRET_AREA_MAX / SECRET_HEAD_SIZE,
	SECRET_BUCKETS = 256,
	SECRET_FAULT_TEXT = 128,
};

/* 1e74f542-71dd-4d66-963e-ef4287ff173b in EFI byte order. */
#define SECRET_TABLE_GUID { \
	0x42, 0xf5, 0x74, 0x1e, 0xdd, 0x71, 0x66, 0x4d, \
	0x96, 0x3e, 0xef, 0x42, 0x87, 0xff, 0x17, 0x3b }

/* One secret; offsets count from the start of the table. */
struct secret_entry {
	uint8_t guid[SECRET_GUID_SIZE];
	uint32_t offset;	/* of the data */
	uint32_t size;		/* of the data, may be 0 */
	uint16_t next;		/* 1 + index of the next entry in its bucket */
};

/*
 * The caller owns entries, room for secret_table_capacity() of them; the
 * parser fills in the rest.
 */
struct secret_table {
	struct secret_entry *entries;
	uint32_t capacity;
	uint32_t count;
	uint32_t length;	/* of the table, its head included */
	uint16_t bucket[SECRET_BUCKETS];
};

enum secret_fault_kind {
	SECRET_FAULT_NONE,
	SECRET_FAULT_NO_TABLE,		/* the head's GUID is not there */
	SECRET_FAULT_TABLE_SHORT,	/* the length is less than the head */
	SECRET_FAULT_TABLE_LONG,	/* the length is more than the area */
	SECRET_FAULT_ENTRY_SHORT,
	SECRET_FAULT_ENTRY_LONG,
	SECRET_FAULT_SLACK,		/* neither an entry nor zeros */
	SECRET_FAULT_DUPLICATE,
	SECRET_FAULT_CAPACITY,		/* more entries than the caller's room */
};

/* What is wrong, with which entry (counted from 0, wiped ones included). */
struct secret_fault {
	enum secret_fault_kind kind;
	uint32_t entry;
	uint32_t offset;	/* of that entry's head in the table */
	uint32_t length;	/* as read there */
	uint32_t limit;		/* what it was held against */
};

/*
 * Entries that an area of size bytes can hold at most.
 */
uint32_t secret_table_capacity(size_t size);

/*
 * Reads the table at the start of area, each byte of its heads exactly once
 * and none of its data, so that a host that changes the memory meanwhile
 * cannot make two reads differ. Returns 0, -ENODEV where no table starts
 * there, or -EINVAL; on error *fault says why and *table holds no entry.
 */
int secret_table_parse(struct secret_table *table, const void *area,
		       size_t size, struct secret_fault *fault);

/*
 * Writes one line for people about fault into text. Returns its length, as
 * snprintf.
 */
int secret_fault_explain(const struct secret_fault *fault, char *text,
			 size_t size);

/* The form of a head, for those who write tables. */
void secret_head_write(uint8_t head[SECRET_HEAD_SIZE],
		       const uint8_t guid[SECRET_GUID_SIZE], uint32_t length);

#endif
