// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/boot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/settings.h"
#include "config/cocotab.h"
#include "lib/cleanup.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

const char *const boot_no[] = { "0", "no", "n", "false", "f", "off", NULL };

static void add_line(struct boot *boot, struct slice text, const char *source)
{
	struct line *lines = realloc(boot->lines, (boot->count + 1) * sizeof(*lines));

	if (!lines)
		return;
	boot->lines = lines;
	lines[boot->count] = (struct line){ { strndup(text.at, text.length), text.length },
					    strdup(source) };
	boot->count += lines[boot->count].text.at && lines[boot->count].source;
}

/* kernel-install's: the file is the line. */
static bool add_file(struct boot *boot, struct image *image, const char *path)
{
	struct slice text = { 0 };
	CLEANUP(free_text) char *read = image_read(image, path, &text.length);

	text.at = read;
	if (read)
		add_line(boot, settings_trim(text), path);
	return read != NULL;
}

/* Of the Boot Loader Specification: a line "options ..." each. */
static void add_entries(struct boot *boot, struct image *image, const char *folder)
{
	struct names files = { 0 };
	struct slice line;

	image_list(image, folder, "*.conf", &files);
	for (size_t i = 0; i < files.count; i++) {
		struct slice text = { 0 };
		CLEANUP(free_text) char *read = image_read(image, files.list[i], &text.length);

		text.at = read;
		while (read && settings_line(&text, &line))
			if (slice_skip_prefix(&line, "options ") || slice_skip_prefix(&line, "options\t"))
				add_line(boot, settings_trim(line), files.list[i]);
	}
	names_free(&files);
}

/* What grub's shell variables hold, read as a list of settings; one that quotes another adds to it. */
struct grub {
	char *values[2];
	const char *source;
};

static const char *const grub_keys[] = { "GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT" };

static void grub_set(char **value, struct slice text)
{
	char *joined = NULL;
	bool adds = *value && memchr(text.at, '$', text.length);

	if (asprintf(&joined, "%s%s%.*s", adds ? *value : "", adds ? " " : "", (int)text.length,
		     text.at) < 0)
		return;
	free(*value);
	*value = joined;
}

static void grub_read(struct grub *grub, struct image *image, const char *path)
{
	struct slice text = { 0 }, line, key, value;
	CLEANUP(free_text) char *read = image_read(image, path, &text.length);

	text.at = read;
	while (read && settings_line(&text, &line)) {
		slice_skip_prefix(&line, "export ");
		if (!settings_split(line, &key, &value))
			continue;
		for (size_t i = 0; i < COUNT(grub_keys); i++)
			if (slice_is(key, grub_keys[i])) {
				grub_set(&grub->values[i], value);
				grub->source = path;
			}
	}
}

static void add_grub(struct boot *boot, struct image *image)
{
	struct grub grub = { 0 };
	struct names files = { 0 };
	char *line = NULL;

	image_list(image, "/etc/default/grub.d", "*.cfg", &files);
	grub_read(&grub, image, "/etc/default/grub");
	for (size_t i = 0; i < files.count; i++)
		grub_read(&grub, image, files.list[i]);
	if (grub.source && asprintf(&line, "%s %s", grub.values[0] ? grub.values[0] : "",
				    grub.values[1] ? grub.values[1] : "") >= 0)
		add_line(boot, settings_trim(slice_of(line)), grub.source);
	free(line);
	free(grub.values[0]);
	free(grub.values[1]);
	names_free(&files);
}

static void read_lines(struct boot *boot, struct image *image)
{
	if (!add_file(boot, image, "/etc/kernel/cmdline"))
		add_file(boot, image, "/usr/lib/kernel/cmdline");
	add_grub(boot, image);
	add_entries(boot, image, "/boot/loader/entries");
	add_entries(boot, image, "/boot/efi/loader/entries");
	add_entries(boot, image, "/efi/loader/entries");
}

/* What the package itself puts into /usr/lib asks for the module only where there is a cocotab. */
static bool has_dracut_word(struct image *image)
{
	struct names files = { 0 };
	bool found;

	image_list(image, "/etc/dracut.conf.d", "*.conf", &files);
	found = settings_with(image, &files, "add_dracutmodules+", " cocosecret ") != NULL;
	names_free(&files);
	return found;
}

/* The same files that ask for it where an initramfs is made, and what it leaves in a running guest. */
static bool has_our_initramfs(struct image *image)
{
	bool dracut = image_has(image, "/usr/lib/dracut/modules.d/50cocosecret/module-setup.sh");
	bool tools = image_has(image, "/usr/share/initramfs-tools/hooks/cocosecret");

	return image_has(image, "/run/cocosecret/run.json") ||
	       (image_has(image, "/usr/lib/cocosecret/make-initrd") &&
		image_has(image, "/etc/cocosecret/initrd")) ||
	       ((dracut || tools) && image_has(image, COCOTAB_PATH)) ||
	       (dracut && has_dracut_word(image));
}

void boot_read(struct boot *boot, struct image *image, const char *cmdline, bool closed)
{
	*boot = (struct boot){ .closed = closed || has_our_initramfs(image) };
	if (cmdline)
		add_line(boot, slice_of(cmdline), "--cmdline");
	else
		read_lines(boot, image);
}

void boot_free(struct boot *boot)
{
	for (size_t i = 0; i < boot->count; i++) {
		free((char *)boot->lines[i].text.at);
		free(boot->lines[i].source);
	}
	free(boot->lines);
}

static bool is_one_of(struct slice value, const char *const *words)
{
	for (; *words; words++)
		if (slice_is(value, *words))
			return true;
	return false;
}

bool boot_always(const struct boot *boot, const char *key, const char *const *words)
{
	for (size_t i = 0; i < boot->count; i++) {
		struct slice value;

		if (!cmdline_value(boot->lines[i].text, key, &value) || !is_one_of(value, words))
			return false;
	}
	return boot->count > 0;
}

const struct line *boot_any(const struct boot *boot, const char *key, struct slice *value)
{
	for (size_t i = 0; i < boot->count; i++)
		if (cmdline_has(boot->lines[i].text, key, value))
			return &boot->lines[i];
	return NULL;
}

/* A line that our initramfs refuses boots nothing. */
static bool lets_in(struct slice text, enum host_channel channel)
{
	struct cmdline cmdline;
	struct fault fault;
	bool open = cmdline_parse(text, &cmdline, &fault) == 0 &&
		    (cmdline.off || (cmdline.allowed & channel));

	volumes_free(&cmdline.volumes);
	return open;
}

bool boot_closes(const struct boot *boot, enum host_channel channel)
{
	for (size_t i = 0; i < boot->count; i++)
		if (lets_in(boot->lines[i].text, channel))
			return false;
	return boot->closed;
}
