/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_FILE_H
#define COCOSECRET_FILE_H

#include <stddef.h>
#include <stdint.h>

/* A whole small file, NUL added; for configuration and sysfs, never for secrets. */
enum { FILE_SMALL_MAX = 65536 };
int file_read(const char *path, char **text, size_t *length);

/* The same of any file, to its end, whatever its size is said to be; -EFBIG beyond @limit. */
int file_read_all(int fd, size_t limit, char **bytes, size_t *size);

/* Just @size bytes at @at: 0, or negative errno, -ENODATA where the file ends before. */
int file_read_at(int fd, void *bytes, size_t size, uint64_t at);

/* All of it: 0, or negative errno. It keeps no copy, so a secret may go this way, too. */
int file_write(int fd, const void *bytes, size_t size);

#endif
