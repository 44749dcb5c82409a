// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stand-in for configfs-tsm, preloaded: folders made below tsm/report, which lies on a tmpfs, get
 * the files of a request. $FAKETSM is a folder with provider, report, at (where the report holds
 * what it is asked to hold), and, if they are there, auxblob, privlevel_floor, and what is to go
 * wrong: "fault" holds a word, "errno" a number and how often. The kernel's own is a module's affair.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUESTS "/sys/kernel/config/tsm/report/"

static const char *const files[] = {
	"provider", "privlevel_floor", "auxblob", "generation", "inblob", "outblob",
};

static int really_open(int folder, const char *path, int flags, mode_t mode)
{
	static int (*next)(int folder, const char *path, int flags, ...);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "openat");
	return next(folder, path, flags, mode);
}

static size_t get(const char *folder, const char *name, char *bytes, size_t capacity)
{
	char path[4096];
	ssize_t n = 0;
	size_t used = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = really_open(AT_FDCWD, path, O_RDONLY, 0);
	while (fd >= 0 && used < capacity && (n = read(fd, bytes + used, capacity - used)) > 0)
		used += (size_t)n;
	if (fd >= 0)
		close(fd);
	return used;
}

static void put(const char *folder, const char *name, const char *bytes, size_t size)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = really_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	close(fd);
}

static const char *source(void)
{
	return getenv("FAKETSM");
}

static int is_fault(const char *word)
{
	char fault[64] = "";

	get(source(), "fault", fault, sizeof(fault) - 1);
	return strcmp(fault, word) == 0;
}

static int is_request(const char *path)
{
	return source() && strncmp(path, REQUESTS, strlen(REQUESTS)) == 0;
}

static void fill(const char *request)
{
	char *bytes = malloc(1 << 20);
	size_t size;

	for (int i = 0; i < 3; i++) {
		size = get(source(), files[i], bytes, 1 << 20);
		if (size > 0 || i < 2)
			put(request, files[i], bytes, size);
	}
	put(request, "generation", "0\n", 2);
	put(request, "inblob", "", 0);
	free(bytes);
}

int mkdir(const char *path, mode_t mode)
{
	int (*next)(const char *path, mode_t mode);
	int r;

	*(void **)&next = dlsym(RTLD_NEXT, "mkdir");
	if (is_request(path) && is_fault("no provider")) {
		errno = ENXIO;
		return -1;
	}
	r = next(path, mode);
	if (r == 0 && is_request(path))
		fill(path);
	return r;
}

int rmdir(const char *path)
{
	int (*next)(const char *path);
	char file[4096];

	*(void **)&next = dlsym(RTLD_NEXT, "rmdir");
	for (int i = 0; is_request(path) && i < 6; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, files[i]);
		unlink(file);
	}
	return next(path);
}

/* An error so many times more. */
static int planned_error(void)
{
	char text[64] = "";
	int error = 0, times = 0;

	get(source(), "errno", text, sizeof(text) - 1);
	if (sscanf(text, "%d %d", &error, &times) != 2 || times == 0)
		return 0;
	snprintf(text, sizeof(text), "%d %d", error, times - 1);
	put(source(), "errno", text, strlen(text));
	return error;
}

/* As the kernel does when its file is read. */
static int make_report(const char *request)
{
	char *report = malloc(1 << 20), data[65] = "", at[16] = "";
	size_t size = get(source(), "report", report, 1 << 20);
	size_t asked = get(request, "inblob", data, sizeof(data));
	int error = planned_error();

	get(source(), "at", at, sizeof(at) - 1);
	if (asked != 64)
		error = EINVAL;
	if (is_fault("no echo"))
		data[0] ^= 1;
	if (size > 0)
		memcpy(report + atol(at), data, 64);
	put(request, "outblob", report, is_fault("empty") ? 0 : size);
	put(request, "generation", is_fault("generation") ? "2\n" : "1\n", 2);
	free(report);
	return error;
}

static int open_as_tsm(int folder, const char *path, int flags, mode_t mode)
{
	char link[64], request[4096];
	ssize_t n = -1;

	if (source() && folder != AT_FDCWD && strcmp(path, "outblob") == 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
		n = readlink(link, request, sizeof(request) - 1);
	}
	if (n > 0) {
		int error;

		request[n] = '\0';
		error = make_report(request);
		if (error) {
			errno = error;
			return -1;
		}
	}
	return really_open(folder, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open_as_tsm(folder, path, flags, mode);
}
