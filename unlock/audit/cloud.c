// SPDX-License-Identifier: GPL-2.0-or-later
/* What makes a machine of an image, by the word of whoever runs it. */
#include <string.h>

#include "audit/doors.h"
#include "audit/settings.h"
#include "lib/cleanup.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct start *cloud_start(const struct units *units)
{
	static const char *const stages[] = {
		"cloud-init-local.service", "cloud-init.service", "cloud-init-network.service",
		"cloud-init-main.service", "cloud-config.service", "cloud-final.service",
		"cloud-init-hotplugd.service",
	};
	const struct start *start = NULL;

	for (size_t i = 0; i < COUNT(stages) && !start; i++)
		start = units_start(units, stages[i]);
	return start;
}

/* Its generator starts the target that wants the stages; elsewhere a link does. */
static bool is_reached(const struct units *units)
{
	char path[IMAGE_PATH_SIZE];

	return !units->systemd || units_start(units, "cloud-init.target") ||
	       (units_may_start(units, "cloud-init.target") &&
		units_generator(units, "cloud-init-generator", path));
}

static bool is_disabled(struct audit *audit)
{
	static const char *const disabled[] = { "disabled", NULL };

	return image_has(&audit->image, "/etc/cloud/cloud-init.disabled") ||
	       boot_always(&audit->boot, "cloud-init", disabled);
}

static bool has_sources(struct slice line, struct slice *sources)
{
	if (!slice_skip_prefix(&line, "datasource_list:"))
		return false;
	*sources = settings_trim(line);
	return true;
}

/* In a list of one line, as cloud-init itself asks for, nothing but None. */
static bool is_none(struct slice list)
{
	while (list.length && strchr("[ \"'", list.at[0]))
		list = (struct slice){ list.at + 1, list.length - 1 };
	while (list.length && strchr(", ]\"'", list.at[list.length - 1]))
		list.length--;
	return slice_is(list, "None");
}

/* The last file's list counts. */
static void found_sources(struct audit *audit, const struct names *files, const char *where)
{
	CLEANUP(free_text) char *last = NULL;

	for (size_t i = 0; i < files->count; i++) {
		struct slice text = { 0 }, line, sources;
		CLEANUP(free_text) char *read = image_read(&audit->image, files->list[i], &text.length);

		text.at = read;
		while (read && settings_line(&text, &line)) {
			if (!has_sources(line, &sources))
				continue;
			free(last);
			last = strndup(sources.at, sources.length);
			where = files->list[i];
		}
	}
	if (!last)
		audit_found(audit, where, "every data source", NULL);
	else if (!is_none(slice_of(last)))
		audit_found(audit, where, last, NULL);
}

void look_for_cloud_init(struct audit *audit)
{
	const struct start *start = cloud_start(&audit->units);
	struct names files = { 0 };

	if (!start || !is_reached(&audit->units) || is_disabled(audit))
		return;
	image_list(&audit->image, "/etc/cloud", "cloud.cfg", &files);
	image_list(&audit->image, "/etc/cloud/cloud.cfg.d", "*.cfg", &files);
	found_sources(audit, &files, start->where);
	names_free(&files);
}

/* Its units start in an initramfs. */
void look_for_ignition(struct audit *audit)
{
	struct names modules = { 0 };

	if (audit->boot.closed)
		return;
	image_list(&audit->image, "/usr/lib/dracut/modules.d", "[0-9]*ignition", &modules);
	for (size_t i = 0; i < modules.count; i++)
		audit_found(audit, modules.list[i], NULL, NULL);
	names_free(&modules);
}

void look_for_key_commands(struct audit *audit)
{
	static const char *const commands[] = { "eic_run_authorized_keys", "google_authorized_keys" };
	struct names files = { 0 };

	if (!image_has(&audit->image, "/usr/sbin/sshd"))
		return;
	image_list(&audit->image, "/etc/ssh", "sshd_config", &files);
	image_list(&audit->image, "/etc/ssh/sshd_config.d", "*.conf", &files);
	units_drop_ins(&audit->units, "ssh*.service.d", &files);
	for (size_t i = 0; i < COUNT(commands); i++) {
		const char *file = settings_with(&audit->image, &files, NULL, commands[i]);

		if (file)
			audit_found(audit, file, commands[i], NULL);
	}
	names_free(&files);
}
