// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* A record of /dev/kmsg holds less than 1 KiB, and a longer write is refused whole. */
enum { LINE_MAX_BYTES = 900, LEVEL_BYTES = 3 };

static void write_to_stderr(const char *line, size_t length)
{
	ssize_t ignored = write(STDERR_FILENO, line, length);

	(void)ignored;
}

/*
 * The descriptor is opened anew for each line, because the kernel limits the rate of lines an open
 * descriptor may write. Standard error is for where there is no kernel log only: it may be a
 * console, that is, the host's, who can stop it for ever by flow control.
 */
void log_line(enum log_level level, const char *format, ...)
{
	CLEANUP(close_fd) int kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char line[LINE_MAX_BYTES];
	va_list args;
	size_t length;

	snprintf(line, sizeof(line), "<%d>cocosecret: ", (int)level);
	length = strlen(line);
	va_start(args, format);
	vsnprintf(line + length, sizeof(line) - length - 1, format, args);
	va_end(args);
	length = strlen(line);
	line[length++] = '\n';

	if (kmsg < 0 || write(kmsg, line, length) < 0)
		write_to_stderr(line + LEVEL_BYTES, length - LEVEL_BYTES);
}
