// SPDX-License-Identifier: GPL-2.0
/* The table parser. Plain C: the kernel and user space build this file. */

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#endif

#include "table.h"

static const uint8_t table_guid[SECRET_GUID_SIZE] = SECRET_TABLE_GUID;
static const uint8_t wiped_guid[SECRET_GUID_SIZE];

struct head {
	uint8_t guid[SECRET_GUID_SIZE];
	uint32_t length;
};

/* Walks the table; area is volatile since the host may write to it. */
struct cursor {
	const volatile uint8_t *area;
	uint32_t offset;
	uint32_t entry;
};

static uint32_t le32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
	       (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static struct head read_head(const struct cursor *at)
{
	uint8_t bytes[SECRET_HEAD_SIZE] = { 0 };
	struct head head;
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = at->area[at->offset + i];
	memcpy(head.guid, bytes, sizeof(head.guid));
	head.length = le32(bytes + SECRET_GUID_SIZE);
	return head;
}

static bool all_zero(const struct cursor *at, uint32_t end)
{
	uint32_t i;

	for (i = at->offset; i < end; i++)
		if (at->area[i])
			return false;
	return true;
}

static int fail(struct secret_table *table, struct secret_fault *fault,
		const struct cursor *at, enum secret_fault_kind kind,
		uint32_t length, uint32_t limit)
{
	table->count = 0;
	fault->kind = kind;
	fault->entry = at->entry;
	fault->offset = at->offset;
	fault->length = length;
	fault->limit = limit;
	return kind == SECRET_FAULT_NO_TABLE ? -ENODEV : -EINVAL;
}

/* Random UUIDs (RFC 4122, 4.4) are random in their first and last byte. */
static uint16_t *bucket_of(struct secret_table *table, const uint8_t *guid)
{
	return &table->bucket[guid[0] ^ guid[SECRET_GUID_SIZE - 1]];
}

static bool is_known(struct secret_table *table, const uint8_t *guid)
{
	uint16_t next = *bucket_of(table, guid);

	while (next) {
		const struct secret_entry *entry = &table->entries[next - 1];

		if (!memcmp(entry->guid, guid, sizeof(entry->guid)))
			return true;
		next = entry->next;
	}
	return false;
}

static void add(struct secret_table *table, const struct head *head,
		uint32_t offset)
{
	struct secret_entry *entry = &table->entries[table->count++];
	uint16_t *bucket = bucket_of(table, head->guid);

	memcpy(entry->guid, head->guid, sizeof(entry->guid));
	entry->offset = offset + SECRET_HEAD_SIZE;
	entry->size = head->length - SECRET_HEAD_SIZE;
	entry->next = *bucket;
	*bucket = (uint16_t)table->count;
}

static enum secret_fault_kind add_entry(struct secret_table *table,
					const struct head *head,
					const struct cursor *at, uint32_t left)
{
	if (head->length < SECRET_HEAD_SIZE)
		return SECRET_FAULT_ENTRY_SHORT;
	if (head->length > left)
		return SECRET_FAULT_ENTRY_LONG;
	if (!memcmp(head->guid, wiped_guid, sizeof(wiped_guid)))
		return SECRET_FAULT_NONE;
	if (is_known(table, head->guid))
		return SECRET_FAULT_DUPLICATE;
	if (table->count == table->capacity)
		return SECRET_FAULT_CAPACITY;
	add(table, head, at->offset);
	return SECRET_FAULT_NONE;
}

static bool is_blank(const struct head *head)
{
	return !head->length &&
	       !memcmp(head->guid, wiped_guid, sizeof(wiped_guid));
}

static int read_entries(struct secret_table *table, struct cursor *at,
			struct secret_fault *fault)
{
	while (table->length - at->offset >= SECRET_HEAD_SIZE) {
		uint32_t left = table->length - at->offset;
		struct head head = read_head(at);
		enum secret_fault_kind kind;

		if (is_blank(&head)) {
			if (all_zero(at, table->length))
				return 0;
			return fail(table, fault, at, SECRET_FAULT_SLACK,
				    left, 0);
		}
		kind = add_entry(table, &head, at, left);
		if (kind)
			return fail(table, fault, at, kind, head.length, left);
		at->offset += head.length;
		at->entry++;
	}
	return 0;
}

uint32_t secret_table_capacity(size_t size)
{
	if (size > SECRET_AREA_MAX)
		size = SECRET_AREA_MAX;
	if (size < SECRET_HEAD_SIZE)
		return 0;
	return (uint32_t)((size - SECRET_HEAD_SIZE) / SECRET_HEAD_SIZE);
}

int secret_table_parse(struct secret_table *table, const void *area,
		       size_t size, struct secret_fault *fault)
{
	uint32_t limit = size > SECRET_AREA_MAX ? SECRET_AREA_MAX :
						  (uint32_t)size;
	struct cursor at = { .area = area };
	struct head head;

	memset(fault, 0, sizeof(*fault));
	memset(table->bucket, 0, sizeof(table->bucket));
	table->count = 0;
	table->length = 0;

	if (limit < SECRET_HEAD_SIZE)
		return fail(table, fault, &at, SECRET_FAULT_NO_TABLE, 0, limit);
	head = read_head(&at);
	if (memcmp(head.guid, table_guid, sizeof(table_guid)) != 0)
		return fail(table, fault, &at, SECRET_FAULT_NO_TABLE, 0, limit);
	if (head.length < SECRET_HEAD_SIZE)
		return fail(table, fault, &at, SECRET_FAULT_TABLE_SHORT,
			    head.length, SECRET_HEAD_SIZE);
	if (head.length > limit)
		return fail(table, fault, &at, SECRET_FAULT_TABLE_LONG,
			    head.length, limit);
	table->length = head.length;
	at.offset = SECRET_HEAD_SIZE;
	return read_entries(table, &at, fault);
}

int secret_fault_explain(const struct secret_fault *fault, char *text,
			 size_t size)
{
	static const char *const what[] = {
		[SECRET_FAULT_NONE] = "the table is well-formed",
		[SECRET_FAULT_NO_TABLE] = "no secret table starts here",
		[SECRET_FAULT_TABLE_SHORT] = "the table is shorter than its head",
		[SECRET_FAULT_TABLE_LONG] = "the table is longer than its area",
		[SECRET_FAULT_ENTRY_SHORT] = "is shorter than its head",
		[SECRET_FAULT_ENTRY_LONG] = "reaches past the table's end",
		[SECRET_FAULT_SLACK] = "is blank, but what follows it is not",
		[SECRET_FAULT_DUPLICATE] = "has the GUID of an earlier entry",
		[SECRET_FAULT_CAPACITY] = "is one more than there is room for",
	};

	if (fault->kind <= SECRET_FAULT_NO_TABLE)
		return snprintf(text, size, "%s", what[fault->kind]);
	if (fault->kind <= SECRET_FAULT_TABLE_LONG)
		return snprintf(text, size, "%s (length %u, limit %u)",
				what[fault->kind], fault->length, fault->limit);
	return snprintf(text, size, "entry %u at offset %u %s (length %u, %u bytes left)",
			fault->entry, fault->offset, what[fault->kind],
			fault->length, fault->limit);
}

void secret_head_write(uint8_t head[SECRET_HEAD_SIZE],
		       const uint8_t guid[SECRET_GUID_SIZE], uint32_t length)
{
	size_t i;

	memcpy(head, guid, SECRET_GUID_SIZE);
	for (i = 0; i < 4; i++)
		head[SECRET_GUID_SIZE + i] = (uint8_t)(length >> (8 * i));
}
