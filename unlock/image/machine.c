// SPDX-License-Identifier: GPL-2.0-or-later
#include "image/machine.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "header/document.h"
#include "header/load.h"
#include "header/token.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "root/state.h"

enum { DEPTH_MAX = 16 };

/* Where a machine's boot loader looks. */
static const char *const own_folders[] = { "/boot/", "/efi/", "/lib/modules/", "/usr/lib/modules/" };

#define PATH(out, format, ...) (snprintf(out, PATH_MAX, format, __VA_ARGS__) < PATH_MAX)

static bool is_there(const char *root, const char *path)
{
	char whole[PATH_MAX];

	return PATH(whole, "%s%s", root, path) && access(whole, F_OK) == 0;
}

/* Process 1 has another root in a chroot; without /proc it cannot be asked, as in a bare one. */
static bool is_chroot(const char *root)
{
	char path[PATH_MAX];
	struct stat first, own;

	if (!PATH(path, "%s/proc/1/root/.", root) || stat(path, &first) < 0 ||
	    !PATH(path, "%s/.", root) || stat(path, &own) < 0)
		return true;
	return first.st_dev != own.st_dev || first.st_ino != own.st_ino;
}

/* A container that makes an image has no init of a machine's. */
static bool is_booted(const char *root)
{
	static const char *const inits[] = { "init\n", "systemd\n", "openrc-init\n", "runit\n" };
	CLEANUP(free_text) char *name = NULL;
	char path[PATH_MAX];
	size_t length;

	if (is_there(root, "/run/systemd/system"))
		return true;
	if (!PATH(path, "%s/proc/1/comm", root) || file_read(path, &name, &length) < 0)
		return false;
	for (size_t i = 0; i < sizeof(inits) / sizeof(*inits); i++)
		if (strcmp(name, inits[i]) == 0)
			return true;
	return false;
}

/* By its real path: /boot may be a link, and so may the image be. */
static bool is_elsewhere(const char *root, const char *image)
{
	CLEANUP(free_text) char *real = image[0] ? realpath(image, NULL) : NULL;
	const char *path = real ? real : image;

	if (path[0] != '/' || strncmp(path, root, strlen(root)) != 0)
		return image[0];
	path += strlen(root);
	for (size_t i = 0; i < sizeof(own_folders) / sizeof(*own_folders); i++)
		if (strncmp(path, own_folders[i], strlen(own_folders[i])) == 0)
			return false;
	return true;
}

static bool has_token(const char *device)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	CLEANUP(document_free) struct json_object *document = NULL;
	struct fault fault;

	if (header_load(&cd, "cocosecret-image", device, &fault) ||
	    document_take(cd, &document, &fault))
		return false;
	for (int id = 0; id < TOKENS_MAX; id++)
		if (token_json(document, id))
			return true;
	return false;
}

/* What a device lies on, in any depth: a mapping's disks, among them those of LUKS volumes. */
static bool is_enrolled(const char *root, const char *folder, int depth)
{
	CLEANUP(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	char path[PATH_MAX];
	bool found = false;

	if (!PATH(path, "%s/slaves", folder) || depth > DEPTH_MAX)
		return false;
	dir = opendir(path);
	while (!found && dir && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		found = PATH(path, "%s/dev/%s", root, entry->d_name) && has_token(path);
		if (!found && PATH(path, "%s/slaves/%s", folder, entry->d_name))
			found = is_enrolled(root, path, depth + 1);
	}
	return found;
}

static bool is_root_enrolled(const char *root)
{
	char path[PATH_MAX];
	struct stat st;

	if (!PATH(path, "%s/.", root) || stat(path, &st) < 0)
		return false;
	return PATH(path, "%s/sys/dev/block/%u:%u", root, major(st.st_dev), minor(st.st_dev)) &&
	       is_enrolled(root, path, 0);
}

bool machine_may_close(const char *root, const char *image, struct fault *why)
{
	if (is_chroot(root) || !is_booted(root) || is_elsewhere(root, image) ||
	    is_there(root, MACHINE_WORD) || is_there(root, STATE_PATH "/" STATE_VOLUMES) ||
	    is_root_enrolled(root))
		return true;
	fault_set(why, "this image is left as it would be without cocosecret: it is the initramfs of the "
		  "machine that is running, whose root is on no enrolled volume, so with cocosecret in "
		  "it this machine would power off at its next boot; make images in their own root, by "
		  "chroot, or in another place than /boot; if this machine is meant, make the file "
		  MACHINE_WORD);
	return false;
}
