// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cocosecret-generator: a systemd generator. Turns rd.cocosecret.on-failure= into drop-ins for the
 * units whose own failure action is to power off at once, and rd.cocosecret.timeout= into one for
 * the wait for the root device.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmdline.h"
#include "exitcode.h"
#include "log.h"

/* What the initramfs itself may take besides, on a slow machine. */
enum { ROOT_WAIT_S = 30 };

#define DROP_IN_FILE "60-cocosecret.conf"

static const char *const units[] = {
	"cocosecret-unlock.service",
	"cocosecret-verify-root.service",
	"cocosecret-verify-mounts.service",
};

/* The shells that a failed boot ends in; in a closed image, what stands in for them. */
static const char *const shells[] = {
	"emergency.service",
	"rescue.service",
	"dracut-emergency.service",
};

/* halt has no immediate form before systemd 256, so it goes by its target. */
static const char *const drop_ins[] = {
	[ON_FAILURE_POWEROFF] = NULL,
	[ON_FAILURE_REBOOT] = "[Unit]\n"
			      "FailureAction=reboot-immediate\n",
	[ON_FAILURE_HALT] = "[Unit]\n"
			    "FailureAction=none\n"
			    "OnFailure=halt.target\n"
			    "OnFailureJobMode=replace-irreversibly\n",
	[ON_FAILURE_SHELL] = "[Unit]\n"
			     "FailureAction=none\n"
			     "OnFailure=emergency.target\n"
			     "OnFailureJobMode=replace-irreversibly\n",
};

static int write_drop_in(const char *directory, const char *unit, const char *text)
{
	CLEANUP(close_fd) int base = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(close_fd) int folder = -1;
	CLEANUP(close_fd) int file = -1;
	char name[64];

	snprintf(name, sizeof(name), "%s.d", unit);
	if (base < 0 || (mkdirat(base, name, 0755) < 0 && errno != EEXIST))
		return -errno;
	folder = openat(base, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	file = openat(folder, DROP_IN_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file < 0)
		return -errno;
	if (write(file, text, strlen(text)) != (ssize_t)strlen(text))
		return -EIO;
	return 0;
}

static int write_drop_ins(const char *directory, const char *const *names, size_t count,
			  const char *text)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = write_drop_in(directory, names[i], text);
	return r;
}

static int write_on_failure(const char *directory, enum on_failure on_failure)
{
	const char *text = drop_ins[on_failure];
	int r = 0;

	if (text)
		r = write_drop_ins(directory, units, sizeof(units) / sizeof(*units), text);
	if (text && r == 0 && on_failure != ON_FAILURE_SHELL)
		r = write_drop_ins(directory, shells, sizeof(shells) / sizeof(*shells), text);
	return r;
}

/* From the start of the initramfs: to wait for the volumes, to open them, and for the root. */
static int write_timeout(const char *directory, unsigned int timeout_s)
{
	char text[64];

	snprintf(text, sizeof(text), "[Unit]\nJobTimeoutSec=%u\n", 3 * timeout_s + ROOT_WAIT_S);
	return write_drop_in(directory, "initrd-root-device.target", text);
}

int main(int argc, char **argv)
{
	struct cmdline cmdline = { 0 };
	struct fault fault;
	int r;

	if (argc != 2 && argc != 4) {
		log_error("cocosecret-generator: wants systemd's three generator directories");
		return EXIT_CONFIG;
	}
	r = cmdline_load(CMDLINE_PATH, &cmdline, &fault);
	volumes_free(&cmdline.volumes);
	if (r < 0) {
		log_error("%s; a failure will power off", fault.text);
		return EXIT_OPENED;
	}
	r = write_on_failure(argv[1], cmdline.on_failure);
	if (r == 0)
		r = write_timeout(argv[1], cmdline.timeout_s);
	if (r < 0) {
		log_error("%s: %s; a failure will power off", argv[1], strerror(-r));
		return EXIT_IO;
	}
	return EXIT_OPENED;
}
