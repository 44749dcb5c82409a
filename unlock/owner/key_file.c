// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"
#include "owner/terminal.h"

const char key_file_asked[] = "the passphrase";

static int open_key(struct key_files *files, const char *path)
{
	if (strcmp(path, "-") != 0)
		return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (files->stdin_used) {
		errno = EBUSY;
		return -1;
	}
	files->stdin_used = true;
	return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
}

static bool is_printable_line(const struct secret *key)
{
	if (key->size == 0 || key->bytes[key->size - 1] != '\n')
		return false;
	for (size_t i = 0; i + 1 < key->size; i++)
		if (key->bytes[i] < ' ' || key->bytes[i] > '~')
			return false;
	return true;
}

static const char *read_hint(int r)
{
	switch (-r) {
	case EFBIG:
		return "; no secret area holds more than 64 KiB";
	case EBUSY:
		return "; standard input can be only one key";
	case ENOMEM:
	case EPERM:
		return "; keys are kept in locked memory, see ulimit -l";
	default:
		return "";
	}
}

static int ask(const struct key_files *files, struct secret *key)
{
	int r = terminal_ask("A passphrase that opens the volume now: ", key);

	if (r == -EINTR)
		complain("%s: no passphrase was given", files->command);
	else if (r == -ENXIO || r == -ENOENT)
		complain("%s: no --key-file, and no terminal on which to ask for a passphrase",
			 files->command);
	else if (r < 0)
		complain("%s: /dev/tty: %s%s", files->command, strerror(-r), read_hint(r));
	return r < 0 ? EXIT_CONFIG : EXIT_OPENED;
}

static int read_file(struct key_files *files, const char *path, struct secret *key)
{
	CLEANUP(close_fd) int fd = open_key(files, path);
	int r = fd < 0 ? -errno : secret_read_fd(key, fd);

	if (r < 0) {
		complain("%s: %s: %s%s", files->command, path, strerror(-r), read_hint(r));
		return r == -EFBIG || r == -EBUSY ? EXIT_CONFIG : EXIT_IO;
	}
	if (is_printable_line(key))
		complain("%s: %s: warning: ends in a newline, which is taken as part of the key",
			 files->command, path);
	return EXIT_OPENED;
}

int key_file_read(struct key_files *files, const char *path, struct secret *key)
{
	return path == key_file_asked ? ask(files, key) : read_file(files, path, key);
}
