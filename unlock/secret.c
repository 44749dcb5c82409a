// SPDX-License-Identifier: GPL-2.0-or-later
#include "secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

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

/* Unlinking is what wipes a secret; it counts only when neither lookup nor listing finds the name. */
int secret_unlink(int folder, const char *name)
{
	int r;

	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return -errno;
	if (secret_present(folder, name) != -ENOENT)
		return -EEXIST;
	r = listed(folder, name);
	return r > 0 ? -EEXIST : r;
}

static int unlink_listed(int folder)
{
	CLEANUP(close_dir) DIR *dir = list(folder);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) != NULL)
		if (!is_dot(entry->d_name))
			unlinkat(folder, entry->d_name, 0);
	return listed(folder, NULL);
}

/* What fails once, for a shortage that passes, may go well the next time. */
int secret_unlink_all(int folder)
{
	int r = 1;

	for (int tries = 0; tries < WIPE_TRIES && r != 0; tries++)
		r = unlink_listed(folder);
	return r > 0 ? -EEXIST : r;
}
