/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_FILE_H
#define COCOSECRET_FILE_H

#include <stddef.h>

/* A whole small file, NUL added; for configuration and sysfs, never for secrets. */
enum { FILE_SMALL_MAX = 65536 };
int file_read(const char *path, char **text, size_t *length);

#endif
