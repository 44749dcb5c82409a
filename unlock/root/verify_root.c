// SPDX-License-Identifier: GPL-2.0-or-later
#include "root/verify_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/cocotab.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "root/state.h"
#include "root/verify_device.h"

#define MOUNTINFO "/proc/self/mountinfo"

/* These hold what the kernel or this boot's own programs put there, and no device's bytes. */
static const char *const in_memory[] = {
	"autofs",  "binfmt_misc", "bpf",        "cgroup",      "cgroup2", "configfs", "debugfs",
	"devpts",  "devtmpfs",    "efivarfs",   "fusectl",     "hugetlbfs", "mqueue", "nsfs",
	"proc",    "pstore",      "ramfs",      "resctrl",     "rootfs",  "rpc_pipefs", "securityfs",
	"selinuxfs", "smackfs",   "sysfs",      "tmpfs",       "tracefs",
};

/* We know how to find each device of these; any other may have more than its mount shows. */
static const char *const on_known_devices[] = { "btrfs",   "ext2", "ext3", "ext4", "iso9660",
						"squashfs", "vfat", "xfs" };

/* A second device of XFS. */
static const char *const second_device[] = { "logdev=", "rtdev=" };

struct layers {
	const struct verify_view *view;
	struct verify_mounts *mounts;
	const struct verify_mount *overlay;
	struct fault *why;
	bool on_device; /* a layer lies on a mount that is not in memory */
};

static bool is_one_of(const char *type, const char *const *types, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

static bool is_in_memory(const struct verify_mount *mount)
{
	return is_one_of(mount->type, in_memory, sizeof(in_memory) / sizeof(*in_memory));
}

static bool has_known_devices(const struct verify_mount *mount)
{
	return is_one_of(mount->type, on_known_devices,
			 sizeof(on_known_devices) / sizeof(*on_known_devices));
}

static bool is_overlay(const struct verify_mount *mount)
{
	return strcmp(mount->type, "overlay") == 0;
}

static bool names_second_device(const struct verify_mount *mount)
{
	struct slice rest = slice_of(mount->options), option;

	while (slice_cut(&rest, ',', &option))
		for (size_t i = 0; i < sizeof(second_device) / sizeof(*second_device); i++)
			if (slice_skip_prefix(&option, second_device[i]))
				return true;
	return false;
}

static void need(struct layers *layers, struct verify_mount *mount)
{
	mount->is_root |= layers->overlay->is_root;
	mount->needed = true;
}

/* Whatever is mounted on the way to a path may be what the path leads to. */
static bool need_path(struct layers *layers, const char *path)
{
	bool found = false;

	for (size_t i = 0; i < layers->mounts->count; i++) {
		struct verify_mount *mount = &layers->mounts->list[i];

		if (mount == layers->overlay || !path_is_within(path, mount->point))
			continue;
		need(layers, mount);
		layers->on_device |= !is_in_memory(mount);
		found = true;
	}
	return found;
}

/*
 * The kernel keeps the paths that an overlay was made with, and a tool may have moved what they led
 * to, as overlayroot does. A path that leads into memory now, or nowhere, tells nothing: then any mount
 * may be a layer, and each one must be ours.
 */
static void need_all(struct layers *layers)
{
	for (size_t i = 0; i < layers->mounts->count; i++)
		if (&layers->mounts->list[i] != layers->overlay)
			need(layers, &layers->mounts->list[i]);
}

static bool need_layer(void *context, const char *path)
{
	struct layers *layers = context;
	CLEANUP(free_text) char *real = path[0] == '/' ? layers->view->resolve(path) : NULL;

	if (!real || !need_path(layers, path) || !need_path(layers, real))
		need_all(layers);
	return true;
}

static bool verify_overlay(const struct verify_view *view, struct verify_mounts *mounts,
			   const struct verify_mount *overlay, struct fault *why)
{
	struct layers layers = { view, mounts, overlay, why, false };

	fault_set(why, "an overlay without layers");
	if (!verify_mount_layers(overlay, need_layer, &layers))
		return false;
	if (!layers.on_device)
		need_all(&layers);
	return true;
}

static bool verify_btrfs(const struct verify_view *view, const struct verify_mount *mount,
			 struct verify_ground *ground, struct fault *why)
{
	char folder[PATH_MAX], id[37];

	if (!view->btrfs_id(mount, id)) {
		fault_set(why, "a btrfs that cannot be asked for its devices");
		return false;
	}
	snprintf(folder, sizeof(folder), "%s/fs/btrfs/%s/devices", view->sysfs, id);
	return verify_devices(ground, folder, why);
}

/*
 * jbd2 lists a journal that has a device of its own by that device's name; one that lies in its
 * file system has the inode's number behind it. Nobody says which file system it is of: so each
 * one counts for every file system.
 */
static bool verify_journals(const struct verify_view *view, struct fault *why)
{
	struct verify_ground ground = { view->state, view->root, false };
	CLEANUP(close_dir) DIR *dir = opendir(view->journals);
	const struct dirent *entry;
	char folder[PATH_MAX];

	if (!dir && errno != ENOENT) {
		fault_set(why, "a file system whose journal cannot be known");
		return false;
	}
	while (dir && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(folder, sizeof(folder), "%s/class/block/%s", view->sysfs, entry->d_name);
		if (access(folder, F_OK) < 0 || verify_device(&ground, folder, why))
			continue;
		fault_prefix(why, "a file system that may have its journal ");
		return false;
	}
	return true;
}

static bool is_ext(const struct verify_mount *mount)
{
	return strncmp(mount->type, "ext", 3) == 0;
}

static bool verify_file_system(const struct verify_view *view, const struct verify_mount *mount,
			       struct verify_ground *ground, struct fault *why)
{
	char folder[PATH_MAX];

	if (strcmp(mount->type, "btrfs") == 0)
		return verify_btrfs(view, mount, ground, why);
	if (mount->major == 0 || !has_known_devices(mount) || names_second_device(mount)) {
		fault_set(why, "a file system whose devices cannot be known");
		return false;
	}
	snprintf(folder, sizeof(folder), "%s/dev/block/%u:%u", view->sysfs, mount->major,
		 mount->minor);
	if (!verify_device(ground, folder, why))
		return false;
	return !is_ext(mount) || verify_journals(view, why);
}

static bool verify_mount(const struct verify_view *view, struct verify_mounts *mounts,
			 struct verify_mount *mount, struct fault *why)
{
	struct verify_ground ground = { view->state, view->root, false };

	if (is_in_memory(mount))
		return true;
	if (is_overlay(mount))
		return verify_overlay(view, mounts, mount, why);
	if (!verify_file_system(view, mount, &ground, why))
		return false;
	mount->on_root = ground.on_part;
	return true;
}

/* The mount at @dir itself must hold a device's bytes, or this would verify nothing. */
static bool need_tree(struct verify_mounts *mounts, const char *dir, struct fault *why)
{
	bool found = false;

	for (size_t i = 0; i < mounts->count; i++) {
		struct verify_mount *mount = &mounts->list[i];

		if (!path_is_within(mount->point, dir))
			continue;
		mount->needed = true;
		if (strcmp(mount->point, dir) != 0)
			continue;
		mount->is_root = found = true;
		if (is_in_memory(mount)) {
			fault_set(why, "%s is %s, not a file system on an unlocked mapping", dir,
				  mount->type);
			return false;
		}
	}
	if (!found)
		fault_set(why, "nothing is mounted at %s", dir);
	return found;
}

/* Among the verified mounts, is the one at @dir, or a layer of it, the owner's root? */
static bool is_meant(const struct verify_view *view, const struct verify_mounts *mounts,
		     const char *dir)
{
	bool found = !view->root[0];

	for (size_t i = 0; i < mounts->count && view->root[0]; i++) {
		const struct verify_mount *mount = &mounts->list[i];

		if (strcmp(mount->point, dir) == 0 && !is_overlay(mount) && !mount->on_root)
			return false;
		found |= mount->is_root && mount->on_root;
	}
	return found;
}

/* In an initramfs / is in memory. */
static bool is_up(const struct verify_view *view, const struct verify_mounts *mounts)
{
	bool found = false;

	for (size_t i = 0; i < mounts->count; i++) {
		const struct verify_mount *mount = &mounts->list[i];
		struct verify_ground ground = { view->state, view->root, false };
		struct fault unused;

		if (strcmp(mount->point, "/") != 0)
			continue;
		if (!verify_file_system(view, mount, &ground, &unused) || !ground.on_part)
			return false;
		found = true;
	}
	return found;
}

static bool verify_all(const struct verify_view *view, struct verify_mounts *mounts,
		       const char *dir, struct fault *why)
{
	bool more = true, on_device = false;

	if (!need_tree(mounts, dir, why))
		return false;
	while (more) {
		more = false;
		for (size_t i = 0; i < mounts->count; i++) {
			struct verify_mount *mount = &mounts->list[i];

			if (!mount->needed || mount->verified)
				continue;
			if (!verify_mount(view, mounts, mount, why)) {
				fault_prefix(why, "%s (%s) is ", ESCAPED(slice_of(mount->point)),
					     ESCAPED(slice_of(mount->type)));
				return false;
			}
			mount->verified = more = true;
			on_device |= !is_in_memory(mount) && !is_overlay(mount);
		}
	}
	if (!on_device)
		fault_set(why, "%s lies on no mapping at all", dir);
	return on_device;
}

bool verify_tree(const struct verify_view *view, struct verify_mounts *mounts, const char *dir,
		 struct fault *why)
{
	if (!verify_all(view, mounts, dir, why))
		return false;
	if (is_meant(view, mounts, dir) || (strcmp(dir, "/") != 0 && is_up(view, mounts)))
		return true;
	fault_set(why, "%s lies on other volumes of this boot, but the root is the volume %s",
		  ESCAPED(slice_of(dir)), view->root);
	return false;
}

static void format_id(char out[37], const unsigned char *bytes)
{
	for (int i = 0; i < 16; i++)
		out += sprintf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
}

/* Of the requested mount, and not of one that lies over it. */
static bool ask_btrfs_id(const struct verify_mount *mount, char id[37])
{
	CLEANUP(close_fd) int fd =
		open(mount->point, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct btrfs_ioctl_fs_info_args info = { 0 };
	struct statx status;

	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0 ||
	    !(status.stx_mask & STATX_MNT_ID) || status.stx_mnt_id != mount->id)
		return false;
	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) < 0)
		return false;
	format_id(id, info.fsid);
	return true;
}

static char *resolve(const char *path)
{
	return realpath(path, NULL);
}

static int io_fault(struct fault *fault, const char *what, int r)
{
	fault_set(fault, "%s: %s", what, strerror(-r));
	return EXIT_IO;
}

int verify_root(const char *dir, struct fault *fault)
{
	CLEANUP(verify_mounts_free) struct verify_mounts mounts = { 0 };
	CLEANUP(close_fd) int state = state_open(STATE_PATH);
	CLEANUP(free_text) char *text = NULL;
	CLEANUP(free_text) char *real = realpath(dir, NULL);
	char root[VOLUME_NAME_SIZE];
	struct verify_view view = { "/sys", "/proc/fs/jbd2", state, root, ask_btrfs_id, resolve };
	size_t length;
	int r = -errno;

	if (!real)
		return io_fault(fault, dir, r);
	if (state < 0)
		return io_fault(fault, STATE_PATH, state);
	r = state_get_root(state, root);
	if (r == -ENOENT) {
		fault_set(fault, "no volume of this boot may be the root, since none is sealed under the "
			  "name root; enroll it with cocosecret enroll --name root, or name it in "
			  COCOTAB_PATH);
		return EXIT_HEADER;
	}
	if (r < 0)
		return io_fault(fault, STATE_PATH "/root", r);
	r = file_read(MOUNTINFO, &text, &length);
	if (r < 0)
		return io_fault(fault, MOUNTINFO, r);
	if (verify_mounts_parse((struct slice){ text, length }, &mounts, fault) < 0)
		return EXIT_IO;
	return verify_tree(&view, &mounts, real, fault) ? EXIT_OPENED : EXIT_HEADER;
}
