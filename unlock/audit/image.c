// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

/*
 * The largest file that any check asks for is a kernel's modules.builtin or a rules file, of some
 * hundred KiB; a folder of more than NAMES_MAX entries is none of a distribution's.
 */
enum { FILE_MAX = 1 << 20, NAMES_MAX = 4096, RETRIES = 8 };

int image_open(struct image *image, const char *root)
{
	*image = (struct image){ .root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC),
				 .unread = json_object_new_array() };
	return image->root < 0 ? -errno : 0;
}

void image_close(struct image *image)
{
	close_fd(&image->root);
	json_object_put(image->unread);
}

/* A descriptor, or negative errno. */
static int resolve(const struct image *image, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	/* Somebody may rename what is being looked at; EAGAIN asks for another try. */
	for (int i = 0; i < RETRIES; i++) {
		fd = syscall(SYS_openat2, image->root, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

static bool is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

static bool is_told(const struct image *image, const char *path)
{
	for (size_t i = 0; i < json_object_array_length(image->unread); i++) {
		struct json_object *known = json_object_array_get_idx(image->unread, i);

		if (strcmp(json_object_get_string(json_object_object_get(known, "file")), path) == 0)
			return true;
	}
	return false;
}

/* What was not seen must not pass for what is not there. */
void image_tell(struct image *image, const char *path, const char *why)
{
	struct json_object *entry;

	path = ESCAPED(slice_of(path));
	if (json_object_array_length(image->unread) >= NAMES_MAX || is_told(image, path))
		return;
	entry = json_object_new_object();
	json_object_object_add(entry, "file", json_object_new_string(path));
	json_object_object_add(entry, "why", json_object_new_string(why));
	json_object_array_add(image->unread, entry);
}

static void tell_errno(struct image *image, const char *path, int r)
{
	if (!is_absent(r))
		image_tell(image, path, r == -ENOSYS ? "Linux 5.6 is needed" : strerror(-r));
}

bool image_has(struct image *image, const char *path)
{
	CLEANUP(close_fd) int fd = resolve(image, path, O_PATH);

	if (fd < 0)
		tell_errno(image, path, fd);
	return fd >= 0;
}

bool image_has_entry(struct image *image, const char *path)
{
	CLEANUP(close_fd) int fd = resolve(image, path, O_PATH | O_NOFOLLOW);

	if (fd < 0)
		tell_errno(image, path, fd);
	return fd >= 0;
}

/* In a root whose /dev is empty the link leads nowhere, so its words count. */
static bool leads_to_null(int link)
{
	char target[64];
	const char *at = target;
	ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);

	if (length < 0)
		return false;
	target[length] = '\0';
	while (strncmp(at, "../", 3) == 0)
		at += 3;
	return strcmp(at + (*at == '/'), "dev/null") == 0;
}

bool image_is_mask(struct image *image, const char *path)
{
	CLEANUP(close_fd) int link = resolve(image, path, O_PATH | O_NOFOLLOW);
	CLEANUP(close_fd) int file = -1;
	struct stat st;

	if (link < 0)
		return false;
	if (leads_to_null(link))
		return true;
	file = resolve(image, path, O_PATH);
	if (file < 0 || fstat(file, &st) < 0)
		return false;
	return S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size == 0);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && S_ISREG(b->st_mode);
}

/* Looked at before it is opened: to open a device or a pipe may wait, or do something. */
static int open_regular(const struct image *image, const char *path)
{
	CLEANUP(close_fd) int seen = resolve(image, path, O_PATH);
	CLEANUP(close_fd) int opened = -1;
	struct stat before, after;
	int fd;

	if (seen < 0)
		return seen;
	if (fstat(seen, &before) < 0)
		return -errno;
	if (!S_ISREG(before.st_mode))
		return S_ISDIR(before.st_mode) ? -EISDIR : -EMEDIUMTYPE;
	opened = resolve(image, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (opened < 0)
		return opened;
	if (fstat(opened, &after) < 0 || !is_same(&before, &after))
		return -ESTALE;
	fd = opened;
	opened = -1;
	return fd;
}

char *image_read(struct image *image, const char *path, size_t *length)
{
	CLEANUP(close_fd) int fd = open_regular(image, path);
	char *text = NULL;
	int r = fd < 0 ? fd : file_read_all(fd, FILE_MAX, &text, length);

	if (r == -EMEDIUMTYPE || r == -EISDIR)
		image_tell(image, path, "is not a regular file");
	else if (r < 0)
		tell_errno(image, path, r);
	return text;
}

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(path_name(*(char *const *)a), path_name(*(char *const *)b));
}

static bool has_name(const struct names *names, size_t from, size_t to, const char *name)
{
	for (size_t i = from; i < to; i++)
		if (strcmp(path_name(names->list[i]), name) == 0)
			return true;
	return false;
}

static int add_name(struct names *names, const char *folder, const char *name)
{
	char path[IMAGE_PATH_SIZE], **list;

	if (names->count == NAMES_MAX ||
	    snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -E2BIG;
	list = realloc(names->list, (names->count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	names->list = list;
	list[names->count] = strdup(path);
	if (!list[names->count])
		return -ENOMEM;
	names->count++;
	return 0;
}

/* Entries called like one of the names from @from to @to are left out. */
static void read_folder(struct image *image, const char *folder, const char *pattern,
			struct names *names, size_t from, size_t to)
{
	CLEANUP(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	int r, fd = resolve(image, folder, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		tell_errno(image, folder, fd);
		return;
	}
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || fnmatch(pattern, entry->d_name, 0) != 0 ||
		    has_name(names, from, to, entry->d_name))
			continue;
		r = add_name(names, folder, entry->d_name);
		if (r == 0)
			continue;
		tell_errno(image, folder, r);
		return;
	}
}

/* Those after the first @known, which whoever asks wants to stay before them. */
static void sort(struct names *names, size_t known)
{
	if (names->count > known)
		qsort(names->list + known, names->count - known, sizeof(*names->list), by_name);
}

void image_list(struct image *image, const char *folder, const char *pattern, struct names *names)
{
	size_t known = names->count;

	read_folder(image, folder, pattern, names, 0, 0);
	sort(names, known);
}

void image_list_each(struct image *image, const char *const *folders, const char *pattern,
		     struct names *names)
{
	size_t known = names->count;

	for (size_t i = 0; folders[i]; i++)
		read_folder(image, folders[i], pattern, names, known, names->count);
	sort(names, known);
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
	*names = (struct names){ 0 };
}
