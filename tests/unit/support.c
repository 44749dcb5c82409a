// SPDX-License-Identifier: GPL-2.0-or-later
#include "support.h"

#include <fcntl.h>
#include <ftw.h>
#include <libcryptsetup.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "owner/commands.h"

static char logged[8192];

static void keep(const char *format, va_list args)
{
	size_t used = strlen(logged);

	vsnprintf(logged + used, sizeof(logged) - used, format, args);
	used = strlen(logged);
	snprintf(logged + used, sizeof(logged) - used, "\n");
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	(void)level;
	va_start(args, format);
	keep(format, args);
	va_end(args);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep(format, args);
	va_end(args);
}

static char said[8192];

void say(const char *format, ...)
{
	size_t used = strlen(said);
	va_list args;

	va_start(args, format);
	vsnprintf(said + used, sizeof(said) - used, format, args);
	va_end(args);
	used = strlen(said);
	snprintf(said + used, sizeof(said) - used, "\n");
}

void say_aside(void)
{
}

void say_nothing(void)
{
}

const char *said_text(void)
{
	return said;
}

const char *log_text(void)
{
	return logged;
}

void log_forget(void)
{
	logged[0] = said[0] = '\0';
}

int enter_scratch(void **state)
{
	const char *base = getenv("TMPDIR");
	char *path;

	log_forget();
	if (asprintf(&path, "%s/cocosecret-XXXXXX", base ? base : "/tmp") < 0 || !mkdtemp(path))
		return -1;
	*state = path;
	return chdir(path);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int leave_scratch(void **state)
{
	int r = chdir("/");

	if (r == 0)
		r = nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return r;
}

void write_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

/* The binary header's fields: sequence number (big-endian, so its last byte), checksum, JSON. */
enum { COPY = 16384, SEQUENCE_LAST = 23, CHECKSUM = 448, CHECKSUM_FIELD = 64, JSON = 4096 };

uint64_t image_areas_size;

void make_image(const char *path, const char *const *keys, int count)
{
	static const struct crypt_pbkdf_type cheap = {
		.type = CRYPT_KDF_PBKDF2,
		.hash = "sha256",
		.iterations = 1000,
		.flags = CRYPT_PBKDF_NO_BENCHMARK,
	};
	struct crypt_device *cd = NULL;
	char volume_key[64] = "not random, and need not be: this volume holds nothing";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, IMAGE_SIZE), 0);
	close(fd);
	assert_int_equal(crypt_init(&cd, path), 0);
	assert_int_equal(crypt_set_pbkdf_type(cd, &cheap), 0);
	assert_int_equal(crypt_set_metadata_size(cd, 0, image_areas_size), 0);
	assert_int_equal(crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", NULL, volume_key,
				      sizeof(volume_key), NULL), 0);
	for (int slot = 0; slot < count; slot++)
		assert_int_equal(crypt_keyslot_add_by_volume_key(cd, slot, volume_key,
								 sizeof(volume_key), keys[slot],
								 KEY_SIZE), slot);
	crypt_free(cd);
}

void add_token(const char *path, const char *json)
{
	struct crypt_device *cd = NULL;

	assert_int_equal(crypt_init(&cd, path), 0);
	assert_int_equal(crypt_load(cd, CRYPT_LUKS2, NULL), 0);
	assert_true(crypt_token_json_set(cd, CRYPT_ANY_TOKEN, json) >= 0);
	crypt_free(cd);
}

/* FNV-1a: nobody attacks a test. */
uint64_t file_digest(const char *path)
{
	static unsigned char block[1 << 16];
	uint64_t digest = 14695981039346656037U;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = read(fd, block, sizeof(block))) > 0)
		for (ssize_t i = 0; i < n; i++)
			digest = (digest ^ block[i]) * 1099511628211U;
	close(fd);
	return digest;
}

static void edit_copy(char *copy, const char *find, const char *replace)
{
	char *at = strstr(copy + JSON, find);
	size_t length, size;

	assert_non_null(at);
	length = strlen(copy + JSON);
	memmove(at + strlen(replace), at + strlen(find), strlen(at + strlen(find)) + 1);
	memcpy(at, replace, strlen(replace));
	/* What follows the JSON must be zero. */
	if (strlen(replace) < strlen(find))
		memset(copy + JSON + strlen(copy + JSON), 0, length - strlen(copy + JSON));
	copy[SEQUENCE_LAST]++;
	memset(copy + CHECKSUM, 0, CHECKSUM_FIELD);
	assert_true(EVP_Q_digest(NULL, "SHA256", NULL, copy, COPY, (unsigned char *)copy + CHECKSUM,
				 &size));
}

void edit_header(const char *path, const char *find, const char *replace)
{
	static char copies[2][COPY];
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, copies, sizeof(copies), 0), sizeof(copies));
	for (int i = 0; i < 2; i++)
		edit_copy(copies[i], find, replace);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(write(fd, copies, sizeof(copies)), sizeof(copies));
	close(fd);
}
