/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_CLEANUP_H
#define COCOSECRET_CLEANUP_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

/* A variable with this attribute undoes itself where its scope ends, on every path. */
#define CLEANUP(undo) __attribute__((cleanup(undo)))

static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static inline void free_text(char **text)
{
	free(*text);
}

static inline void free_bytes(unsigned char **bytes)
{
	free(*bytes);
}

#endif
