// SPDX-License-Identifier: GPL-2.0-or-later
#include "init/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "boot/module.h"
#include "config/cmdline.h"
#include "config/filesystems.h"
#include "init/mounts.h"
#include "init/probe.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "root/state.h"

#define MAPPER "/dev/mapper/"
#define UDEV_DATA "/run/udev/data"

enum { TYPE_SIZE = 32, PATH_SIZE = 512 };

/* What this program mounts, and what it only knows by name. */
static char *const types[] = { ROOT_FILE_SYSTEMS, "erofs", "f2fs", "LVM2_member",
			       "linux_raid_member", "swap", "crypto_LUKS", NULL };
enum { MOUNTED_TYPES = sizeof((const char *[]){ ROOT_FILE_SYSTEMS }) / sizeof(char *) };

struct content {
	char type[TYPE_SIZE];
	char uuid[64];
	char label[256];
};

struct wanted {
	const char *tag; /* "UUID", "LABEL"; NULL: the mapping's name */
	struct slice value;
	char name[VOLUME_NAME_SIZE]; /* of the mapping that has it */
	int count;
};

static void copy(blkid_probe probe, const char *name, char *text, size_t size)
{
	const char *value = probe_value(probe, name);

	snprintf(text, size, "%s", value ? value : "");
}

/* Of a mapping, whose content is the owner's. */
static int look_into(const char *name, struct content *content)
{
	CLEANUP(probe_close) blkid_probe probe = NULL;
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), MAPPER "%s", name);
	probe = probe_open(path, types, false);
	if (!probe)
		return errno ? -errno : -ENODEV;
	if (probe_run(probe) != 0)
		return -EINVAL;
	copy(probe, "TYPE", content->type, sizeof(content->type));
	copy(probe, "UUID", content->uuid, sizeof(content->uuid));
	copy(probe, "LABEL", content->label, sizeof(content->label));
	return 0;
}

static void compare(void *context, const char *name)
{
	struct wanted *wanted = context;
	struct content content = { .type = "" };

	if (wanted->tag && look_into(name, &content) < 0)
		return;
	if (!slice_is(wanted->value, !wanted->tag ? name :
				     strcmp(wanted->tag, "UUID") == 0 ? content.uuid : content.label))
		return;
	snprintf(wanted->name, sizeof(wanted->name), "%s", name);
	wanted->count++;
}

/* Nothing but what this boot opened is looked into, or mounted. */
static int find_named(int state, struct slice root, char name[VOLUME_NAME_SIZE], struct fault *fault)
{
	struct wanted wanted = { .value = root };
	bool is_known = slice_skip_prefix(&wanted.value, MAPPER);

	if (!is_known && slice_skip_prefix(&wanted.value, "UUID="))
		wanted.tag = "UUID";
	else if (!is_known && slice_skip_prefix(&wanted.value, "LABEL="))
		wanted.tag = "LABEL";
	if (is_known || wanted.tag)
		state_each(state, compare, &wanted);
	if (wanted.count == 1) {
		memcpy(name, wanted.name, VOLUME_NAME_SIZE);
		return EXIT_OPENED;
	}
	fault_set(fault, "root=%s is %s that this boot opened; name it as " MAPPER "NAME",
		  ESCAPED(root), wanted.count ? "more than one volume" : "no volume");
	return EXIT_HEADER;
}

/* The volume that the run settled on, where the command line leaves it to us. */
static int find_settled(int state, char name[VOLUME_NAME_SIZE], struct fault *fault)
{
	int r = state_get_root(state, name);

	if (r > 0)
		return EXIT_OPENED;
	fault_set(fault, "nothing says which volume is the root; name it as root=" MAPPER "NAME");
	return EXIT_CONFIG;
}

static int find(struct slice cmdline, char name[VOLUME_NAME_SIZE], struct fault *fault)
{
	CLEANUP(close_fd) int state = state_look(STATE_PATH);
	struct slice root = { "", 0 };

	if (!cmdline_root(cmdline, &root))
		return find_settled(state, name, fault);
	return find_named(state, root, name, fault);
}

static const struct {
	const char *word;
	unsigned long set, clear;
} flag_words[] = {
	{ "ro", MS_RDONLY, 0 }, { "rw", 0, MS_RDONLY }, { "nosuid", MS_NOSUID, 0 },
	{ "nodev", MS_NODEV, 0 }, { "noexec", MS_NOEXEC, 0 }, { "sync", MS_SYNCHRONOUS, 0 },
	{ "dirsync", MS_DIRSYNC, 0 }, { "noatime", MS_NOATIME, 0 }, { "nodiratime", MS_NODIRATIME, 0 },
	{ "relatime", MS_RELATIME, 0 }, { "strictatime", MS_STRICTATIME, 0 }, { "lazytime", MS_LAZYTIME, 0 },
	{ "defaults", 0, 0 },
};

static bool take_flag(struct slice word, unsigned long *flags)
{
	for (size_t i = 0; i < sizeof(flag_words) / sizeof(*flag_words); i++) {
		if (!slice_is(word, flag_words[i].word))
			continue;
		*flags = (*flags | flag_words[i].set) & ~flag_words[i].clear;
		return true;
	}
	return false;
}

/* What is no flag of mount(2) is the file system's own. */
static int read_flags(struct slice cmdline, unsigned long *flags, char options[PATH_SIZE],
		      struct fault *fault)
{
	struct slice rest = { "", 0 }, word;
	size_t length = 0;

	*flags = cmdline_is_writable(cmdline) ? 0 : MS_RDONLY;
	options[0] = '\0';
	cmdline_value(cmdline, "rootflags", &rest);
	if (rest.length >= PATH_SIZE - 1) {
		fault_set(fault, "rootflags= is too long");
		return EXIT_CONFIG;
	}
	while (slice_cut(&rest, ',', &word))
		if (word.length && !take_flag(word, flags))
			length += (size_t)snprintf(options + length, PATH_SIZE - length, "%s%.*s",
						   length ? "," : "", (int)word.length, word.at);
	return EXIT_OPENED;
}

static bool is_mounted_type(const char *type)
{
	for (size_t i = 0; i < MOUNTED_TYPES; i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

/* What is on it, or what rootfstype= says. */
static int find_type(struct slice cmdline, const char *name, char type[TYPE_SIZE], struct fault *fault)
{
	struct slice value = { "", 0 };
	struct content content = { .type = "" };

	if (cmdline_value(cmdline, "rootfstype", &value) && value.length < TYPE_SIZE)
		snprintf(content.type, sizeof(content.type), "%.*s", (int)value.length, value.at);
	else if (look_into(name, &content) < 0)
		content.type[0] = '\0';
	if (is_mounted_type(content.type)) {
		memcpy(type, content.type, TYPE_SIZE);
		return EXIT_OPENED;
	}
	fault_set(fault, "volume %s holds %s, which cocosecret-init does not mount; an initramfs of "
		  "dracut or initramfs-tools may", name,
		  content.type[0] ? ESCAPED(slice_of(content.type)) : "no file system that it knows");
	return EXIT_CONFIG;
}

static void load_type(const char *type)
{
	char alias[sizeof("fs-") + TYPE_SIZE];

	snprintf(alias, sizeof(alias), "fs-%s", type);
	module_load(alias);
}

static int mount_named(struct slice cmdline, const char *name, struct fault *fault)
{
	char path[PATH_SIZE], options[PATH_SIZE], type[TYPE_SIZE];
	unsigned long flags;
	int r = find_type(cmdline, name, type, fault);

	if (r == 0)
		r = read_flags(cmdline, &flags, options, fault);
	if (r)
		return r;
	snprintf(path, sizeof(path), MAPPER "%s", name);
	load_type(type);
	if (mount(path, NEW_ROOT, type, flags, options) == 0)
		return EXIT_OPENED;
	fault_set(fault, "%s cannot be mounted as %s: %s", path, type, strerror(errno));
	return EXIT_IO;
}

int root_mount(struct fault *fault)
{
	CLEANUP(free_text) char *text = NULL;
	char name[VOLUME_NAME_SIZE];
	struct slice cmdline;
	size_t length;
	int r = file_read(CMDLINE_PATH, &text, &length);

	if (r < 0) {
		fault_set(fault, CMDLINE_PATH ": %s", strerror(-r));
		return EXIT_IO;
	}
	cmdline = (struct slice){ text, length };
	r = find(cmdline, name, fault);
	return r ? r : mount_named(cmdline, name, fault);
}

static bool is_program(const char *path)
{
	char below[PATH_SIZE];
	struct stat st;

	/* A link may be absolute, and is the new root's: looked at, not followed. */
	snprintf(below, sizeof(below), NEW_ROOT "%s", path);
	return lstat(below, &st) == 0 && (S_ISLNK(st.st_mode) || (S_ISREG(st.st_mode) && st.st_mode & 0111));
}

int root_find_init(char init[ROOT_INIT_SIZE], struct fault *fault)
{
	static const char *const usual[] = { "/sbin/init", "/etc/init", "/bin/init",
					     "/usr/lib/systemd/systemd" };
	CLEANUP(free_text) char *text = NULL;
	struct slice value;
	size_t length;

	if (file_read(CMDLINE_PATH, &text, &length) == 0 &&
	    cmdline_value((struct slice){ text, length }, "init", &value)) {
		snprintf(init, ROOT_INIT_SIZE, "%.*s", (int)value.length, value.at);
		return EXIT_OPENED;
	}
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++) {
		if (!is_program(usual[i]))
			continue;
		snprintf(init, ROOT_INIT_SIZE, "%s", usual[i]);
		return EXIT_OPENED;
	}
	fault_set(fault, "the root has no /sbin/init; if /usr is a file system of its own, an initramfs "
		  "of dracut or initramfs-tools mounts it");
	return EXIT_CONFIG;
}

/*
 * 10-dm.rules of device-mapper leave a mapping alone whose set-up udev did not see, and systemd
 * then waits for it. It keeps what it saw in its database; the format is that of systemd 252 to 262.
 */
static void tell_of(void *context, const char *name)
{
	static const char text[] = "E:DM_UDEV_PRIMARY_SOURCE_FLAG=1\nG:systemd\nQ:systemd\nV:1\n";
	CLEANUP(close_fd) int fd = -1;
	struct mapping_id id;
	char path[PATH_SIZE];
	struct stat st;
	ssize_t ignored;

	(void)context;
	snprintf(path, sizeof(path), MAPPER "%s", name);
	if (mapping_find(name, &id) < 0 || stat(path, &st) < 0)
		return;
	snprintf(path, sizeof(path), UDEV_DATA "/b%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	ignored = fd < 0 ? 0 : write(fd, text, sizeof(text) - 1);
	(void)ignored;
}

void root_tell_udev(void)
{
	CLEANUP(close_fd) int state = state_look(STATE_PATH);

	mkdir("/run/udev", 0755);
	mkdir(UDEV_DATA, 0755);
	if (state >= 0)
		state_each(state, tell_of, NULL);
}
