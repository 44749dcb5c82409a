// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/volume.h"

#include <libcryptsetup.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

static struct fault fault;

static void names_are_safe_in_a_path(void **state)
{
	static const char *const good[] = { "root", "luks-5aa5c3f0-0000-4000-8000-00000000000a", "a.b", "x@y" };
	static const char *const bad[] = { "", ".", "..", "control", "a/b", "a b", "a:b", "a\\b", "\xc3\xa4" };
	struct volume volume;
	char longest[VOLUME_NAME_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(volume_set_name(&volume, slice_of(good[i]), &fault), 0);
		assert_string_equal(volume.name, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_true(volume_set_name(&volume, slice_of(bad[i]), &fault) < 0);
	assert_true(volume_set_name(&volume, (struct slice){ "a\0b", 3 }, &fault) < 0);
	memset(longest, 'n', sizeof(longest));
	assert_int_equal(volume_set_name(&volume, (struct slice){ longest, 127 }, &fault), 0);
	assert_true(volume_set_name(&volume, (struct slice){ longest, 128 }, &fault) < 0);
}

static void devices_have_a_kind_and_a_value(void **state)
{
	static const struct {
		const char *text;
		enum device_kind kind;
		const char *value;
	} good[] = {
		{ "/dev/vda", DEVICE_PATH, "/dev/vda" },
		{ "UUID=5AA5c3f0-0000-4000-8000-00000000000a", DEVICE_UUID,
		  "5AA5c3f0-0000-4000-8000-00000000000a" },
		{ "LABEL=my disk", DEVICE_LABEL, "my disk" },
		{ "PARTUUID=1234abcd-01", DEVICE_PARTUUID, "1234abcd-01" },
		{ "PARTLABEL=UUID=x", DEVICE_PARTLABEL, "UUID=x" },
	};
	static const char *const bad[] = { "", "vda", "UUID=", "UUID=5aa5", "LABEL=", "ID=x", "uuid=x" };
	struct volume volume;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(volume_set_device(&volume, slice_of(good[i].text), &fault), 0);
		assert_int_equal(volume.device.kind, good[i].kind);
		assert_string_equal(volume.device.value, good[i].value);
		assert_string_equal(DEVICE_TEXT(&volume.device), good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_true(volume_set_device(&volume, slice_of(bad[i]), &fault) < 0);
}

static void each_tag_is_a_kind_of_its_own(void **state)
{
	static const struct {
		const char *prefix;
		enum device_kind kind;
	} tags[] = {
#define TAG(kind, prefix) { prefix, DEVICE_##kind },
#include "config/device_tags.def"
	};
	char text[GUID_TEXT_SIZE + 32];
	struct volume volume;

	(void)state;
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		snprintf(text, sizeof(text), "%s" GUID_DISK_KEY, tags[i].prefix);
		assert_int_equal(volume_set_device(&volume, slice_of(text), &fault), 0);
		assert_int_equal(volume.device.kind, tags[i].kind);
		assert_int_not_equal(volume.device.kind, DEVICE_PATH);
		assert_string_equal(volume.device.value, GUID_DISK_KEY);
		assert_string_equal(DEVICE_TEXT(&volume.device), text);
		assert_true(volume_set_device(&volume, slice_of(tags[i].prefix), &fault) < 0);
		assert_true(volume_set_device(&volume, SLICE("x"), &fault) < 0);
		assert_non_null(strstr(fault.text, tags[i].prefix));
	}
}

static void a_secret_that_is_not_named_is_the_disk_key(void **state)
{
	struct volume volume;

	(void)state;
	assert_int_equal(volume_set_secret(&volume, SLICE("-"), &fault), 0);
	assert_string_equal(volume.secret, GUID_DISK_KEY);
	assert_int_equal(volume_set_secret(&volume, SLICE("none"), &fault), 0);
	assert_string_equal(volume.secret, GUID_DISK_KEY);
	assert_int_equal(volume_set_secret(&volume, SLICE("ABCDEF00-84f0-4973-92ec-06879ce3da0b"), &fault), 0);
	assert_string_equal(volume.secret, "abcdef00-84f0-4973-92ec-06879ce3da0b");
	assert_true(volume_set_secret(&volume, SLICE("secret"), &fault) < 0);
}

static const struct {
	const char *word;
	unsigned int option;
	uint32_t flag;
} options[] = {
#define OPTION(name, word, crypt_flag) { word, VOLUME_##name, crypt_flag },
#include "config/options.def"
};

static void each_option_is_a_bit_of_its_own(void **state)
{
	struct volume volume = { 0 };
	unsigned int seen = VOLUME_DISCOVERED;

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		assert_int_equal(volume_set_options(&volume, slice_of(options[i].word), &fault), 0);
		assert_int_equal(volume.options, options[i].option);
		assert_int_equal(volume_crypt_flags(&volume), options[i].flag);
		assert_int_equal(volume.options & (volume.options - 1), 0);
		assert_int_equal(volume.options & seen, 0);
		seen |= volume.options;
	}
	assert_int_equal(volume_set_options(&volume, SLICE("root,discard,read-only"), &fault), 0);
	assert_int_equal(volume.options, VOLUME_ROOT | VOLUME_DISCARD | VOLUME_READ_ONLY);
	assert_int_equal(volume_crypt_flags(&volume),
			 CRYPT_ACTIVATE_ALLOW_DISCARDS | CRYPT_ACTIVATE_READONLY);
	assert_int_equal(volume_set_options(&volume, SLICE("-"), &fault), 0);
	assert_int_equal(volume.options, 0);
}

/* Said once more, by hand: the table could give a word the flag of another. */
static void words_mean_what_crypttab_means(void **state)
{
	static const struct {
		const char *word;
		uint32_t flag;
	} all[] = {
		{ "discard", CRYPT_ACTIVATE_ALLOW_DISCARDS },
		{ "read-only", CRYPT_ACTIVATE_READONLY },
		{ "no-read-workqueue", CRYPT_ACTIVATE_NO_READ_WORKQUEUE },
		{ "no-write-workqueue", CRYPT_ACTIVATE_NO_WRITE_WORKQUEUE },
		{ "same-cpu-crypt", CRYPT_ACTIVATE_SAME_CPU_CRYPT },
		{ "submit-from-crypt-cpus", CRYPT_ACTIVATE_SUBMIT_FROM_CRYPT_CPUS },
		{ "root,nofail,integrity,keep-secret,unsealed,wipe-rest", 0 },
	};
	struct volume volume = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		assert_int_equal(volume_set_options(&volume, slice_of(all[i].word), &fault), 0);
		assert_int_equal(volume_crypt_flags(&volume), all[i].flag);
	}
	assert_int_equal(volume.options, VOLUME_ROOT | VOLUME_NOFAIL | VOLUME_INTEGRITY |
			 VOLUME_KEEP_SECRET | VOLUME_UNSEALED | VOLUME_WIPE_REST);
}

static void an_unknown_option_is_named_with_those_there_are(void **state)
{
	struct volume volume = { 0 };

	(void)state;
	assert_true(volume_set_options(&volume, SLICE("root,discrad"), &fault) < 0);
	assert_non_null(strstr(fault.text, "\"discrad\""));
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		assert_non_null(strstr(fault.text, options[i].word));
	assert_non_null(strstr(fault.text, ", header=PATH"));
	assert_true(volume_set_options(&volume, SLICE("root,,discard"), &fault) < 0);
	assert_true(volume_set_options(&volume, SLICE("Root"), &fault) < 0);
}

static void a_detached_header_is_a_path(void **state)
{
	static const char *const bad[] = { "header=", "header=x", "header", "root,header=,discard",
					   "header=/a\nb" };
	struct volume volume = { 0 };
	char longest[7 + HEADER_PATH_SIZE];

	(void)state;
	assert_int_equal(volume_set_options(&volume, SLICE("root,header=/etc/a b.hdr"), &fault), 0);
	assert_string_equal(volume.header, "/etc/a b.hdr");
	assert_int_equal(volume.options, VOLUME_ROOT);
	assert_int_equal(volume_set_options(&volume, SLICE("root"), &fault), 0);
	assert_string_equal(volume.header, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_true(volume_set_options(&volume, slice_of(bad[i]), &fault) < 0);
	memset(longest, '/', sizeof(longest));
	memcpy(longest, "header=", 7);
	assert_int_equal(volume_set_options(&volume, (struct slice){ longest, sizeof(longest) - 1 },
					    &fault), 0);
	assert_true(volume_set_options(&volume, (struct slice){ longest, sizeof(longest) },
				       &fault) < 0);
	assert_true(volume_set_options(&volume, (struct slice){ "header=/a\0b", 11 }, &fault) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_safe_in_a_path),
		cmocka_unit_test(devices_have_a_kind_and_a_value),
		cmocka_unit_test(each_tag_is_a_kind_of_its_own),
		cmocka_unit_test(a_secret_that_is_not_named_is_the_disk_key),
		cmocka_unit_test(each_option_is_a_bit_of_its_own),
		cmocka_unit_test(words_mean_what_crypttab_means),
		cmocka_unit_test(an_unknown_option_is_named_with_those_there_are),
		cmocka_unit_test(a_detached_header_is_a_path),
	};

	return cmocka_run_group_tests_name("volume", tests, NULL, NULL);
}
