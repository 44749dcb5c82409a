// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/pins.h"

#include <openssl/bn.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

/* Made by openssl req for a key whose private half is gone; the key alone; and one of NIST's P-256. */
#define CERTIFICATE "-----BEGIN CERTIFICATE-----\n" \
	"MIIBLDCB36ADAgECAhQimmp2RBp9cR+GbJCpEK0OEedU3zAFBgMrZXAwDDEKMAgG\n" \
	"A1UEAwwBYTAeFw0yNjExMjgxMjU2MTZaFw0yNjExMjkxMjU2MTZaMAwxCjAIBgNV\n" \
	"BAMMAWEwKjAFBgMrZXADIQDojIf5atV+/uh5wIRF74sLGoWH8hSvsa4c3GF5zL41\n" \
	"Q6NTMFEwHQYDVR0OBBYEFKrCO2Zpv/CCjce2gm7g+TiJOWQTMB8GA1UdIwQYMBaA\n" \
	"FKrCO2Zpv/CCjce2gm7g+TiJOWQTMA8GA1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EA\n" \
	"Fvo4pp1dXwsy3Obf39+3UjisvlAgarJdaGLYK5nqQtQZDCf/ORjVZGver5lSu0PZ\n" \
	"rFHcanxDMT3Rq3IpVb8NCg==\n" \
	"-----END CERTIFICATE-----\n"
#define KEY(line) "-----BEGIN PUBLIC KEY-----\n" line "-----END PUBLIC KEY-----\n"
#define SAME KEY("MCowBQYDK2VwAyEA6IyH+WrVfv7oecCERe+LCxqFh/IUr7GuHNxhecy+NUM=\n")
#define OTHER KEY("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKTtjSo7EUf0WAK6NbR5XmsZF8CCP\n" \
		  "BQpXOS5BVfyEd4FSsWJWfEDPBbT7Rg0VHgbaSCNmoxX4J8mqOxnQnZnwAg==\n")

static struct pins pins;
static struct fault fault;

static int leave(void **state)
{
	pins_free(&pins);
	return leave_scratch(state);
}

static int take(const char *text)
{
	pins_free(&pins);
	write_file("kbs.pem", text, strlen(text));
	return pins_read("kbs.pem", &pins, &fault);
}

static EVP_PKEY *key_of(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(key);
	return key;
}

/* NIST's P-256 (SEC 2, section 2.4.2) in all of its numbers, but for the generator. */
static OSSL_PARAM *explicit_curve(const unsigned char *generator, size_t size)
{
	static const char *const numbers[][2] = {
		{ "p", "FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF" },
		{ "a", "FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFC" },
		{ "b", "5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B" },
		{ "order", "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551" },
		{ "cofactor", "1" },
	};
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *number[5] = { NULL };
	OSSL_PARAM *params;

	OSSL_PARAM_BLD_push_utf8_string(builder, "field-type", "prime-field", 0);
	for (size_t i = 0; i < 5; i++) {
		BN_hex2bn(&number[i], numbers[i][1]);
		OSSL_PARAM_BLD_push_BN(builder, numbers[i][0], number[i]);
	}
	OSSL_PARAM_BLD_push_octet_string(builder, "generator", generator, size);
	OSSL_PARAM_BLD_push_octet_string(builder, "pub", generator, size);
	params = OSSL_PARAM_BLD_to_param(builder);
	for (size_t i = 0; i < 5; i++)
		BN_free(number[i]);
	OSSL_PARAM_BLD_free(builder);
	assert_non_null(params);
	return params;
}

static void certificates_and_keys_are_taken(void **state)
{
	EVP_PKEY *same = key_of(SAME), *other = key_of(OTHER);

	(void)state;
	assert_int_equal(take("The CA\n" CERTIFICATE), 0);
	assert_int_equal(pins.count, 1);
	assert_non_null(pins.list[0].certificate);
	assert_true(pins_have(&pins, same));
	assert_false(pins_have(&pins, other));
	assert_false(pins_have(&pins, NULL));
	assert_int_equal(take(OTHER "\r\nand\r\n" CERTIFICATE), 0);
	assert_int_equal(pins.count, 2);
	assert_null(pins.list[0].certificate);
	assert_true(pins_have(&pins, same) && pins_have(&pins, other));
	EVP_PKEY_free(same);
	EVP_PKEY_free(other);
}

static void anything_else_is_an_error_that_names_the_file(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "", "no certificate and no public key" }, { "a\n", "no certificate" },
		{ "-----BEGIN CERTIFICATE-----\n", "cut or damaged" },
		{ CERTIFICATE "-----BEGIN CERTIFICATE-----\nMIIB\n", "cut or damaged" },
		{ KEY("MCow*BQY\n"), "cut or damaged" },
		{ KEY("MCowBQYDK2VwAyEA\n"), "holds a PUBLIC KEY that libcrypto cannot read" },
		{ KEY("MCowBQYDK2VwAyEA6IyH+WrVfv7oecCERe+LCxqFh/IUr7GuHNxhecy+NUMA\n"), "cannot read" },
		{ "-----BEGIN CERTIFICATE-----\nMCow\n-----END CERTIFICATE-----\n", "cannot read" },
		{ CERTIFICATE "-----BEGIN PRIVATE KEY-----\nMCow\n-----END PRIVATE KEY-----\n",
		  "private key, which stays" },
		{ "-----BEGIN EC PRIVATE KEY-----\nMCow\n-----END EC PRIVATE KEY-----\n", "private key" },
		{ "-----BEGIN X\x1b-----\nMCow\n-----END X\x1b-----\n", "holds \"X\\x1b\", which is neither" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (take(wrong[i].text) == 0)
			fail_msg("taken: %s", wrong[i].text);
		assert_ptr_equal(strstr(fault.text, "kbs.pem: "), fault.text);
		if (!strstr(fault.text, wrong[i].says))
			fail_msg("%s, not: %s", fault.text, wrong[i].says);
	}
	pins_free(&pins);
	assert_true(pins_read("none", &pins, &fault) < 0);
	assert_non_null(strstr(fault.text, "there is no none, by which"));
	assert_true(pins_read(".", &pins, &fault) < 0);
}

/* The same point on a curve with another generator: there it is 1 times that, so anybody's. */
static EVP_PKEY *forged_key(EVP_PKEY *key)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	unsigned char point[65];
	EVP_PKEY *forged = NULL;
	OSSL_PARAM *params;
	size_t size;

	assert_int_equal(EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof(point), &size), 1);
	if (size < sizeof(point))
		fail_msg("the point is compressed");
	params = explicit_curve(point, size);
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &forged, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	return forged;
}

static void a_key_is_one_on_its_own_curve(void **state)
{
	EVP_PKEY *key = key_of(OTHER), *forged = forged_key(key);

	(void)state;
	assert_int_equal(take(OTHER), 0);
	assert_true(pins_have(&pins, key));
	assert_false(pins_have(&pins, forged));
	EVP_PKEY_free(key);
	EVP_PKEY_free(forged);
}

static void there_is_room_for_a_few(void **state)
{
	char text[(PINS_MAX + 1) * sizeof(SAME)] = "";

	(void)state;
	for (int i = 0; i < PINS_MAX; i++)
		strcat(text, SAME);
	assert_int_equal(take(text), 0);
	strcat(text, SAME);
	assert_true(take(text) < 0);
	assert_non_null(strstr(fault.text, "more than 16"));
}

/* Where an image is made: a boot that could not end well is told there. */
static void they_are_looked_for_beside_the_brokers_file(void **state)
{
	static const struct broker plain = { .kind = BROKER_HTTP }, secure = { BROKER_HTTP, .has_tls = true };

	(void)state;
	assert_int_equal(pins_beside("kbs", &plain, &fault), 0);
	assert_true(pins_beside("kbs", &secure, &fault) < 0);
	assert_non_null(strstr(fault.text, "no kbs.pem"));
	take(SAME);
	assert_int_equal(pins_beside("kbs", &plain, &fault), 1);
	assert_int_equal(pins_beside("kbs", &secure, &fault), 1);
	take("");
	assert_true(pins_beside("kbs", &plain, &fault) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(certificates_and_keys_are_taken, enter_scratch, leave),
		cmocka_unit_test_setup_teardown(anything_else_is_an_error_that_names_the_file,
						enter_scratch, leave),
		cmocka_unit_test_setup_teardown(a_key_is_one_on_its_own_curve, enter_scratch, leave),
		cmocka_unit_test_setup_teardown(there_is_room_for_a_few, enter_scratch, leave),
		cmocka_unit_test_setup_teardown(they_are_looked_for_beside_the_brokers_file, enter_scratch,
						leave),
	};

	return cmocka_run_group_tests_name("pins", tests, NULL, NULL);
}
