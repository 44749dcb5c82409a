// SPDX-License-Identifier: GPL-2.0-or-later
#include "support.h"

#include <fcntl.h>
#include <ftw.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "log.h"

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

const char *log_text(void)
{
	return logged;
}

void log_forget(void)
{
	logged[0] = '\0';
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
	assert_int_equal(ftruncate(fd, 20 << 20), 0);
	close(fd);
	assert_int_equal(crypt_init(&cd, path), 0);
	assert_int_equal(crypt_set_pbkdf_type(cd, &cheap), 0);
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
