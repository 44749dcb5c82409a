// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cleanup.h"

int file_read_all(int fd, size_t limit, char **bytes, size_t *size)
{
	CLEANUP(free_text) char *buffer = malloc(limit + 1);
	size_t used = 0;
	ssize_t n;

	if (!buffer)
		return -ENOMEM;
	while ((n = read(fd, buffer + used, limit + 1 - used)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		used += (size_t)n;
		if (used > limit)
			return -EFBIG;
	}
	buffer[used] = '\0';
	*bytes = buffer;
	*size = used;
	buffer = NULL;
	return 0;
}

int file_read(const char *path, char **text, size_t *length)
{
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : file_read_all(fd, FILE_SMALL_MAX, text, length);
}

int file_read_at(int fd, void *bytes, size_t size, uint64_t at)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, (char *)bytes + done, size - done, (off_t)(at + done));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ENODATA;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

int file_write(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
	return 0;
}
