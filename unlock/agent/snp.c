// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/snp.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <uuid/uuid.h>

#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/guid.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

enum {
	VERSION_AT = 0x00,
	FAMILY_AT = 0x188, /* of the processor, as CPUID has it, and its model */
	FAMILY_ZEN_5 = 0x1a,
	SIGNATURE_AT = 0x2a0,
	ENTRY_SIZE = GUID_BYTES + 4 + 4, /* of the certificate table: offset and length, too */
	ENTRIES_MAX = 16,
};

enum kind {
	NUMBER,       /* of that size, little endian */
	BYTES,
	TCB,          /* security version numbers in a u64 */
	BUILD,        /* of the firmware: build, minor, major */
	SINCE_5,      /* a number that older versions do not have */
};

/* The names are those of the Rust library sev, with which Trustee reads them. */
static const struct field {
	const char *name;
	enum kind kind;
	unsigned short at, size;
} fields[] = {
	{ "version", NUMBER, VERSION_AT, 4 },
	{ "guest_svn", NUMBER, 0x04, 4 },
	{ "policy", NUMBER, 0x08, 8 },
	{ "family_id", BYTES, 0x10, 16 },
	{ "image_id", BYTES, 0x20, 16 },
	{ "vmpl", NUMBER, 0x30, 4 },
	{ "sig_algo", NUMBER, 0x34, 4 },
	{ "current_tcb", TCB, 0x38, 8 },
	{ "plat_info", NUMBER, 0x40, 8 },
	{ "key_info", NUMBER, 0x48, 4 },
	{ "report_data", BYTES, SNP_DATA_AT, 64 },
	{ "measurement", BYTES, 0x90, 48 },
	{ "host_data", BYTES, 0xc0, 32 },
	{ "id_key_digest", BYTES, 0xe0, 48 },
	{ "author_key_digest", BYTES, 0x110, 48 },
	{ "report_id", BYTES, 0x140, 32 },
	{ "report_id_ma", BYTES, 0x160, 32 },
	{ "reported_tcb", TCB, 0x180, 8 },
	{ "cpuid_fam_id", NUMBER, FAMILY_AT, 1 },
	{ "cpuid_mod_id", NUMBER, 0x189, 1 },
	{ "cpuid_step", NUMBER, 0x18a, 1 },
	{ "chip_id", BYTES, 0x1a0, 64 },
	{ "committed_tcb", TCB, 0x1e0, 8 },
	{ "current", BUILD, 0x1e8, 3 },
	{ "committed", BUILD, 0x1ec, 3 },
	{ "launch_tcb", TCB, 0x1f0, 8 },
	{ "launch_mit_vector", SINCE_5, 0x1f8, 8 },
	{ "current_mit_vector", SINCE_5, 0x200, 8 },
};

/* Where each number is in the u64, by generation; none is "fmc" before Zen 5. */
static const struct {
	const char *name;
	int before_zen_5, zen_5;
} parts_of_tcb[] = {
	{ "bootloader", 0, 1 },
	{ "fmc", -1, 0 },
	{ "microcode", 7, 7 },
	{ "snp", 6, 3 },
	{ "tee", 1, 2 },
};

static uint64_t number(const unsigned char *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = size; i > 0; i--)
		value = value << 8 | bytes[i - 1];
	return value;
}

/* Takes @value over; NULL stands for null: where memory was short, no broker takes the report. */
static void put(struct json_object *object, const char *name, struct json_object *value)
{
	if (json_object_object_add(object, name, value) < 0)
		json_object_put(value);
}

static void put_number(struct json_object *object, const char *name, uint64_t value)
{
	put(object, name, json_object_new_uint64(value));
}

static struct json_object *bytes_json(const unsigned char *bytes, size_t size)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < size; i++)
		json_object_array_add(array, json_object_new_int(bytes[i]));
	return array;
}

static struct json_object *tcb_json(const unsigned char *tcb, bool zen_5)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < COUNT(parts_of_tcb); i++) {
		int at = zen_5 ? parts_of_tcb[i].zen_5 : parts_of_tcb[i].before_zen_5;

		put(object, parts_of_tcb[i].name, at < 0 ? NULL : json_object_new_int(tcb[at]));
	}
	return object;
}

static struct json_object *build_json(const unsigned char *build)
{
	struct json_object *object = json_object_new_object();

	put_number(object, "build", build[0]);
	put_number(object, "minor", build[1]);
	put_number(object, "major", build[2]);
	return object;
}

static struct json_object *field_json(const unsigned char *report, const struct field *field)
{
	const unsigned char *at = report + field->at;

	switch (field->kind) {
	case BYTES:
		return bytes_json(at, field->size);
	case TCB:
		return tcb_json(at, report[FAMILY_AT] >= FAMILY_ZEN_5);
	case BUILD:
		return build_json(at);
	case SINCE_5:
		if (number(report + VERSION_AT, 4) < 5)
			return NULL;
		break;
	case NUMBER:
		break;
	}
	return json_object_new_uint64(number(at, field->size));
}

/* ECDSA on P-384: both numbers in 72 bytes, little endian. */
static struct json_object *signature_json(const unsigned char *signature)
{
	struct json_object *object = json_object_new_object();

	put(object, "r", bytes_json(signature, 72));
	put(object, "s", bytes_json(signature + 72, 72));
	return object;
}

static struct json_object *report_json(const unsigned char *report)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < COUNT(fields); i++)
		put(object, fields[i].name, field_json(report, &fields[i]));
	put(object, "signature", signature_json(report + SIGNATURE_AT));
	return object;
}

/* NULL for what nobody asks for, another vendor's entry or the table's end. */
static const char *certificate_name(const unsigned char *entry)
{
	static const struct {
		const char *guid, *name;
	} known[] = {
		{ "63da758d-e664-4564-adc5-f4b93be8accd", "VCEK" },
		{ "a8074bc2-a25a-483e-aae6-39c045a0b8a1", "VLEK" },
		{ "4ab7b379-bbac-4fe4-a02f-05aef327c782", "ASK" },
		{ "c0b406a4-a803-4952-9743-3fb6014cd0ae", "ARK" },
	};
	char guid[GUID_TEXT_SIZE], swapped[GUID_TEXT_SIZE];

	/* Hosts write it in the text's order of bytes, as verifiers read it; EFI's is as good. */
	uuid_unparse_lower(entry, guid);
	guid_from_efi(entry, swapped);
	for (size_t i = 0; i < COUNT(known); i++)
		if (strcmp(guid, known[i].guid) == 0 || strcmp(swapped, known[i].guid) == 0)
			return known[i].name;
	return NULL;
}

static void add_certificate(struct json_object *chain, const char *name, const unsigned char *bytes,
			    size_t size)
{
	struct json_object *certificate = json_object_new_object();

	put(certificate, "cert_type", json_object_new_string(name));
	put(certificate, "data", bytes_json(bytes, size));
	json_object_array_add(chain, certificate);
}

static bool is_end(const unsigned char *entry)
{
	static const unsigned char zeros[GUID_BYTES];

	return memcmp(entry, zeros, sizeof(zeros)) == 0;
}

/*
 * The host wrote this table. What is wrong in it is left out: then the broker asks AMD. Each byte is
 * a number in JSON, with sixty times its memory: so none is taken twice.
 */
static struct json_object *chain_json(const unsigned char *table, size_t size)
{
	struct json_object *chain = json_object_new_array();
	size_t left = size;

	for (size_t i = 0; i < ENTRIES_MAX && (i + 1) * ENTRY_SIZE <= size; i++) {
		const unsigned char *entry = table + i * ENTRY_SIZE;
		uint64_t at = number(entry + GUID_BYTES, 4), length = number(entry + GUID_BYTES + 4, 4);
		const char *name = certificate_name(entry);

		if (is_end(entry))
			break;
		if (!name || length == 0 || at + length > size || length > left)
			continue;
		add_certificate(chain, name, table + at, length);
		left -= length;
	}
	if (json_object_array_length(chain) > 0)
		return chain;
	json_object_put(chain);
	return NULL;
}

struct json_object *snp_evidence(const void *report, size_t size, const void *certificates,
				 size_t certificates_size, struct fault *fault)
{
	struct json_object *evidence;

	if (size != SNP_REPORT_SIZE) {
		fault_set(fault, "sev_guest gives a report of %zu bytes; it has %d", size, SNP_REPORT_SIZE);
		return NULL;
	}
	if (number(report, 4) < 3) {
		fault_set(fault, "the report is of version %u: Trustee wants 3 or newer, that is, newer "
			  "firmware on the host", (unsigned int)number(report, 4));
		return NULL;
	}
	evidence = json_object_new_object();
	put(evidence, "attestation_report", report_json(report));
	put(evidence, "cert_chain", chain_json(certificates, certificates_size));
	return evidence;
}
