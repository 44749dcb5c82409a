// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/table_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"

static int open_table(const char *path)
{
	if (strcmp(path, "-") == 0)
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

static int read_table(struct table_file *file, const char *command, const char *path)
{
	CLEANUP(close_fd) int fd = open_table(path);
	int r = fd < 0 ? -errno : secret_read_fd(&file->bytes, fd);

	if (r == 0)
		return EXIT_OPENED;
	complain("%s: %s: %s", command, path, r == -EFBIG ?
		 "larger than 64 KiB, so not a secret table" : strerror(-r));
	return r == -EFBIG ? EXIT_CONFIG : EXIT_IO;
}

int table_file_load(struct table_file *file, const char *command, const char *path)
{
	struct secret_fault fault;
	char text[SECRET_FAULT_TEXT];
	int r = read_table(file, command, path);

	if (r)
		return r;
	file->table.capacity = secret_table_capacity(file->bytes.size);
	file->table.entries = calloc(file->table.capacity + 1, sizeof(*file->table.entries));
	if (!file->table.entries) {
		complain("%s: out of memory", command);
		return EXIT_IO;
	}
	if (secret_table_parse(&file->table, file->bytes.bytes, file->bytes.size, &fault) == 0)
		return EXIT_OPENED;
	secret_fault_explain(&fault, text, sizeof(text));
	complain("%s: %s: %s", command, path, text);
	return EXIT_CONFIG;
}

void table_file_free(struct table_file *file)
{
	secret_wipe(&file->bytes);
	free(file->table.entries);
}

int table_parse_max(const char *command, const char *text, unsigned long *max)
{
	char *end;

	errno = 0;
	*max = strtoul(text, &end, 0);
	if (errno || *end || text[0] == '-' || *max < SECRET_HEAD_SIZE || *max > SECRET_AREA_MAX) {
		complain("%s: --max %s: not a number of bytes from %d to %d", command, text,
			 SECRET_HEAD_SIZE, SECRET_AREA_MAX);
		return EXIT_CONFIG;
	}
	return EXIT_OPENED;
}
