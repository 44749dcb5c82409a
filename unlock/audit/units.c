// SPDX-License-Identifier: GPL-2.0-or-later
/* What a root starts, as systemd.unit(5), insserv(8) and OpenRC's runlevels have it. */
#include "audit/units.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/settings.h"
#include "lib/cleanup.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum { STARTS_MAX = 8192 };

/* The first one's file counts. */
static const char *const unit_folders[] = {
	"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system", NULL,
};

static const char *const generator_folders[] = {
	"/run/systemd/system-generators", "/etc/systemd/system-generators",
	"/usr/local/lib/systemd/system-generators", "/usr/lib/systemd/system-generators",
	"/lib/systemd/system-generators", NULL,
};

static const char *const rule_folders[] = {
	"/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
	"/usr/lib/udev/rules.d", "/lib/udev/rules.d", NULL,
};

/* No usual boot of the root reaches these. */
static const char *const unreached[] = {
	"initrd*", "rescue.*", "emergency.*", "shutdown.*", "umount.*", "final.*", "halt.*",
	"poweroff.*", "reboot.*", "soft-reboot.*", "kexec.*", "exit.*", "system-update*", "sleep.*",
	"suspend*", "hibernate.*", "hybrid-sleep.*", "factory-reset*", "ctrl-alt-del.*",
};

static const char *const dependencies[] = { "*.wants", "*.requires", "*.upholds" };

static void add(struct units *units, struct slice unit, const char *where)
{
	struct start *starts;

	if (units->count == STARTS_MAX) {
		image_tell(units->image, where, "starts more than a root does");
		return;
	}
	starts = realloc(units->starts, (units->count + 1) * sizeof(*starts));
	if (!starts)
		return;
	units->starts = starts;
	starts[units->count] = (struct start){ strndup(unit.at, unit.length), strdup(where) };
	units->count++;
}

static bool join(char path[IMAGE_PATH_SIZE], const char *folder, const char *name)
{
	return snprintf(path, IMAGE_PATH_SIZE, "%s/%s", folder, name) < IMAGE_PATH_SIZE;
}

/* The entry of the first folder that has one. */
static bool find_entry(struct image *image, const char *const *folders, const char *name,
		       char path[IMAGE_PATH_SIZE])
{
	for (; *folders; folders++)
		if (join(path, *folders, name) && image_has_entry(image, path))
			return true;
	return false;
}

/* "getty@tty1.service" is an instance of "getty@.service". */
static bool name_template(const char *unit, char template[IMAGE_PATH_SIZE])
{
	const char *at = strchr(unit, '@'), *dot = strrchr(unit, '.');

	return at && dot && dot > at + 1 &&
	       snprintf(template, IMAGE_PATH_SIZE, "%.*s%s", (int)(at + 1 - unit), unit, dot) <
		       IMAGE_PATH_SIZE;
}

bool units_file(const struct units *units, const char *unit, char path[IMAGE_PATH_SIZE])
{
	char template[IMAGE_PATH_SIZE];

	return find_entry(units->image, unit_folders, unit, path) ||
	       (name_template(unit, template) &&
		find_entry(units->image, unit_folders, template, path));
}

bool units_may_start(const struct units *units, const char *unit)
{
	char path[IMAGE_PATH_SIZE];

	return units_file(units, unit, path) && !image_is_mask(units->image, path);
}

static bool is_reached(const struct units *units, const char *unit)
{
	char path[IMAGE_PATH_SIZE];

	for (size_t i = 0; i < COUNT(unreached); i++)
		if (fnmatch(unreached[i], unit, 0) == 0)
			return false;
	return !units_file(units, unit, path) || !image_is_mask(units->image, path);
}

/* A dependency that a folder of more weight masks is none. */
static void add_folder(struct units *units, const char *folder)
{
	struct names links = { 0 };
	char inner[IMAGE_PATH_SIZE], path[IMAGE_PATH_SIZE], unit[IMAGE_PATH_SIZE];

	snprintf(unit, sizeof(unit), "%.*s", (int)(strrchr(folder, '.') - path_name(folder)),
		 path_name(folder));
	if (!is_reached(units, unit))
		return;
	image_list(units->image, folder, "*.*", &links);
	for (size_t i = 0; i < links.count; i++) {
		const char *name = path_name(links.list[i]);

		if (join(inner, path_name(folder), name) &&
		    find_entry(units->image, unit_folders, inner, path) &&
		    !image_is_mask(units->image, path))
			add(units, slice_of(name), links.list[i]);
	}
	names_free(&links);
}

static void add_dependencies(struct units *units)
{
	struct names folders = { 0 };

	for (size_t i = 0; unit_folders[i]; i++)
		for (size_t j = 0; j < COUNT(dependencies); j++)
			image_list(units->image, unit_folders[i], dependencies[j], &folders);
	for (size_t i = 0; i < folders.count; i++)
		add_folder(units, folders.list[i]);
	names_free(&folders);
}

static bool is_script(const struct start *start)
{
	return strncmp(start->where, "/etc/r", strlen("/etc/r")) == 0;
}

static const struct start *find_start(const struct units *units, const char *pattern)
{
	for (size_t i = 0; i < units->count; i++) {
		const struct start *start = &units->starts[i];

		if (start->unit && start->where && fnmatch(pattern, start->unit, 0) == 0 &&
		    (is_script(start) || units_may_start(units, start->unit)))
			return start;
	}
	return NULL;
}

/* What a file of the owner's makes its unit want. */
static void add_wishes(struct units *units, const char *path)
{
	static const char *const keys[] = { "Wants", "Requires", "Upholds", "BindsTo" };
	struct slice text = { 0 }, line, key, value, word;
	CLEANUP(free_text) char *read = image_read(units->image, path, &text.length);

	text.at = read;
	while (read && settings_line(&text, &line)) {
		if (!settings_split(line, &key, &value))
			continue;
		for (size_t i = 0; i < COUNT(keys); i++)
			while (slice_is(key, keys[i]) && settings_word(&value, &word))
				add(units, word, path);
	}
}

static bool is_started(const struct units *units, const char *unit)
{
	const char *dot = strrchr(unit, '.');

	return dot && strcmp(dot, ".target") == 0 ? is_reached(units, unit) :
						    find_start(units, unit) != NULL;
}

/* What the distribution's units want of each other is of no weight here; an owner's word is. */
static void add_own_files(struct units *units)
{
	struct names files = { 0 };
	char unit[IMAGE_PATH_SIZE];

	image_list(units->image, unit_folders[0], "*.service", &files);
	image_list(units->image, unit_folders[0], "*.target", &files);
	units_drop_ins(units, "*.service.d", &files);
	units_drop_ins(units, "*.target.d", &files);
	for (size_t i = 0; i < files.count; i++) {
		units_of_file(files.list[i], unit);
		if (!image_is_mask(units->image, files.list[i]) && is_started(units, unit))
			add_wishes(units, files.list[i]);
	}
	names_free(&files);
}

/* udev's SYSTEMD_WANTS: the words between the quotes. */
static void add_rule(struct units *units, struct slice line, const char *where)
{
	static const char key[] = "SYSTEMD_WANTS}";
	const char *at = memmem(line.at, line.length, key, strlen(key));
	struct slice rest, before, value, word;

	if (!at)
		return;
	rest = (struct slice){ at, (size_t)(line.at + line.length - at) };
	if (!slice_cut(&rest, '"', &before) || !slice_cut(&rest, '"', &value))
		return;
	while (settings_word(&value, &word))
		add(units, word, where);
}

static void add_rules(struct units *units)
{
	struct names files = { 0 };

	image_list_each(units->image, rule_folders, "*.rules", &files);
	for (size_t i = 0; i < files.count; i++) {
		struct slice text = { 0 }, line;
		CLEANUP(free_text) char *read = image_is_mask(units->image, files.list[i]) ? NULL :
			image_read(units->image, files.list[i], &text.length);

		text.at = read;
		while (read && settings_line(&text, &line))
			add_rule(units, line, files.list[i]);
	}
	names_free(&files);
}

/* Under systemd a script counts where there is no unit of its name. */
static void add_script(struct units *units, const char *name, const char *where)
{
	char unit[IMAGE_PATH_SIZE], path[IMAGE_PATH_SIZE];

	snprintf(unit, sizeof(unit), "%s.service", name);
	if (!units->systemd || !units_file(units, unit, path))
		add(units, slice_of(unit), where);
}

static void add_scripts(struct units *units, const char *folder, const char *pattern, size_t skip)
{
	struct names links = { 0 };

	image_list(units->image, folder, pattern, &links);
	for (size_t i = 0; i < links.count; i++)
		add_script(units, path_name(links.list[i]) + skip, links.list[i]);
	names_free(&links);
}

static void add_other_inits(struct units *units)
{
	static const char *const levels[] = { "/etc/rcS.d", "/etc/rc2.d", "/etc/rc3.d", "/etc/rc5.d" };
	static const char *const openrc[] = { "/etc/runlevels/sysinit", "/etc/runlevels/boot",
					      "/etc/runlevels/default" };

	for (size_t i = 0; i < COUNT(levels); i++)
		add_scripts(units, levels[i], "S[0-9][0-9]?*", strlen("S00"));
	for (size_t i = 0; i < COUNT(openrc) && !units->systemd; i++)
		add_scripts(units, openrc[i], "*", 0);
}

void units_read(struct units *units, struct image *image)
{
	*units = (struct units){ .image = image };
	units->systemd = image_has(image, "/usr/lib/systemd/systemd") ||
			 image_has(image, "/lib/systemd/systemd");
	if (units->systemd) {
		add_dependencies(units);
		add_rules(units);
		add_own_files(units);
	}
	add_other_inits(units);
}

void units_free(struct units *units)
{
	for (size_t i = 0; i < units->count; i++) {
		free(units->starts[i].unit);
		free(units->starts[i].where);
	}
	free(units->starts);
}

const struct start *units_start(const struct units *units, const char *pattern)
{
	static const char *const kinds[] = { "socket", "path", "timer" };
	const struct start *start = find_start(units, pattern);
	const char *dot = strrchr(pattern, '.');
	char other[IMAGE_PATH_SIZE];

	if (start || !dot || strcmp(dot, ".service") != 0 || !units_may_start(units, pattern))
		return start;
	for (size_t i = 0; i < COUNT(kinds) && !start; i++) {
		snprintf(other, sizeof(other), "%.*s.%s", (int)(dot - pattern), pattern, kinds[i]);
		start = find_start(units, other);
	}
	return start;
}

bool units_generator(const struct units *units, const char *name, char path[IMAGE_PATH_SIZE])
{
	return units->systemd && find_entry(units->image, generator_folders, name, path) &&
	       !image_is_mask(units->image, path);
}

void units_of_file(const char *path, char unit[IMAGE_PATH_SIZE])
{
	static const char suffix[] = ".d";
	char *slash;
	size_t length;

	snprintf(unit, IMAGE_PATH_SIZE, "%s", path);
	slash = strrchr(unit, '/');
	length = slash ? (size_t)(slash - unit) : 0;
	if (length > strlen(suffix) && strncmp(slash - strlen(suffix), suffix, strlen(suffix)) == 0)
		slash[-(ptrdiff_t)strlen(suffix)] = '\0';
	memmove(unit, path_name(unit), strlen(path_name(unit)) + 1);
}

void units_drop_ins(const struct units *units, const char *pattern, struct names *files)
{
	struct names folders = { 0 };

	for (size_t i = 0; unit_folders[i]; i++)
		image_list(units->image, unit_folders[i], pattern, &folders);
	for (size_t i = 0; i < folders.count; i++)
		image_list(units->image, folders.list[i], "*.conf", files);
	names_free(&folders);
}
