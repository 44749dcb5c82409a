// SPDX-License-Identifier: GPL-2.0-or-later
#include "generator/preinit.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "config/cmdline.h"
#include "generator/closing.h"
#include "generator/host.h"
#include "lib/exitcode.h"
#include "lib/log.h"

static const char *const systemd[] = { "/usr/lib/systemd/systemd", "/lib/systemd/systemd" };
static const char *const unlocker[] = {
	"/usr/bin/cocosecret-unlock",
	"/usr/local/bin/cocosecret-unlock",
};

static int mount_kernel(const char *type, const char *path)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	return mount(type, path, type, flags, NULL) < 0 && errno != EBUSY ? -errno : 0;
}

/* As systemd would, which leaves existing mounts alone. */
static int mount_kernels(struct fault *fault)
{
	int r = mount_kernel("proc", "/proc");

	if (r == 0)
		r = mount_kernel("sysfs", "/sys");
	if (r < 0)
		fault_set(fault, "/proc and /sys cannot be mounted: %s", strerror(-r));
	return r;
}

/* If we cannot parse the kernel command line, the host gets in nowhere; the unlocker says why. */
static unsigned int read_allowed(bool *off)
{
	struct cmdline cmdline;
	struct fault fault;
	int r = cmdline_settings(&cmdline, &fault);

	*off = r == 0 && cmdline.off;
	return r == 0 ? cmdline.allowed : 0;
}

static int close_host(struct fault *fault)
{
	struct closed closed;
	unsigned int allowed;
	bool off;
	int r = mount_kernels(fault);

	if (r == 0)
		r = closing_apply("", &closed, fault);
	if (r < 0)
		return r;
	if (closed.generators + closed.units)
		log_info("closed: %u generators and %u units that no list names do not start; "
			 CLOSING_KEEP " in the image would keep them", closed.generators, closed.units);
	allowed = read_allowed(&off);
	return off ? 0 : host_close_here(allowed, fault);
}

static bool is_initramfs(void)
{
	return access("/etc/initrd-release", F_OK) == 0;
}

/* The unlocker wipes and ends the machine; without it, the kernel goes down with its first program. */
static int fail(const char *why)
{
	mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);
	log_error("%s (exit %d)", why, EXIT_CONFIG);
	for (size_t i = 0; i < sizeof(unlocker) / sizeof(*unlocker); i++)
		execl(unlocker[i], "cocosecret-unlock", "fail", NULL);
	return EXIT_CONFIG;
}

int preinit(char **argv)
{
	struct fault fault;

	if (is_initramfs() && close_host(&fault) < 0)
		return fail(fault.text);
	for (size_t i = 0; i < sizeof(systemd) / sizeof(*systemd); i++)
		execv(systemd[i], argv);
	fault_set(&fault, "%s cannot be started: %s", systemd[0], strerror(errno));
	return is_initramfs() ? fail(fault.text) : EXIT_CONFIG;
}
