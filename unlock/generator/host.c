// SPDX-License-Identifier: GPL-2.0-or-later
#include "generator/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "config/cmdline.h"
#include "generator/closing.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"

#define EFIVARS "/sys/firmware/efi/efivars"

/*
 * systemd imports none where it finds this set when it starts (src/core/import-creds.c). The folder
 * is never made.
 */
#define CREDENTIALS_VARIABLE "CREDENTIALS_DIRECTORY"
#define CREDENTIALS_FOLDER   "/run/credentials/@none"
#define CREDENTIALS_SETTING  CREDENTIALS_VARIABLE "=" CREDENTIALS_FOLDER

/* For whoever comes later: systemd does not change what it was started with. */
#define CLOSED_VARIABLE "COCOSECRET_INITRAMFS"
#define CLOSED_VALUE    "closed"
#define CLOSED_SETTING  CLOSED_VARIABLE "=" CLOSED_VALUE

/* systemd.conf(5): read before credentials are imported, and /run outlives the initramfs. */
#define MANAGER_FOLDER "/run/systemd/system.conf.d"
#define MANAGER_FILE   MANAGER_FOLDER "/50-cocosecret.conf"
#define MANAGER_TEXT   "[Manager]\nManagerEnvironment=" CREDENTIALS_SETTING "\n"

#define GENERATORS_FOLDER "/run/systemd/system-generators"
#define GPT_AUTO          GENERATORS_FOLDER "/" CLOSING_GPT_AUTO

/* Where systemd puts what it has imported. */
static const char *const imported[] = {
	"/run/credentials/@system",
	"/run/credentials/@encrypted",
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool has_efivars(void)
{
	struct statfs fs;

	return statfs(EFIVARS, &fs) == 0 && fs.f_type == EFIVARFS_MAGIC;
}

/* systemd mounts nothing where something is mounted. */
static bool is_covered(void)
{
	struct statfs fs;

	return statfs(EFIVARS, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

static int explain(const char *path, struct fault *fault)
{
	int r = errno ? -errno : -EIO; /* a short write sets none */

	fault_set(fault, "%s: %s", path, strerror(-r));
	return r;
}

/* Without the folder the kernel has no variables to show. */
static int cover_efivars(struct fault *fault)
{
	unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (is_covered() || (access(EFIVARS, F_OK) < 0 && errno == ENOENT))
		return 0;
	return mount("cocosecret", EFIVARS, "tmpfs", flags, "size=4k,mode=0555") < 0 ?
		       explain(EFIVARS, fault) : 0;
}

static int set_variable(const char *name, const char *value, struct fault *fault)
{
	return setenv(name, value, 1) < 0 ? explain(name, fault) : 0;
}

int host_close_here(unsigned int allowed, struct fault *fault)
{
	int r = allowed & HOST_EFIVARS ? 0 : cover_efivars(fault);

	if (r == 0 && !(allowed & HOST_CREDENTIALS))
		r = set_variable(CREDENTIALS_VARIABLE, CREDENTIALS_FOLDER, fault);
	return r ? r : set_variable(CLOSED_VARIABLE, CLOSED_VALUE, fault);
}

/* Whatever the umask is: others than root look into /run/systemd as well. */
static int make_folder(const char *path, struct fault *fault)
{
	if (mkdir(path, 0755) == 0)
		return chmod(path, 0755) < 0 ? explain(path, fault) : 0;
	return errno == EEXIST ? 0 : explain(path, fault);
}

static int keep_credentials_out(struct fault *fault)
{
	CLEANUP(close_fd) int fd = -1;

	if (make_folder(MANAGER_FOLDER, fault) < 0)
		return -EIO;
	errno = 0;
	fd = open(MANAGER_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || write(fd, MANAGER_TEXT, strlen(MANAGER_TEXT)) != (ssize_t)strlen(MANAGER_TEXT) ||
	    fchmod(fd, 0644) < 0)
		return explain(MANAGER_FILE, fault);
	return 0;
}

static int mask_gpt_auto(struct fault *fault)
{
	if (make_folder(GENERATORS_FOLDER, fault) < 0)
		return -EIO;
	return symlink("/dev/null", GPT_AUTO) < 0 && errno != EEXIST ? explain(GPT_AUTO, fault) : 0;
}

static int close_for_root(unsigned int allowed, struct fault *fault)
{
	int r = allowed & HOST_EFIVARS ? 0 : cover_efivars(fault);

	if (r == 0)
		r = make_folder("/run/systemd", fault);
	if (r == 0 && !(allowed & HOST_CREDENTIALS))
		r = keep_credentials_out(fault);
	if (r == 0 && !(allowed & HOST_GPT_AUTO))
		r = mask_gpt_auto(fault);
	return r;
}

int host_close_for_root(struct fault *fault)
{
	struct cmdline cmdline;

	if (cmdline_settings(&cmdline, fault) < 0)
		return EXIT_CONFIG;
	return cmdline.off || close_for_root(cmdline.allowed, fault) == 0 ? EXIT_OPENED : EXIT_IO;
}

static bool find_entry(const char *folder, char *name, size_t size)
{
	CLEANUP(close_dir) DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			snprintf(name, size, "%s", entry->d_name);
			return true;
		}
	return false;
}

/* Whatever they were for, the host's word may have been obeyed by now. */
static int check_imported(struct fault *fault)
{
	char name[NAME_MAX + 1];

	for (size_t i = 0; i < COUNT(imported); i++)
		if (find_entry(imported[i], name, sizeof(name))) {
			fault_set(fault, "%s: the host passed the credential \"%s\" into this boot; "
				  "make the initramfs again, or let credentials in by "
				  "rd.cocosecret.allow=credentials", imported[i],
				  ESCAPED(slice_of(name)));
			return EXIT_CONFIG;
		}
	return EXIT_OPENED;
}

/* The environment with which process 1 was started. */
static bool began_closed(void)
{
	CLEANUP(free_text) char *text = NULL;
	struct slice rest = { 0 }, setting;

	if (file_read("/proc/1/environ", &text, &rest.length) < 0)
		return false;
	rest.at = text;
	while (slice_cut(&rest, '\0', &setting))
		if (slice_is(setting, CLOSED_SETTING))
			return true;
	return false;
}

/* In an initramfs only: the real root's is as its owner wants it. */
static bool is_systemd_in_initramfs(void)
{
	return access("/etc/initrd-release", F_OK) == 0 && access("/run/systemd/system", F_OK) == 0;
}

static int check(unsigned int allowed, struct fault *fault)
{
	if (!began_closed()) {
		fault_set(fault, "this initramfs did not begin with cocosecret's /init, so systemd may have "
			  "obeyed the host: make it again, let its /init be a link to "
			  "cocosecret-generator, and have no rdinit= on the kernel command line");
		return EXIT_CONFIG;
	}
	if (!(allowed & HOST_EFIVARS) && has_efivars()) {
		fault_set(fault, EFIVARS ": the host's EFI variables are visible after all");
		return EXIT_CONFIG;
	}
	return allowed & HOST_CREDENTIALS ? EXIT_OPENED : check_imported(fault);
}

int host_check(struct fault *fault)
{
	struct cmdline cmdline;

	if (!is_systemd_in_initramfs())
		return EXIT_OPENED;
	if (cmdline_settings(&cmdline, fault) < 0)
		return EXIT_CONFIG;
	return cmdline.off ? EXIT_OPENED : check(cmdline.allowed, fault);
}
