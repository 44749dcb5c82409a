// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a closed initramfs may start. A list of forbidden things would be a promise to know the future:
 * each release of systemd brings generators and units that give a shell, ask a question, or do what
 * a variable, a credential or a disk of the host's says.
 */
#include "generator/closing.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

#define ETC "/etc/systemd"
#define GENERATORS "system-generators"
#define UNITS "system"

enum { PATH_SIZE = 768, PATTERN_SIZE = 256 };

/*
 * No other unlocker: what a command line of former days, rd.luks.uuid= say, or a crypttab in the image
 * asks for would wait for a passphrase without end.
 */
static const char *const allowed_generators[] = {
	"cocosecret-generator",
	"dracut-rootfs-generator",
	"systemd-fstab-generator",
	"systemd-integritysetup-generator",
	"systemd-veritysetup-generator",
};

static const char *const allowed_units[] = {
	"cocosecret-*.service",
	"dracut-cmdline.service", "dracut-initqueue.service", "dracut-mount.service",
	"dracut-pre-*.service", "dracut-shutdown*.service",
	"initrd-cleanup.service", "initrd-parse-etc.service", "initrd-switch-root.service",
	"initrd-udevadm-cleanup-db.service",
	"kmod.service", "kmod-static-nodes.service", "modprobe@.service", "procps.service",
	"systemd-modules-load.service", "systemd-sysctl.service",
	"systemd-tmpfiles-setup.service", "systemd-tmpfiles-setup-dev*.service",
	"systemd-journald*.service", "systemd-journald*.socket", "syslog.socket",
	"udev.service", "systemd-udevd*.service", "systemd-udevd*.socket",
	"systemd-udev-settle.service", "systemd-udev-trigger.service",
	"systemd-random-seed.service", "systemd-vconsole-setup.service",
	"systemd-fsck-root.service", "systemd-fsck@.service", "systemd-fsckd.*",
	"systemd-volatile-root.service",
	"systemd-integritysetup@.service", "systemd-veritysetup@.service",
	"systemd-halt.service", "systemd-poweroff.service", "systemd-reboot.service",
	"systemd-kexec.service", "systemd-exit.service",
	/* For the devices below a root. */
	"blk-availability.service", "dm-event.*", "lvm2-*.service", "lvm2-*.socket",
	"lvm-*.service", "mdadm-*", "mdmon@.service", "mdmonitor*.service", "multipathd*",
	/* For an agent. It starts only if the image's owner wants it. */
	"dbus.service", "dbus.socket", "dbus-broker.service", "dbus-org.freedesktop.network1.service",
	"systemd-network-generator.service", "systemd-networkd*", "systemd-resolved*.service",
	"nm-*initrd.service", "NetworkManager-*initrd.service",
	"sys-kernel-config.mount",
};

/* Even an image that its owner left open does not start these: they would use an unverified disk. */
static const char *const never[] = {
	CLOSING_GPT_AUTO,
	"systemd-hibernate-resume*",
	"systemd-run-generator",
	"systemd-system-update-generator",
};

/* Targets and slices only order and group these. */
static const char *const unit_kinds[] = {
	"*.service", "*.socket", "*.path", "*.timer", "*.mount", "*.automount", "*.swap",
};

static const char *const vendor_folders[] = {
	"/usr/lib/systemd", "/lib/systemd", "/usr/local/lib/systemd",
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct closing {
	const char *root;
	const char *early; /* of a generator, which is too late for others; NULL elsewhere */
	bool is_open; /* an image for debugging */
	char *keep;   /* the owner's patterns */
	size_t keep_length;
};

static bool is_listed(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fnmatch(list[i], name, 0) == 0)
			return true;
	return false;
}

static bool matches_line(const char *name, struct slice line)
{
	char pattern[PATTERN_SIZE];

	while (line.length && strchr(" \t\r", line.at[line.length - 1]))
		line.length--;
	if (line.length == 0 || line.at[0] == '#' || line.length >= sizeof(pattern))
		return false;
	memcpy(pattern, line.at, line.length);
	pattern[line.length] = '\0';
	return fnmatch(pattern, name, 0) == 0;
}

static bool is_kept(const struct closing *closing, const char *name)
{
	struct slice rest = { closing->keep, closing->keep_length }, line;

	while (slice_cut(&rest, '\n', &line))
		if (matches_line(name, line))
			return true;
	return false;
}

static bool may_start(const struct closing *closing, const char *name, const char *const *allowed,
		      size_t count)
{
	if (closing->is_open)
		return !is_listed(name, never, COUNT(never));
	return is_listed(name, allowed, count) || is_kept(closing, name);
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* 1 where the link is new, 0 where something of that name is there. */
static int put_link(const struct closing *closing, const char *kind, const char *name,
		    const char *target)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s" ETC "/%s/%s", closing->root, kind, name);
	if (closing->early && is_there(path))
		return 0;
	if (closing->early)
		snprintf(path, sizeof(path), "%s/%s", closing->early, name);
	if (symlink(target, path) == 0)
		return 1;
	return errno == EEXIST ? 0 : -errno;
}

static int make_folder(const char *root, const char *path)
{
	char whole[PATH_SIZE];

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	return mkdir(whole, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int open_list(const char *root, const char *folder, const char *kind, DIR **dir)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s%s/%s", root, folder, kind);
	*dir = opendir(path);
	return *dir || errno == ENOENT ? 0 : -errno;
}

static int mask_generators(const struct closing *closing, const char *folder, unsigned int *masked)
{
	CLEANUP(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	int r = open_list(closing->root, folder, GENERATORS, &dir);

	while (r >= 0 && dir && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || may_start(closing, entry->d_name, allowed_generators,
							 COUNT(allowed_generators)))
			continue;
		r = put_link(closing, GENERATORS, entry->d_name, "/dev/null");
		*masked += r > 0;
	}
	return r;
}

static int mask_units(const struct closing *closing, const char *folder, unsigned int *masked)
{
	CLEANUP(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	int r = open_list(closing->root, folder, UNITS, &dir);

	while (r >= 0 && dir && (entry = readdir(dir)) != NULL) {
		if (!is_listed(entry->d_name, unit_kinds, COUNT(unit_kinds)) ||
		    may_start(closing, entry->d_name, allowed_units, COUNT(allowed_units)))
			continue;
		r = put_link(closing, UNITS, entry->d_name, "/dev/null");
		*masked += r > 0;
	}
	return r;
}

/* In an image that was made by what knows nothing of us; elsewhere they are in their place. */
static int replace_shells(const struct closing *closing)
{
	CLEANUP(close_dir) DIR *dir = NULL;
	const struct dirent *entry;
	char path[PATH_SIZE], target[PATH_SIZE];
	int r = 0;

	snprintf(path, sizeof(path), "%s" CLOSED_PATH, closing->root);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (r >= 0 && (entry = readdir(dir)) != NULL) {
		snprintf(target, sizeof(target), CLOSED_PATH "/%s", entry->d_name);
		if (entry->d_name[0] != '.')
			r = put_link(closing, UNITS, entry->d_name, target);
	}
	return r;
}

static bool is_debug(const char *root)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s" CLOSING_DEBUG, root);
	return access(path, F_OK) == 0;
}

static int read_keep(struct closing *closing)
{
	char path[PATH_SIZE];
	int r;

	snprintf(path, sizeof(path), "%s" CLOSING_KEEP, closing->root);
	r = file_read(path, &closing->keep, &closing->keep_length);
	return r == -ENOENT ? 0 : r;
}

static int make_folders(const struct closing *closing)
{
	static const char *const folders[] = { "/etc", ETC, ETC "/" UNITS, ETC "/" GENERATORS };
	int r = 0;

	for (size_t i = 0; i < COUNT(folders) && r >= 0 && !closing->early; i++)
		r = make_folder(closing->root, folders[i]);
	return r;
}

static int close_all(const struct closing *closing, struct closed *closed)
{
	int r = make_folders(closing);

	if (r >= 0 && !closing->is_open)
		r = replace_shells(closing);
	for (size_t i = 0; i < COUNT(vendor_folders) && r >= 0; i++) {
		if (!closing->early)
			r = mask_generators(closing, vendor_folders[i], &closed->generators);
		if (r >= 0)
			r = mask_units(closing, vendor_folders[i], &closed->units);
	}
	return r < 0 ? r : 0;
}

static int apply(const char *root, const char *early, struct closed *closed, struct fault *fault)
{
	struct closing closing = { .root = root, .early = early, .is_open = is_debug(root) };
	int r = read_keep(&closing);

	*closed = (struct closed){ 0 };
	if (r < 0) {
		fault_set(fault, "%s" CLOSING_KEEP ": %s", root, strerror(-r));
		return r;
	}
	r = close_all(&closing, closed);
	if (r < 0)
		fault_set(fault, "%s: units cannot be masked: %s", early ? early : ETC, strerror(-r));
	free(closing.keep);
	return r;
}

int closing_apply(const char *root, struct closed *closed, struct fault *fault)
{
	return apply(root, NULL, closed, fault);
}

int closing_apply_late(const char *root, const char *early, struct closed *closed,
		       struct fault *fault)
{
	return apply(root, early, closed, fault);
}
