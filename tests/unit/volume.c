// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/volume.h"

#include <libcryptsetup.h>
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

static void options_are_bits_and_flags(void **state)
{
	static const struct {
		const char *word;
		unsigned int option;
		uint32_t flag;
	} all[] = {
		{ "root", VOLUME_ROOT, 0 },
		{ "discard", VOLUME_DISCARD, CRYPT_ACTIVATE_ALLOW_DISCARDS },
		{ "read-only", VOLUME_READ_ONLY, CRYPT_ACTIVATE_READONLY },
		{ "no-read-workqueue", VOLUME_NO_READ_WORKQUEUE, CRYPT_ACTIVATE_NO_READ_WORKQUEUE },
		{ "no-write-workqueue", VOLUME_NO_WRITE_WORKQUEUE, CRYPT_ACTIVATE_NO_WRITE_WORKQUEUE },
		{ "same-cpu-crypt", VOLUME_SAME_CPU_CRYPT, CRYPT_ACTIVATE_SAME_CPU_CRYPT },
		{ "submit-from-crypt-cpus", VOLUME_SUBMIT_FROM_CRYPT_CPUS,
		  CRYPT_ACTIVATE_SUBMIT_FROM_CRYPT_CPUS },
		{ "nofail", VOLUME_NOFAIL, 0 },
		{ "integrity", VOLUME_INTEGRITY, 0 },
		{ "keep-secret", VOLUME_KEEP_SECRET, 0 },
		{ "unsealed", VOLUME_UNSEALED, 0 },
		{ "wipe-rest", VOLUME_WIPE_REST, 0 },
	};
	struct volume volume = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		assert_int_equal(volume_set_options(&volume, slice_of(all[i].word), &fault), 0);
		assert_int_equal(volume.options, all[i].option);
		assert_int_equal(volume_crypt_flags(&volume), all[i].flag);
	}
	assert_int_equal(volume_set_options(&volume, SLICE("root,discard,read-only"), &fault), 0);
	assert_int_equal(volume.options, VOLUME_ROOT | VOLUME_DISCARD | VOLUME_READ_ONLY);
	assert_int_equal(volume_crypt_flags(&volume),
			 CRYPT_ACTIVATE_ALLOW_DISCARDS | CRYPT_ACTIVATE_READONLY);
	assert_int_equal(volume_set_options(&volume, SLICE("-"), &fault), 0);
	assert_int_equal(volume.options, 0);
}

static void an_unknown_option_is_named_with_those_there_are(void **state)
{
	struct volume volume = { 0 };

	(void)state;
	assert_true(volume_set_options(&volume, SLICE("root,discrad"), &fault) < 0);
	assert_non_null(strstr(fault.text, "\"discrad\""));
	assert_non_null(strstr(fault.text, "discard"));
	assert_non_null(strstr(fault.text, "unsealed"));
	assert_true(volume_set_options(&volume, SLICE("root,,discard"), &fault) < 0);
	assert_true(volume_set_options(&volume, SLICE("Root"), &fault) < 0);
}

static void a_detached_header_is_a_path(void **state)
{
	static const char *const bad[] = { "header=", "header=x", "header", "root,header=,discard" };
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
		cmocka_unit_test(a_secret_that_is_not_named_is_the_disk_key),
		cmocka_unit_test(options_are_bits_and_flags),
		cmocka_unit_test(an_unknown_option_is_named_with_those_there_are),
		cmocka_unit_test(a_detached_header_is_a_path),
	};

	return cmocka_run_group_tests_name("volume", tests, NULL, NULL);
}
