// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/guid.h"

enum { WIPE_TRIES = 3 };

static size_t whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

int secret_allocate(struct secret *secret, size_t capacity)
{
	size_t length = whole_pages(capacity);
	void *pages = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return -errno;
	*secret = (struct secret){ .bytes = pages, .capacity = length };
	if (mlock(pages, length) < 0 || madvise(pages, length, MADV_DONTDUMP) < 0 ||
	    madvise(pages, length, MADV_WIPEONFORK) < 0) {
		int r = -errno;

		secret_wipe(secret);
		return r;
	}
	return 0;
}

void secret_wipe(struct secret *secret)
{
	if (!secret->bytes)
		return;
	explicit_bzero(secret->bytes, secret->capacity);
	munmap(secret->bytes, secret->capacity);
	*secret = (struct secret){ 0 };
}

/* To the end of the file, whatever its st_size says; one byte over the limit is too large. */
int secret_read_fd(struct secret *secret, int fd)
{
	int r = secret_allocate(secret, SECRET_MAX + 1);

	if (r < 0)
		return r;
	while (secret->size <= SECRET_MAX) {
		ssize_t n = read(fd, secret->bytes + secret->size, SECRET_MAX + 1 - secret->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		secret->size += (size_t)n;
	}
	return -EFBIG;
}

int secret_read(struct secret *secret, int folder, const char *name)
{
	CLEANUP(close_fd) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return secret_read_fd(secret, fd);
}

int secret_fetch(struct secret *secret, int folder, const char *name, struct fault *fault)
{
	int r = secret_read(secret, folder, name);

	if (r == 0 && secret->size > 0)
		return EXIT_OPENED;
	fault_set(fault, "secret %s cannot be read: %s", name, r < 0 ? strerror(-r) : "it is empty");
	return r == 0 || r == -ENOENT ? EXIT_NO_SECRET : EXIT_IO;
}

int secret_present(int folder, const char *name)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

static DIR *list(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Is it in the listing? With @name NULL: is anything? */
static int listed(int folder, const char *name)
{
	CLEANUP(close_dir) DIR *dir = list(folder);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while (errno = 0, (entry = readdir(dir)) != NULL)
		if (name ? strcmp(entry->d_name, name) == 0 : !is_dot(entry->d_name))
			return 1;
	return -errno;
}

static bool is_securityfs(int folder)
{
	struct statfs fs;

	return fstatfs(folder, &fs) == 0 && fs.f_type == SECURITYFS_MAGIC;
}

/* In memory the pages of a file outlive it. */
static int overwrite(int folder, const char *name)
{
	static const char zeros[4096];
	CLEANUP(close_fd) int fd = openat(folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	for (off_t at = 0; at < st.st_size;) {
		off_t left = st.st_size - at;
		ssize_t n = pwrite(fd, zeros, left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros), at);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			at += n;
	}
	return 0;
}

/* Among the launch secrets the unlinking itself wipes; elsewhere zeros are written before. */
static int wipe_and_unlink(int folder, const char *name)
{
	int r = 0;

	if (secret_present(folder, name) == 0 && !is_securityfs(folder))
		r = overwrite(folder, name);
	return unlinkat(folder, name, 0) < 0 && errno != ENOENT ? -errno : r;
}

/* It counts only when neither lookup nor listing finds the name. */
int secret_unlink(int folder, const char *name)
{
	int r = wipe_and_unlink(folder, name);

	if (r < 0)
		return r;
	if (secret_present(folder, name) != -ENOENT)
		return -EEXIST;
	r = listed(folder, name);
	return r > 0 ? -EEXIST : r;
}

/* A file that was not overwritten is gone all the same: @r, then, is all that tells of it. */
static int unlink_listed(int folder, int *r)
{
	CLEANUP(close_dir) DIR *dir = list(folder);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) != NULL) {
		int failed = is_dot(entry->d_name) ? 0 : wipe_and_unlink(folder, entry->d_name);

		if (failed < 0 && secret_present(folder, entry->d_name) == -ENOENT)
			*r = failed;
	}
	return listed(folder, NULL);
}

/* A call that fails for a passing shortage may succeed the next time. */
int secret_unlink_all(int folder)
{
	int r = 1, lost = 0;

	for (int tries = 0; tries < WIPE_TRIES && r != 0; tries++)
		r = unlink_listed(folder, &lost);
	if (r == 0)
		return lost;
	return r > 0 ? -EEXIST : r;
}

/* A name with a dot in front is not a secret yet: its writer renames it when it is whole. */
bool secret_any(int folder)
{
	CLEANUP(close_dir) DIR *dir = list(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			return true;
	return false;
}

char *secret_list(int folder, char text[SECRET_LIST])
{
	CLEANUP(close_dir) DIR *dir = list(folder);
	const struct dirent *entry;
	char uuid[GUID_TEXT_SIZE];
	size_t used = 0;

	snprintf(text, SECRET_LIST, "none");
	while (dir && (entry = readdir(dir)) != NULL) {
		if (guid_parse(slice_of(entry->d_name), uuid) < 0)
			continue;
		if (used + GUID_TEXT_SIZE + sizeof(", ...") > SECRET_LIST) {
			snprintf(text + used, SECRET_LIST - used, ", ...");
			break;
		}
		used += (size_t)snprintf(text + used, SECRET_LIST - used, "%s%s", used ? ", " : "", uuid);
	}
	return text;
}
