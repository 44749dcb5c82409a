// SPDX-License-Identifier: GPL-2.0-or-later
/* What systemd does as a host says, each with the word or the file that keeps it from that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/doors.h"
#include "audit/settings.h"
#include "lib/cleanup.h"

/* src/core/import-creds.c: SMBIOS and fw_cfg are read from this release on. */
enum { IMPORTS_SINCE = 251 };

/* 0 where nothing says it. */
static int version_in(struct image *image, const char *folder)
{
	static const char prefix[] = "libsystemd-shared-";
	struct names files = { 0 };
	int version = 0;

	image_list(image, folder, "libsystemd-shared-*.so", &files);
	if (files.count)
		version = atoi(path_name(files.list[0]) + strlen(prefix));
	names_free(&files);
	return version;
}

static int find_version(struct image *image)
{
	struct names folders = { 0 };
	char path[IMAGE_PATH_SIZE];
	int version = version_in(image, "/usr/lib/systemd");

	image_list(image, "/usr/lib", "*-linux-*", &folders);
	for (size_t i = 0; i < folders.count && !version; i++) {
		snprintf(path, sizeof(path), "%s/systemd", folders.list[i]);
		version = version_in(image, path);
	}
	if (!version)
		version = version_in(image, "/usr/lib64/systemd");
	names_free(&folders);
	return version;
}

/* systemd imports none where it finds the variable set; generator/host.c does the same. */
static bool has_variable(struct image *image)
{
	static const char *const folders[] = { "/etc/systemd/system.conf.d",
					       "/usr/lib/systemd/system.conf.d", NULL };
	struct names files = { 0 };
	bool found;

	image_list(image, "/etc/systemd", "system.conf", &files);
	image_list_each(image, folders, "*.conf", &files);
	found = settings_with(image, &files, "ManagerEnvironment", "CREDENTIALS_DIRECTORY=/") != NULL;
	names_free(&files);
	return found;
}

void look_for_credentials(struct audit *audit)
{
	int version = find_version(&audit->image);
	char what[64] = "";

	if (!audit->units.systemd || (version && version < IMPORTS_SINCE) ||
	    boot_closes(&audit->boot, HOST_CREDENTIALS) ||
	    boot_always(&audit->boot, "systemd.import_credentials", boot_no) ||
	    has_variable(&audit->image))
		return;
	if (version)
		snprintf(what, sizeof(what), "systemd %d", version);
	audit_found(audit, "/usr/lib/systemd/systemd", version ? what : NULL, NULL);
}

static bool is_module(struct image *image)
{
	struct names kernels = { 0 };
	char path[IMAGE_PATH_SIZE];
	bool everywhere;

	image_list(image, "/lib/modules", "[0-9]*", &kernels);
	everywhere = kernels.count > 0;
	for (size_t i = 0; i < kernels.count && everywhere; i++) {
		struct names builtin = { 0 };

		snprintf(path, sizeof(path), "%s/modules.builtin", kernels.list[i]);
		image_list(image, kernels.list[i], "modules.builtin", &builtin);
		everywhere = builtin.count && !settings_with(image, &builtin, NULL, "/efivarfs.ko");
		names_free(&builtin);
	}
	names_free(&kernels);
	return everywhere;
}

static bool is_kept_out(struct audit *audit)
{
	static const char *const folders[] = { "/etc/modprobe.d", "/usr/local/lib/modprobe.d",
					       "/usr/lib/modprobe.d", "/lib/modprobe.d", NULL };
	static const char *const blacklist[] = { "blacklist", "efivarfs", NULL };
	static const char *const install[] = { "install", "efivarfs", "/bin/false", NULL };
	static const char *const word[] = { "efivarfs", NULL };
	struct names files = { 0 };
	bool listed;

	image_list_each(&audit->image, folders, "*.conf", &files);
	listed = settings_has_words(&audit->image, &files, blacklist) ||
		 settings_has_words(&audit->image, &files, install) ||
		 boot_always(&audit->boot, "modprobe.blacklist", word);
	names_free(&files);
	return listed && is_module(&audit->image);
}

void look_for_efi_variables(struct audit *audit)
{
	static const char *const noruntime[] = { "noruntime", NULL };

	if (audit->units.systemd && !boot_closes(&audit->boot, HOST_EFIVARS) &&
	    !boot_always(&audit->boot, "efi", noruntime) && !is_kept_out(audit))
		audit_found(audit, "/usr/lib/systemd/systemd", NULL, NULL);
}

static void found_generator(struct audit *audit, const char *name)
{
	char path[IMAGE_PATH_SIZE];

	if (units_generator(&audit->units, name, path))
		audit_found(audit, path, NULL, NULL);
}

void look_for_gpt_auto(struct audit *audit)
{
	if (!boot_closes(&audit->boot, HOST_GPT_AUTO) &&
	    !boot_always(&audit->boot, "systemd.gpt_auto", boot_no))
		found_generator(audit, "systemd-gpt-auto-generator");
}

void look_for_imds(struct audit *audit)
{
	found_generator(audit, "systemd-imds-generator");
}

/* systemd-ssh-generator(8): sshd on a socket of its own. */
static void look_for_sshd(struct audit *audit)
{
	char path[IMAGE_PATH_SIZE];

	if (image_has(&audit->image, "/usr/sbin/sshd") &&
	    !boot_always(&audit->boot, "systemd.ssh_auto", boot_no) &&
	    units_generator(&audit->units, "systemd-ssh-generator", path))
		audit_found(audit, path, "sshd",
			    "ln -s /dev/null /etc/systemd/system-generators/systemd-ssh-generator");
}

static void look_for_socket(struct audit *audit, const struct start *start)
{
	char path[IMAGE_PATH_SIZE], close[IMAGE_PATH_SIZE];
	char *list[] = { path };
	const struct names file = { list, 1 };

	if (!units_start(&audit->units, start->unit) ||
	    !units_file(&audit->units, start->unit, path) ||
	    !settings_with(&audit->image, &file, "ListenStream", "vsock:"))
		return;
	snprintf(close, sizeof(close), "systemctl mask %s", ESCAPED(slice_of(start->unit)));
	audit_found(audit, path, NULL, close);
}

void look_for_vsock(struct audit *audit)
{
	static const char suffix[] = ".socket";

	look_for_sshd(audit);
	for (size_t i = 0; i < audit->units.count; i++) {
		const struct start *start = &audit->units.starts[i];
		size_t length = strlen(start->unit);

		if (length > strlen(suffix) &&
		    strcmp(start->unit + length - strlen(suffix), suffix) == 0)
			look_for_socket(audit, start);
	}
}
