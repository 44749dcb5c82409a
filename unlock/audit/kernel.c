// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel of the root does as a host says, and how the root is started. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/disks.h"
#include "audit/settings.h"
#include "config/filesystems.h"
#include "lib/cleanup.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const sysctl_folders[] = {
	"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d",
	"/lib/sysctl.d", NULL,
};

/* procps reads sysctl.conf last; systemd reads it where a link in sysctl.d names it. */
static void list_sysctl(struct audit *audit, struct names *files)
{
	image_list_each(&audit->image, sysctl_folders, "*.conf", files);
	if (audit->units.systemd)
		return;
	image_list(&audit->image, "/etc", "sysctl.conf", files);
}

/* -1 where no file sets it; else *@where is the one that does, which whoever asks frees. */
static long read_sysctl(struct audit *audit, const char *key, char **where)
{
	struct names files = { 0 };
	CLEANUP(free_text) char *value = NULL;
	size_t source;
	long number;

	list_sysctl(audit, &files);
	value = settings_last(&audit->image, &files, key, &source);
	if (value && where)
		*where = strdup(files.list[source]);
	number = value ? strtol(value, NULL, 0) : -1;
	names_free(&files);
	return number;
}

/* How the kernels of the image were configured. */
static void list_configs(struct audit *audit, struct names *files)
{
	struct names modules = { 0 };

	image_list(&audit->image, "/boot", "config-*", files);
	image_list(&audit->image, "/lib/modules", "[0-9]*", &modules);
	for (size_t i = 0; i < modules.count; i++)
		image_list(&audit->image, modules.list[i], "config", files);
	names_free(&modules);
}

static size_t count_kernels(struct audit *audit, const char *key, const char *wanted, size_t *all)
{
	struct names files = { 0 };
	size_t count = 0, source;

	list_configs(audit, &files);
	for (size_t i = 0; i < files.count; i++) {
		const struct names file = { &files.list[i], 1 };
		CLEANUP(free_text) char *value = settings_last(&audit->image, &file, key, &source);

		count += value && strcmp(value, wanted) == 0;
	}
	if (all)
		*all = files.count;
	names_free(&files);
	return count;
}

/* Nobody here knows which of them is booted. */
static bool every_kernel_has(struct audit *audit, const char *key)
{
	size_t all, count = count_kernels(audit, key, "y", &all);

	return count > 0 && count == all;
}

static bool has_target(struct audit *audit, const char *file, const char *const *keys, char separator)
{
	struct slice text = { 0 }, line, key;
	CLEANUP(free_text) char *read = image_read(&audit->image, file, &text.length);
	char device[IMAGE_PATH_SIZE];

	text.at = read;
	while (read && settings_line(&text, &line)) {
		if (!slice_cut(&line, separator, &key))
			continue;
		line = settings_trim(line);
		snprintf(device, sizeof(device), "%.*s", (int)line.length, line.at);
		for (const char *const *name = keys; *name; name++)
			if (slice_is(key, *name) && line.length &&
			    (strcmp(*name, "nfs") == 0 || strcmp(*name, "ssh") == 0 ||
			     separator == '=' || disks_is_hosts(audit, device)))
				return true;
	}
	return false;
}

/* kdump.conf(5) of Fedora, kdump-tools of Debian; and the folder that the latter takes. */
static void look_for_target(struct audit *audit)
{
	static const char *const fedora[] = { "nfs", "ssh", "raw", "ext2", "ext3", "ext4", "xfs",
					      "btrfs", "minix", NULL };
	static const char *const debian[] = { "NFS", "SSH", "FTP", NULL };

	if (has_target(audit, "/etc/kdump.conf", fedora, ' '))
		audit_found(audit, "/etc/kdump.conf", NULL, "systemctl mask kdump.service");
	if (has_target(audit, "/etc/default/kdump-tools", debian, '='))
		audit_found(audit, "/etc/default/kdump-tools", NULL,
			    "systemctl mask kdump-tools.service");
	if (disks_holds(audit, "/var/crash"))
		audit_found(audit, FSTAB_PATH, "/var/crash",
			    "systemctl mask kdump.service kdump-tools.service");
}

static const struct start *dump_start(struct audit *audit)
{
	const struct start *start = units_start(&audit->units, "kdump-tools.service");

	return start ? start : units_start(&audit->units, "kdump.service");
}

void look_for_dumps(struct audit *audit)
{
	if (dump_start(audit))
		look_for_target(audit);
}

void look_for_crash_kernel(struct audit *audit)
{
	const struct start *start = dump_start(audit);

	if (!start)
		start = units_start(&audit->units, "kexec-load.service");
	if (start && disks_holds(audit, "/boot"))
		audit_found(audit, start->where, "/boot is on a disk of the host's", NULL);
}

/* systemd-pstore.service loads the module; a kernel that has it in it needs no unit. */
void look_for_pstore(struct audit *audit)
{
	static const char *const yes[] = { "1", "y", "Y", NULL };
	const struct start *start = units_start(&audit->units, "systemd-pstore.service");

	if (boot_always(&audit->boot, "efi_pstore.pstore_disable", yes))
		return;
	if (start)
		audit_found(audit, start->where, NULL, "systemctl mask systemd-pstore.service");
	if (count_kernels(audit, "CONFIG_EFI_VARS_PSTORE", "y", NULL) >
	    count_kernels(audit, "CONFIG_EFI_VARS_PSTORE_DEFAULT_DISABLE", "y", NULL))
		audit_found(audit, "/boot", "CONFIG_EFI_VARS_PSTORE=y",
			    "efi_pstore.pstore_disable=1 on the kernel command line");
}

/* admin-guide/sysrq.rst: what does more than to end the machine, which a host can do anyway. */
static bool does_more(long sysrq)
{
	enum { ALL = 1, DUMPS = 8, SIGNALS = 64 };

	return sysrq == ALL || (sysrq > ALL && (sysrq & (DUMPS | SIGNALS)));
}

/* What the kernels have where no file sets it. */
static void look_in_configs(struct audit *audit)
{
	struct names files = { 0 };
	CLEANUP(free_text) char *value = NULL;
	size_t source;

	list_configs(audit, &files);
	value = settings_last(&audit->image, &files, "CONFIG_MAGIC_SYSRQ_DEFAULT_ENABLE", &source);
	if (value && does_more(strtol(value, NULL, 0)))
		audit_found(audit, files.list[source], value, NULL);
	names_free(&files);
}

void look_for_sysrq(struct audit *audit)
{
	CLEANUP(free_text) char *where = NULL;
	struct slice value;
	const struct line *line = boot_any(&audit->boot, "sysrq_always_enabled", &value);
	long sysrq = read_sysctl(audit, "kernel.sysrq", &where);

	if (line)
		audit_found(audit, line->source, "sysrq_always_enabled", "take that word out");
	if (sysrq < 0)
		look_in_configs(audit);
	else if (where && does_more(sysrq))
		audit_found(audit, where, "kernel.sysrq", NULL);
}

static bool takes_no_modules(struct audit *audit)
{
	return read_sysctl(audit, "kernel.modules_disabled", NULL) == 1;
}

void look_for_drivers(struct audit *audit)
{
	struct names kernels = { 0 };
	char path[IMAGE_PATH_SIZE];

	if (takes_no_modules(audit))
		return;
	image_list(&audit->image, "/lib/modules", "[0-9]*", &kernels);
	for (size_t i = 0; i < kernels.count; i++) {
		snprintf(path, sizeof(path), "%s/modules.alias", kernels.list[i]);
		if (image_has(&audit->image, path))
			audit_found(audit, path, NULL, NULL);
	}
	names_free(&kernels);
}

void look_for_unsigned_modules(struct audit *audit)
{
	static const char *const yes[] = { "1", "y", "Y", NULL };
	static const char *const locked[] = { "integrity", "confidentiality", NULL };

	if (takes_no_modules(audit) || boot_always(&audit->boot, "module.sig_enforce", yes) ||
	    boot_always(&audit->boot, "lockdown", locked) ||
	    every_kernel_has(audit, "CONFIG_MODULE_SIG_FORCE"))
		return;
	if (image_has(&audit->image, "/lib/modules"))
		audit_found(audit, "/lib/modules", NULL, NULL);
}

/* @value is a pattern of the shell's; NULL: any, or none. */
static const struct {
	const char *key, *value, *close;
} words[] = {
	{ "init", "*/*sh", "take init= out: it is a root shell on the console" },
	{ "single", NULL, "take single out" },
	{ "emergency", NULL, "take emergency out" },
	{ "rescue", NULL, "take rescue out" },
	{ "systemd.unit", "emergency.target", "take systemd.unit= out" },
	{ "systemd.unit", "rescue.target", "take systemd.unit= out" },
	{ "systemd.debug_shell", NULL, "take systemd.debug_shell out: it is a root shell on tty9" },
	{ "rd.shell", NULL, "take rd.shell out: it is a root shell on the console" },
	{ "rd.break", NULL, "take rd.break out: it is a root shell on the console" },
	{ "kgdboc", NULL, "take kgdboc= out: it gives a debugger all memory" },
	{ "ekgdboc", NULL, "take ekgdboc= out: it gives a debugger all memory" },
	{ "efivar_ssdt", NULL, "take efivar_ssdt= out: it runs bytecode from a variable" },
};

static bool has_word(struct slice text, const char *key, const char *pattern)
{
	struct slice value;
	char word[IMAGE_PATH_SIZE];

	if (!cmdline_has(text, key, &value))
		return false;
	snprintf(word, sizeof(word), "%.*s", (int)value.length, value.at ? value.at : "");
	if (pattern)
		return fnmatch(pattern, word, 0) == 0;
	return strcmp(word, "0") != 0 && strcmp(word, "no") != 0;
}

/* Each of them opens what our initramfs closes. */
static void look_for_our_words(struct audit *audit, const struct line *line)
{
	struct cmdline cmdline;
	struct fault fault;

	if (cmdline_parse(line->text, &cmdline, &fault) == 0) {
		if (cmdline.off)
			audit_found(audit, line->source, "rd.cocosecret",
				    "take rd.cocosecret=0 out: it leaves the root to any unlocker");
		if (cmdline.allowed)
			audit_found(audit, line->source, "rd.cocosecret.allow",
				    "take rd.cocosecret.allow= out: see cocosecret-unlock(8)");
		if (cmdline.on_failure == ON_FAILURE_SHELL)
			audit_found(audit, line->source, "rd.cocosecret.on-failure",
				    "take rd.cocosecret.on-failure=shell out: see cocosecret-unlock(8)");
	}
	volumes_free(&cmdline.volumes);
}

void look_for_words(struct audit *audit)
{
	for (size_t i = 0; i < audit->boot.count; i++) {
		const struct line *line = &audit->boot.lines[i];

		for (size_t j = 0; j < COUNT(words); j++)
			if (has_word(line->text, words[j].key, words[j].value))
				audit_found(audit, line->source, words[j].key, words[j].close);
		look_for_our_words(audit, line);
	}
}

void look_for_initramfs(struct audit *audit)
{
	static const char *const makers[] = { "/usr/share/initramfs-tools/init", "/usr/bin/dracut",
					      "/usr/bin/mkinitcpio" };

	if (audit->boot.closed)
		return;
	for (size_t i = 0; i < COUNT(makers); i++)
		if (image_has(&audit->image, makers[i]))
			audit_found(audit, makers[i], NULL, NULL);
}
