// SPDX-License-Identifier: GPL-2.0-or-later
/* What the root takes from disks other than its own. */
#include "audit/disks.h"

#include <mntent.h>
#include <stdio.h>
#include <string.h>

#include "audit/settings.h"
#include "config/cocotab.h"
#include "config/crypttab.h"
#include "config/filesystems.h"
#include "lib/cleanup.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum { FIELDS = 4, LINE_SIZE = 4096 };

/* The fields of a line of crypttab or cocotab. */
struct fields {
	struct slice at[FIELDS];
};

static bool cut_fields(struct slice line, struct fields *fields)
{
	*fields = (struct fields){ 0 };
	for (size_t i = 0; i < FIELDS; i++)
		fields->at[i] = slice_field(&line);
	return fields->at[0].length > 0;
}

static bool tab_names(struct audit *audit, const char *tab, const char *name)
{
	struct slice text = { 0 }, line;
	struct fields fields;
	CLEANUP(free_text) char *read = image_read(&audit->image, tab, &text.length);

	text.at = read;
	while (read && settings_line(&text, &line))
		if (cut_fields(line, &fields) && slice_is(fields.at[0], name))
			return true;
	return false;
}

/* LVM's are GROUP-VOLUME, and double each other hyphen. */
static bool may_be_lvm(const char *name)
{
	unsigned int single = 0;

	for (; *name; name++) {
		if (name[0] != '-')
			continue;
		if (name[1] == '-')
			name++;
		else
			single++;
	}
	return single == 1;
}

/* LVM makes a mapping of any disk that bears the name. */
static bool is_our_mapping(struct audit *audit, const char *name)
{
	bool has_lvm = image_has(&audit->image, "/usr/sbin/lvm") ||
		       image_has(&audit->image, "/sbin/lvm");

	return !has_lvm || !may_be_lvm(name) || tab_names(audit, COCOTAB_PATH, name) ||
	       tab_names(audit, CRYPTTAB_PATH, name);
}

bool disks_is_hosts(struct audit *audit, const char *device)
{
	static const char *const tags[] = { "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "ID=" };
	static const char *const mappings[] = { "/dev/mapper/", "/dev/disk/by-id/dm-name-" };
	static const char *const own[] = { "/dev/zram", "/dev/loop", "/dev/ram" };

	for (size_t i = 0; i < COUNT(tags); i++)
		if (strncmp(device, tags[i], strlen(tags[i])) == 0)
			return true;
	for (size_t i = 0; i < COUNT(mappings); i++)
		if (strncmp(device, mappings[i], strlen(mappings[i])) == 0)
			return !is_our_mapping(audit, device + strlen(mappings[i]));
	for (size_t i = 0; i < COUNT(own); i++)
		if (strncmp(device, own[i], strlen(own[i])) == 0)
			return false;
	return strncmp(device, "/dev/", strlen("/dev/")) == 0;
}

/* A folder of the host's, or of a network, which is his: no device is needed. */
static bool is_hosts_type(const struct mntent *entry)
{
	static const char *const types[] = { "9p", "virtiofs", "nfs", "nfs4", "cifs", "smb3" };

	if (strstr(entry->mnt_opts, "sec=krb5i") || strstr(entry->mnt_opts, "sec=krb5p"))
		return false;
	for (size_t i = 0; i < COUNT(types); i++)
		if (strcmp(entry->mnt_type, types[i]) == 0)
			return true;
	return false;
}

static bool is_used(const struct mntent *entry)
{
	return !hasmntopt(entry, "noauto") || hasmntopt(entry, "x-systemd.automount");
}

/* What is mounted at / is there before fstab is read: only its options count. */
static bool is_root(const struct mntent *entry)
{
	return strcmp(entry->mnt_dir, "/") == 0;
}

static bool is_swap(const struct mntent *entry)
{
	return strcmp(entry->mnt_type, "swap") == 0;
}

static bool is_mount(struct audit *audit, const struct mntent *entry)
{
	return is_used(entry) && !is_root(entry) && !is_swap(entry) &&
	       (is_hosts_type(entry) || disks_is_hosts(audit, entry->mnt_fsname));
}

static bool is_swap_of_hosts(struct audit *audit, const struct mntent *entry)
{
	return is_used(entry) && is_swap(entry) && disks_is_hosts(audit, entry->mnt_fsname);
}

/* glibc's parser of fstab, over a text. */
static FILE *open_fstab(struct audit *audit, char **text)
{
	size_t length = 0;

	*text = image_read(&audit->image, FSTAB_PATH, &length);
	return *text && length ? fmemopen(*text, length, "r") : NULL;
}

static void look_in_fstab(struct audit *audit,
			  bool (*is_open)(struct audit *audit, const struct mntent *entry))
{
	CLEANUP(free_text) char *text = NULL;
	FILE *file = open_fstab(audit, &text);
	char line[LINE_SIZE], what[LINE_SIZE];
	struct mntent entry;

	while (file && getmntent_r(file, &entry, line, sizeof(line))) {
		if (!is_open(audit, &entry))
			continue;
		snprintf(what, sizeof(what), "%s %s", entry.mnt_fsname, entry.mnt_dir);
		audit_found(audit, FSTAB_PATH, what, NULL);
	}
	if (file)
		fclose(file);
}

static bool is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

bool disks_holds(struct audit *audit, const char *folder)
{
	CLEANUP(free_text) char *text = NULL;
	FILE *file = open_fstab(audit, &text);
	char line[LINE_SIZE];
	struct mntent entry;
	bool holds = false;

	while (file && !holds && getmntent_r(file, &entry, line, sizeof(line)))
		holds = is_mount(audit, &entry) && is_below(folder, entry.mnt_dir);
	if (file)
		fclose(file);
	return holds;
}

/* The owner's own units that mount or swap. */
static void look_in_units(struct audit *audit, const char *pattern)
{
	struct names files = { 0 };
	size_t source;

	image_list(&audit->image, "/etc/systemd/system", pattern, &files);
	for (size_t i = 0; i < files.count; i++) {
		const struct names file = { &files.list[i], 1 };
		CLEANUP(free_text) char *what = NULL;

		if (!units_start(&audit->units, path_name(files.list[i])))
			continue;
		what = settings_last(&audit->image, &file, "What", &source);
		if (what && disks_is_hosts(audit, what))
			audit_found(audit, files.list[i], what, NULL);
	}
	names_free(&files);
}

void look_for_mounts(struct audit *audit)
{
	look_in_fstab(audit, is_mount);
	look_in_units(audit, "*.mount");
}

void look_for_swap(struct audit *audit)
{
	look_in_fstab(audit, is_swap_of_hosts);
	look_in_units(audit, "*.swap");
}

static bool has_option(struct slice options, const char *name)
{
	struct slice option;

	while (slice_cut(&options, ',', &option))
		if (slice_is(option, name))
			return true;
	return false;
}

/* A header that is a file of the root is the owner's, whatever is on the device. */
static bool has_own_header(struct slice options)
{
	struct slice option;

	while (slice_cut(&options, ',', &option))
		if (slice_skip_prefix(&option, "header=/") && !memchr(option.at, ':', option.length) &&
		    !slice_skip_prefix(&option, "dev/"))
			return true;
	return false;
}

static bool is_none(struct slice key)
{
	return key.length == 0 || slice_is(key, "none") || slice_is(key, "-");
}

/* The one way in which our plugin has the last word. */
static bool is_ours(const struct fields *fields)
{
	return is_none(fields->at[2]) && has_option(fields->at[3], "headless=true") &&
	       has_option(fields->at[3], "tries=1");
}

/* What has no header and a new key at each boot: nobody knows what is on it. */
static bool is_random(struct slice key)
{
	return slice_is(key, "/dev/urandom") || slice_is(key, "/dev/random");
}

static bool is_crypttab_open(struct audit *audit, const struct fields *fields)
{
	char device[LINE_SIZE];

	snprintf(device, sizeof(device), "%.*s", (int)fields->at[1].length, fields->at[1].at);
	return disks_is_hosts(audit, device) && !is_random(fields->at[2]) && !is_ours(fields) &&
	       !has_own_header(fields->at[3]) && !has_option(fields->at[3], "noauto");
}

void look_for_crypttab(struct audit *audit)
{
	struct slice text = { 0 }, line;
	struct fields fields;
	CLEANUP(free_text) char *read = image_read(&audit->image, CRYPTTAB_PATH, &text.length);

	text.at = read;
	while (read && settings_line(&text, &line))
		if (cut_fields(line, &fields) && is_crypttab_open(audit, &fields))
			audit_found_text(audit, CRYPTTAB_PATH, line, NULL);
}

static bool is_plain(struct audit *audit, struct slice device)
{
	char name[LINE_SIZE];

	snprintf(name, sizeof(name), "%.*s", (int)device.length, device.at);
	return disks_is_hosts(audit, name);
}

static bool has_noresume(const struct line *line)
{
	struct slice value;

	return cmdline_has(line->text, "noresume", &value);
}

/* A kernel with the disk's driver in it resumes by itself, whatever the initramfs is. */
void look_for_resume(struct audit *audit)
{
	struct names files = { 0 };
	CLEANUP(free_text) char *device = NULL;
	size_t source;

	for (size_t i = 0; i < audit->boot.count; i++) {
		const struct line *line = &audit->boot.lines[i];
		struct slice value;

		if (cmdline_value(line->text, "resume", &value) && is_plain(audit, value) &&
		    !has_noresume(line))
			audit_found_text(audit, line->source, value, NULL);
	}
	if (audit->boot.closed)
		return;
	image_list(&audit->image, "/etc/initramfs-tools/conf.d", "*", &files);
	device = settings_last(&audit->image, &files, "RESUME", &source);
	if (device && disks_is_hosts(audit, device))
		audit_found(audit, files.list[source], device, "RESUME=none in that file");
	names_free(&files);
}
