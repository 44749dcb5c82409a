// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * library volume-key|passphrase NAME DEVICE KEYFILE SLOT: the shortest program
 * that opens a LUKS2 volume with libcryptsetup as its documentation shows it.
 * NAME -: says only whether the key is right.
 */
#include <fcntl.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_MAX = 512 };

struct key {
	char bytes[KEY_MAX];
	size_t size;
};

static int read_key(const char *path, struct key *key)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size;

	if (fd < 0)
		return -1;
	size = read(fd, key->bytes, sizeof(key->bytes));
	close(fd);
	key->size = size > 0 ? size : 0;
	return key->size ? 0 : -1;
}

static int activate(struct crypt_device *volume, const char *how, const char *name, int slot,
		    const struct key *key)
{
	if (strcmp(how, "volume-key") == 0)
		return crypt_activate_by_volume_key(volume, name, key->bytes, key->size, 0);
	return crypt_activate_by_passphrase(volume, name, slot, key->bytes, key->size, 0);
}

static int open_volume(const char *device, const char *how, const char *name, int slot,
		       const struct key *key)
{
	struct crypt_device *volume = NULL;
	int r = crypt_init(&volume, device);

	if (r == 0)
		r = crypt_load(volume, CRYPT_LUKS2, NULL);
	if (r == 0)
		r = activate(volume, how, name, slot, key);
	crypt_free(volume);
	return r;
}

int main(int argc, char **argv)
{
	struct key key;
	int r;

	if (argc != 6)
		return 2;
	if (read_key(argv[4], &key) < 0) {
		perror(argv[4]);
		return 1;
	}
	r = open_volume(argv[3], argv[1], strcmp(argv[2], "-") ? argv[2] : NULL, atoi(argv[5]), &key);
	explicit_bzero(&key, sizeof(key));
	if (r < 0)
		fprintf(stderr, "library: %s: %s\n", argv[3], strerror(-r));
	return r < 0;
}
