// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/base64.h"

#include <errno.h>
#include <string.h>

#include "support.h"

static char out[64];

static int decode(const char *text, enum base64_alphabet alphabet)
{
	memset(out, 0, sizeof(out));
	return base64_decode(slice_of(text), alphabet, out, 8);
}

/* RFC 4648, section 10. */
static void the_vectors_hold(void **state)
{
	static const char *const vectors[][3] = {
		{ "", "", "" }, { "f", "Zg==", "Zg" }, { "f" "o", "Zm8=", "Zm8" },
		{ "foo", "Zm9v", "Zm9v" }, { "foob", "Zm9vYg==", "Zm9vYg" },
		{ "fooba", "Zm9vYmE=", "Zm9vYmE" }, { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
		{ "\xff\xef\xbe", "/+++", "_---" },
	};
	char text[BASE64_TEXT_SIZE(6)];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
		for (int alphabet = BASE64; alphabet <= BASE64URL; alphabet++) {
			const char *bytes = vectors[i][0], *coded = vectors[i][1 + alphabet];

			base64_encode(bytes, strlen(bytes), (enum base64_alphabet)alphabet, text);
			assert_string_equal(text, coded);
			assert_int_equal(decode(coded, (enum base64_alphabet)alphabet), strlen(bytes));
			assert_string_equal(out, bytes);
		}
}

static void what_no_encoder_writes_is_refused(void **state)
{
	static const char *const wrong[] = {
		"Z", "Zg", "Zg=", "Zg===", "====", "=", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "_---", "Zg=="
		"Zg==", "Zm9vYmFyZm9v",
	};
	static const char *const wrong_url[] = { "Z", "Zg==", "Zh", "/+++", "Zm9vYmFyZm9v" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(decode(wrong[i], BASE64), -EINVAL);
	for (size_t i = 0; i < sizeof(wrong_url) / sizeof(*wrong_url); i++)
		assert_int_equal(decode(wrong_url[i], BASE64URL), -EINVAL);
	assert_int_equal(base64_decode((struct slice){ "Zm9\0", 4 }, BASE64, out, 8), -EINVAL);
}

static void nothing_is_written_behind_the_end(void **state)
{
	(void)state;
	assert_int_equal(decode("////////////", BASE64), -EINVAL);
	assert_int_equal(out[8], 0);
	assert_int_equal(decode("AAAAAAAAAAA=", BASE64), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_hold),
		cmocka_unit_test(what_no_encoder_writes_is_refused),
		cmocka_unit_test(nothing_is_written_behind_the_end),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
