// SPDX-License-Identifier: GPL-2.0-or-later
/* The doors that a root may leave open to a host. */
#include "audit/doors.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define UNITS(...)   ((const char *const[]){ __VA_ARGS__, NULL })
/* More of a door's say nothing new, and may be somebody's flood. */
enum { OPENINGS_MAX = 64 };

#define MASK_GENERATOR(name) "ln -s /dev/null /etc/systemd/system-generators/" name

static const struct door doors[] = {
	/* Programs that do what a host says. */
	{ "qemu-guest-agent", look_for_units,
	  "runs any command and writes any file, as root, by a virtio port", NULL,
	  UNITS("qemu-guest-agent.service", "qemu-ga.service") },
	{ "open-vm-tools", look_for_units,
	  "calls himself VMware, runs programs and copies files in, and customises the system", NULL,
	  UNITS("open-vm-tools.service", "vmtoolsd.service") },
	{ "spice-vdagent", look_for_units,
	  "reads and sets the clipboard and puts files into the session of whoever is logged in", NULL,
	  UNITS("spice-vdagentd.service") },
	{ "walinuxagent", look_for_units,
	  "calls himself Azure, sets passwords and keys and runs extensions as root", NULL,
	  UNITS("walinuxagent.service", "waagent.service") },
	{ "google-guest-agent", look_for_units,
	  "calls himself Google's metadata server, runs start scripts as root and adds ssh keys", NULL,
	  UNITS("google-guest-agent*.service", "google-startup-scripts.service",
		"google-osconfig-agent.service") },
	{ "amazon-ssm-agent", look_for_units,
	  "names the account whose commands the agent runs, by the metadata service", NULL,
	  UNITS("amazon-ssm-agent.service", "snap.amazon-ssm-agent.*.service") },
	{ "hyper-v", look_for_units,
	  "calls himself Hyper-V and copies files to any place, as root", NULL,
	  UNITS("hv-fcopy-daemon.service", "hv_fcopy_daemon.service", "hypervfcopyd.service") },
	{ "incus-agent", look_for_units,
	  "mounts a folder of his and has the agent that lies there started as root", NULL,
	  UNITS("incus-agent.service", "lxd-agent.service") },
	{ "one-context", look_for_units,
	  "runs scripts as root from a disk labelled CONTEXT", NULL, UNITS("one-context*.service") },
	{ "afterburn", look_for_units,
	  "adds ssh keys by a metadata service", NULL,
	  UNITS("afterburn-sshkeys@*.service", "coreos-metadata-sshkeys@*.service") },
	{ "cloud-init", look_for_cloud_init,
	  "runs commands as root by a disk labelled cidata, by SMBIOS or by a metadata service",
	  "touch /etc/cloud/cloud-init.disabled", NULL },
	{ "ignition", look_for_ignition,
	  "writes files, users and units at the first boot by fw_cfg, a disk or a metadata service",
	  "an initramfs of cocosecret, which does not start it", NULL },
	{ "ssh-metadata-keys", look_for_key_commands,
	  "logs in by ssh with keys that he names by the metadata service",
	  "AuthorizedKeysCommand none in /etc/ssh/sshd_config, without that package", NULL },

	/* Consoles: serial and virtio ones, keyboard and screen are his. */
	{ "serial-getty", look_for_serial_gettys,
	  "has a login prompt on the serial and virtio consoles, and tries passwords there",
	  "systemctl mask serial-getty@.service", NULL },
	{ "getty", look_for_gettys,
	  "has a login prompt on screen and keyboard, which are his, and tries passwords there",
	  "systemctl mask getty@.service autovt@.service", NULL },
	{ "autologin", look_for_autologin, "is logged in on a console without a password", NULL, NULL },
	{ "debug-shell", look_for_debug_shell, "has a root shell on tty9 without a password",
	  "systemctl mask debug-shell.service", NULL },
	{ "rescue-shell", look_for_rescue_shell,
	  "lets a mount fail, and has a root shell on the console without a password", NULL, NULL },
	{ "empty-password", look_for_empty_passwords,
	  "logs in on any console without a password", NULL, NULL },
	{ "first-boot", look_for_first_boot,
	  "answers on the console what the first boot asks for: the password of root",
	  "systemctl mask systemd-firstboot.service", NULL },

	/* What systemd does as a host says. */
	{ "credentials", look_for_credentials,
	  "sets files, passwords, ssh keys and units by credentials in SMBIOS or fw_cfg",
	  "systemd.import_credentials=no on the kernel command line, or [Manager] "
	  "ManagerEnvironment=CREDENTIALS_DIRECTORY=/run/credentials/@none in a file of "
	  "/etc/systemd/system.conf.d", NULL },
	{ "efi-variables", look_for_efi_variables,
	  "gives systemd more words for its command line by the variable SystemdOptions",
	  "an initramfs of cocosecret; or \"blacklist efivarfs\" in /etc/modprobe.d, where it is a module",
	  NULL },
	{ "gpt-auto", look_for_gpt_auto,
	  "has his partitions used as swap, /home, /srv and /var, if they lie beside the root's",
	  MASK_GENERATOR("systemd-gpt-auto-generator"), NULL },
	{ "vsock", look_for_vsock, "reaches a service by vsock, past every firewall", NULL, NULL },
	{ "imds", look_for_imds, "gives credentials and settings by a metadata service",
	  MASK_GENERATOR("systemd-imds-generator"), NULL },

	/* Disks. */
	{ "mounts", look_for_mounts,
	  "has a file system of his mounted where programs of the root read and write",
	  "mount it from a volume that cocosecret opens (/dev/mapper/NAME), or not at all", NULL },
	{ "swap", look_for_swap,
	  "reads what is swapped out, keys among it, and changes what is swapped in",
	  "swap to a volume that cocosecret opens (/dev/mapper/NAME), or not at all", NULL },
	{ "crypttab", look_for_crypttab,
	  "replaces the header by one that any key opens, or types a passphrase of his own",
	  "cocotab(5), or \"none luks,headless=true,tries=1\" as in libcryptsetup-token-cocosecret(7)",
	  NULL },
	{ "zfs-import-scan", look_for_units,
	  "has a pool of his imported, with file systems that say where they are mounted", NULL,
	  UNITS("zfs-import-scan.service", "zfs-import.service") },
	{ "resume", look_for_resume, "gives the kernel a memory of his making, by an image to resume",
	  "noresume on the kernel command line", NULL },

	/* The kernel. */
	{ "kdump", look_for_dumps,
	  "makes the kernel crash, and has its memory, the disk key in it, on a disk or network of his",
	  NULL, NULL },
	{ "crash-kernel", look_for_crash_kernel,
	  "gives the kernel that is started without a reboot, which has all memory before it",
	  "keep /boot on the root's own volume", NULL },
	{ "pstore", look_for_pstore,
	  "makes the kernel crash, and reads its log in EFI variables; the next boot reads what he writes",
	  NULL, NULL },
	{ "sysrq", look_for_sysrq,
	  "crashes the kernel, prints its registers and kills programs by keys on a console",
	  "kernel.sysrq = 0 in a file of /etc/sysctl.d", NULL },
	{ "drivers", look_for_drivers,
	  "plugs in devices, for each of which a driver is loaded that may trust what the device says",
	  "kernel.modules_disabled = 1 in a file of /etc/sysctl.d, and in /etc/modules-load.d what the "
	  "root needs", NULL },
	{ "unsigned-modules", look_for_unsigned_modules,
	  "has the kernel, and any key in it, once any other door makes him root",
	  "module.sig_enforce=1 on the kernel command line, or kernel.modules_disabled = 1 in a file of "
	  "/etc/sysctl.d", NULL },
	{ "command-line", look_for_words, "finds the boot open by a word of the kernel command line",
	  NULL, NULL },
	{ "initramfs", look_for_initramfs,
	  "keeps the disk back, and has a root shell on the console while the disk key is in reach",
	  "an initramfs of cocosecret; if it is made elsewhere, say --closed-initramfs", NULL },
};

static void add_text(struct json_object *object, const char *name, struct slice text)
{
	json_object_object_add(object, name, json_object_new_string(ESCAPED(text)));
}

static bool is_found(const struct audit *audit, struct json_object *found)
{
	for (size_t i = 0; i < json_object_array_length(audit->found); i++)
		if (json_object_equal(json_object_array_get_idx(audit->found, i), found))
			return true;
	return false;
}

void audit_found_text(struct audit *audit, const char *file, struct slice what, const char *close)
{
	struct json_object *found;

	if (!audit->found)
		audit->found = json_object_new_array();
	if (json_object_array_length(audit->found) == OPENINGS_MAX)
		return;
	found = json_object_new_object();
	add_text(found, "file", slice_of(file));
	if (what.at)
		add_text(found, "what", what);
	close = close ? close : audit->door->close;
	json_object_object_add(found, "close", json_object_new_string(close));
	if (is_found(audit, found))
		json_object_put(found);
	else
		json_object_array_add(audit->found, found);
}

void audit_found(struct audit *audit, const char *file, const char *what, const char *close)
{
	audit_found_text(audit, file, what ? slice_of(what) : (struct slice){ 0 }, close);
}

/* The command of the init that starts it. */
static void found_unit(struct audit *audit, const struct start *start)
{
	char close[IMAGE_PATH_SIZE];
	const char *unit = ESCAPED(slice_of(start->unit)), *dot = strrchr(unit, '.');
	int length = dot ? (int)(dot - unit) : 0;

	if (strncmp(start->where, "/etc/rc", strlen("/etc/rc")) == 0)
		snprintf(close, sizeof(close), "update-rc.d %.*s disable", length, unit);
	else if (strncmp(start->where, "/etc/runlevels", strlen("/etc/runlevels")) == 0)
		snprintf(close, sizeof(close), "rc-update del %.*s", length, unit);
	else
		snprintf(close, sizeof(close), "systemctl mask %s", unit);
	audit_found(audit, start->where, NULL, close);
}

void look_for_units(struct audit *audit)
{
	for (const char *const *unit = audit->door->units; *unit; unit++) {
		const struct start *start = units_start(&audit->units, *unit);

		if (start)
			found_unit(audit, start);
	}
}

void audit_run(struct audit *audit, audit_tell *tell, void *context)
{
	for (size_t i = 0; i < COUNT(doors); i++) {
		audit->door = &doors[i];
		audit->found = NULL;
		audit->door->look(audit);
		if (audit->found)
			tell(context, audit->door, audit->found);
		json_object_put(audit->found);
	}
}
