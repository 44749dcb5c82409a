// SPDX-License-Identifier: GPL-2.0-or-later
/* Reports into JSON. What a broker makes of it: tests/test_agent.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "agent/snp.h"
#include "agent/tdx.h"
#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/guid.h"
#include "support.h"

static unsigned char report[SNP_REPORT_SIZE];
static struct fault fault;

static void put_32(unsigned char *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static size_t put_entry(unsigned char *table, size_t at, const char *guid, uint32_t offset, uint32_t length)
{
	guid_to_efi(guid, table + at);
	put_32(table + at + 16, offset);
	put_32(table + at + 20, length);
	return at + 24;
}

static struct json_object *member(struct json_object *object, const char *name)
{
	return json_object_object_get(object, name);
}

static void numbers_are_what_they_are(void **state)
{
	CLEANUP(document_free) struct json_object *evidence = NULL;
	struct json_object *object;

	(void)state;
	memset(report, 0xff, sizeof(report));
	put_32(report, 3);
	report[0x188] = 0x19;
	for (unsigned char i = 0; i < 8; i++)
		report[0x38 + i] = i;
	evidence = snp_evidence(report, sizeof(report), NULL, 0, &fault);
	assert_non_null(evidence);
	assert_null(member(evidence, "cert_chain"));
	object = member(evidence, "attestation_report");
	assert_int_equal(json_object_object_length(object), 29);
	assert_string_equal(json_object_to_json_string(member(object, "policy")), "18446744073709551615");
	assert_string_equal(json_object_to_json_string_ext(member(object, "current_tcb"), 0),
			    "{\"bootloader\":0,\"fmc\":null,\"microcode\":7,\"snp\":6,\"tee\":1}");
	assert_null(member(object, "launch_mit_vector"));
	assert_int_equal(json_object_array_length(member(object, "chip_id")), 64);
	assert_int_equal(json_object_array_length(member(member(object, "signature"), "s")), 72);
}

static void zen_5_has_another_order(void **state)
{
	CLEANUP(document_free) struct json_object *evidence = NULL;
	struct json_object *object;

	(void)state;
	put_32(report, 5);
	report[0x188] = 0x1a;
	evidence = snp_evidence(report, sizeof(report), NULL, 0, &fault);
	object = member(evidence, "attestation_report");
	assert_string_equal(json_object_to_json_string_ext(member(object, "current_tcb"), 0),
			    "{\"bootloader\":1,\"fmc\":0,\"microcode\":7,\"snp\":3,\"tee\":2}");
	assert_non_null(member(object, "launch_mit_vector"));
}

static void other_reports_are_refused(void **state)
{
	(void)state;
	assert_null(snp_evidence(report, sizeof(report) - 1, NULL, 0, &fault));
	put_32(report, 2);
	assert_null(snp_evidence(report, sizeof(report), NULL, 0, &fault));
	assert_non_null(strstr(fault.text, "version 2"));
	put_32(report, 3);
}

/* Each entry alone: what the table itself holds is all that may come out of it. */
static void a_hosts_table_is_read_within_its_bounds(void **state)
{
	static const struct {
		const char *guid;
		uint32_t offset, length;
		bool taken;
	} cases[] = {
		{ "63da758d-e664-4564-adc5-f4b93be8accd", 48, 4, true },
		{ "a8074bc2-a25a-483e-aae6-39c045a0b8a1", 0, 52, true },
		{ "92f81bc3-5811-4d3d-97ff-d19f88dc67ea", 48, 4, false },
		{ "63da758d-e664-4564-adc5-f4b93be8accd", 48, 5, false },
		{ "63da758d-e664-4564-adc5-f4b93be8accd", 52, 0, false },
		{ "63da758d-e664-4564-adc5-f4b93be8accd", UINT32_MAX, UINT32_MAX, false },
		{ "63da758d-e664-4564-adc5-f4b93be8accd", UINT32_MAX, 5, false },
		{ "00000000-0000-0000-0000-000000000000", 48, 4, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CLEANUP(document_free) struct json_object *evidence = NULL;
		/* Allocated, so that the sanitizer knows where it ends. */
		CLEANUP(free_bytes) unsigned char *table = calloc(52, 1);

		put_entry(table, 0, cases[i].guid, cases[i].offset, cases[i].length);
		evidence = snp_evidence(report, sizeof(report), table, 52, &fault);
		assert_non_null(evidence);
		assert_int_equal(member(evidence, "cert_chain") != NULL, cases[i].taken);
	}
}

/* As hosts and verifiers have it: the crate sev, go-sev-guest. */
static void a_hosts_table_may_have_the_texts_order(void **state)
{
	CLEANUP(document_free) struct json_object *evidence = NULL;
	unsigned char table[52] = { 0 };

	(void)state;
	put_entry(table, 0, "63da758d-e664-4564-adc5-f4b93be8accd", 48, 4);
	assert_int_equal(uuid_parse("63da758d-e664-4564-adc5-f4b93be8accd", table), 0);
	evidence = snp_evidence(report, sizeof(report), table, sizeof(table), &fault);
	assert_non_null(member(evidence, "cert_chain"));
}

/* Sixteen entries for one certificate, the largest that the table can hold. */
static void a_hosts_table_is_taken_once(void **state)
{
	enum { SIZE = 4096, FIRST = 17 * 24, LENGTH = SIZE - FIRST };
	CLEANUP(document_free) struct json_object *evidence = NULL;
	unsigned char table[SIZE] = { 0 };
	size_t bytes = 0, count;
	struct json_object *chain;

	(void)state;
	for (size_t i = 0; i < 16; i++)
		put_entry(table, i * 24, "63da758d-e664-4564-adc5-f4b93be8accd", FIRST, LENGTH);
	evidence = snp_evidence(report, sizeof(report), table, SIZE, &fault);
	chain = json_object_object_get(evidence, "cert_chain");
	count = json_object_array_length(chain);
	for (size_t i = 0; i < count; i++)
		bytes += json_object_array_length(json_object_object_get(
			json_object_array_get_idx(chain, i), "data"));
	assert_int_equal(count, 1);
	assert_int_equal(bytes, LENGTH);
}

static void a_quotes_data_are_found(void **state)
{
	unsigned char quote[1000] = { 4, 0, 2, 0, 0x81 };

	(void)state;
	assert_int_equal(tdx_data_at(quote, sizeof(quote)), 48 + 0x208);
	assert_int_equal(tdx_data_at(quote, 48 + 584), 48 + 0x208);
	assert_int_equal(tdx_data_at(quote, 48 + 583), 0);
	assert_int_equal(tdx_data_at(quote, 4), 0);
	quote[4] = 0;
	assert_int_equal(tdx_data_at(quote, sizeof(quote)), 0);
	quote[4] = 0x81;
	quote[0] = 5;
	assert_int_equal(tdx_data_at(quote, sizeof(quote)), 0);
	quote[48] = 3;
	assert_int_equal(tdx_data_at(quote, sizeof(quote)), 54 + 0x208);
	quote[49] = 1;
	assert_int_equal(tdx_data_at(quote, sizeof(quote)), 0);
}

static void a_quote_is_base64_and_so_is_its_log(void **state)
{
	CLEANUP(document_free) struct json_object *with = NULL;
	CLEANUP(document_free) struct json_object *without = NULL;

	(void)state;
	with = tdx_evidence((const unsigned char *)"\xff\xef\xbe", 3, (const unsigned char *)"foob", 4);
	without = tdx_evidence((const unsigned char *)"f", 1, NULL, 0);
	assert_string_equal(json_object_to_json_string_ext(with, JSON_C_TO_STRING_NOSLASHESCAPE),
			    "{\"quote\":\"/+++\",\"cc_eventlog\":\"Zm9vYg==\"}");
	assert_string_equal(json_object_to_json_string_ext(without, 0), "{\"quote\":\"Zg==\",\"cc_eventlog\":null}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_what_they_are),
		cmocka_unit_test(zen_5_has_another_order),
		cmocka_unit_test(other_reports_are_refused),
		cmocka_unit_test(a_hosts_table_is_read_within_its_bounds),
		cmocka_unit_test(a_hosts_table_may_have_the_texts_order),
		cmocka_unit_test(a_hosts_table_is_taken_once),
		cmocka_unit_test(a_quotes_data_are_found),
		cmocka_unit_test(a_quote_is_base64_and_so_is_its_log),
	};

	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
