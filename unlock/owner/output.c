// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

enum { BUFFER_SIZE = 1 << 16 };

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool output_is_stdout(const char *name)
{
	struct stat named, own;

	return strcmp(name, "-") == 0 || (stat(name, &named) == 0 && fstat(STDOUT_FILENO, &own) == 0 &&
					  is_same(&named, &own));
}

const char *output_explain(int r)
{
	switch (-r) {
	case EEXIST:
		return "exists and is not a regular file";
	case ENOLINK:
		return "is a link that leads nowhere";
	default:
		return strerror(-r);
	}
}

/* A link into /proc may lead to a file that no longer has the name that it gives. */
static int follow(const char *link, char path[PATH_MAX])
{
	struct stat meant, found;

	if (!realpath(link, path))
		return errno == ENOENT ? -ENOLINK : -errno;
	if (stat(link, &meant) < 0 || stat(path, &found) < 0)
		return -errno;
	return is_same(&meant, &found) ? 0 : -EEXIST;
}

/* What is replaced where that is no link. */
static int find(const char *name, char path[PATH_MAX])
{
	struct stat st;
	int r = 0;

	if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (lstat(name, &st) < 0)
		return 0;
	if (S_ISLNK(st.st_mode))
		r = follow(name, path);
	if (r == 0 && lstat(path, &st) < 0)
		r = -errno;
	return r == 0 && !S_ISREG(st.st_mode) ? -EEXIST : r;
}

int output_check(const char *name)
{
	char path[PATH_MAX];

	return output_is_stdout(name) ? 0 : find(name, path);
}

int output_begin(struct output *output, const char *name)
{
	bool to_stdout = output_is_stdout(name);
	int r = to_stdout ? 0 : find(name, output->path);

	if (r < 0)
		return r;
	if (to_stdout)
		output->path[0] = '\0';
	if (snprintf(output->beside, sizeof(output->beside), "%s.XXXXXX",
		     to_stdout ? "/tmp/cocosecret" : output->path) >= PATH_MAX)
		r = -ENAMETOOLONG;
	if (r == 0) {
		output->fd = mkostemp(output->beside, O_CLOEXEC);
		r = output->fd < 0 ? -errno : 0;
	}
	if (r < 0)
		output->beside[0] = '\0';
	return r;
}

/* By its name: what signs a file may have made it anew. */
static int copy_to_stdout(const struct output *output)
{
	CLEANUP(close_fd) int fd = open(output->beside, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char buffer[BUFFER_SIZE];
	ssize_t n = fd < 0 ? -1 : 1;
	int r = 0;

	while (r == 0 && n > 0) {
		n = read(fd, buffer, sizeof(buffer));
		if (n > 0)
			r = file_write(STDOUT_FILENO, buffer, (size_t)n);
	}
	return r == 0 && n < 0 ? -errno : r;
}

int output_finish(struct output *output)
{
	if (!output->path[0])
		return copy_to_stdout(output);
	if (fsync(output->fd) < 0 || rename(output->beside, output->path) < 0)
		return -errno;
	output->beside[0] = '\0';
	return 0;
}

void output_free(struct output *output)
{
	close_fd(&output->fd);
	output->fd = -1;
	if (output->beside[0])
		unlink(output->beside);
	output->beside[0] = '\0';
}

static int write_stdout(const struct secret *bytes)
{
	return file_write(STDOUT_FILENO, bytes->bytes, bytes->size);
}

int output_new(const char *name, const struct secret *bytes)
{
	CLEANUP(close_fd) int fd = -1;
	int r;

	if (output_is_stdout(name))
		return write_stdout(bytes);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
	r = fd < 0 ? -errno : file_write(fd, bytes->bytes, bytes->size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (fd >= 0 && r < 0)
		unlink(name);
	return r;
}

int output_replace(const char *name, const struct secret *bytes)
{
	CLEANUP(output_free) struct output output = OUTPUT_INIT;
	int r;

	if (output_is_stdout(name))
		return write_stdout(bytes);
	r = output_begin(&output, name);
	if (r == 0)
		r = file_write(output.fd, bytes->bytes, bytes->size);
	return r == 0 ? output_finish(&output) : r;
}
