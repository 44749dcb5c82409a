// SPDX-License-Identifier: GPL-2.0-or-later
#include "sealed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "header/check.h"
#include "header/document.h"
#include "header/identity.h"
#include "header/load.h"
#include "header/policy.h"
#include "header/seal.h"
#include "lib/cleanup.h"

enum { DIED = 99 };

const char *const keys[2] = { "owner's own key, 32 bytes long..", "launch key one, 32 bytes long..." };
const char new_key[KEY_SIZE + 1] = "launch key two, 32 bytes long...";
static struct fault fault;

/* A block that is written while this counts down to nothing is written by half, and all ends. */
static int writes_left;
static struct write *recorded; /* NULL: none */
static int recorded_count;

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	if (recorded && size == BLOCK) {
		assert_true(recorded_count < WRITES_MAX);
		recorded[recorded_count].at = at;
		memcpy(recorded[recorded_count++].bytes, bytes, BLOCK);
	}
	if (writes_left > 0 && size == BLOCK && --writes_left == 0) {
		syscall(SYS_pwrite64, fd, bytes, size / 2, at);
		_exit(DIED);
	}
	return syscall(SYS_pwrite64, fd, bytes, size, at);
}

int run(int (*command)(int argc, char **argv), char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	log_forget();
	return command(argc, argv);
}

/* The header and key slots of an image, with the launch key and without. */
static char plain[HEADERS], enrolled[HEADERS];

void save(char headers[HEADERS])
{
	int fd = open("image", O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, headers, HEADERS, 0), HEADERS);
	close(fd);
}

void put_back(const char headers[HEADERS])
{
	int fd = open("image", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(ftruncate(fd, IMAGE_SIZE), 0);
	assert_int_equal(pwrite(fd, headers, HEADERS, 0), HEADERS);
	close(fd);
}

int begin(void **state)
{
	int r = enter_scratch(state);

	if (plain[0]) {
		put_back(plain);
	} else {
		make_image("image", keys, 1);
		save(plain);
	}
	write_file("owner", keys[0], KEY_SIZE);
	write_file("one", keys[1], KEY_SIZE);
	write_file("two", new_key, KEY_SIZE);
	write_file(GUID_DISK_KEY, keys[1], KEY_SIZE);
	return r;
}

int begin_enrolled(void **state)
{
	int r = begin(state);

	if (enrolled[0]) {
		put_back(enrolled);
	} else {
		assert_int_equal(ENROLL("--new-key-file", "one"), EXIT_OPENED);
		save(enrolled);
	}
	return r;
}

/* As volume_open does, up to the mapping: that is for machines with device-mapper. */
int open_with(const char *key, const char *name)
{
	static const struct header_source source = { "root", "", "image", 0 };
	static const struct header_wanted wanted = { .secret = GUID_DISK_KEY };
	CLEANUP(header_free) struct header header = { 0 };
	const struct secret secret = { .bytes = (unsigned char *)key, .size = KEY_SIZE };
	int r = header_read(&header, &source, &fault);

	if (r == 0)
		r = header_check(&header, &wanted, &secret, &fault);
	if (r == 0 && name)
		r = identity_check_name(&header.token, name, &fault);
	if (r == 0)
		r = crypt_activate_by_passphrase(header.cd, NULL, header.token.slot, key, KEY_SIZE, 0) ==
		    header.token.slot ? EXIT_OPENED : EXIT_WRONG_KEY;
	return r;
}

bool slot_opens(int slot, const char *key)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;

	return header_load(&cd, "root", "image", &fault) == 0 &&
	       crypt_activate_by_passphrase(cd, NULL, slot, key, KEY_SIZE, 0) == slot;
}

bool cut(int (*command)(void), int write)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		writes_left = write;
		_exit(command());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == DIED || WEXITSTATUS(status) == EXIT_OPENED);
	return WEXITSTATUS(status) == DIED;
}

int record_writes(int (*command)(void), struct write writes[WRITES_MAX])
{
	recorded = writes;
	recorded_count = 0;
	assert_int_equal(command(), EXIT_OPENED);
	recorded = NULL;
	return recorded_count;
}

void damage(off_t at)
{
	int fd = open("image", O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, "damage", 6, at), 6);
	close(fd);
}

/* Every store is synced, which would be most of the time on a disk. */
void sealed_use_memory(void)
{
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
}
