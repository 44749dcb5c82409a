// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cocosecret-generator: a systemd generator. Turns rd.cocosecret.on-failure= into drop-ins for the
 * units whose own failure action is to power off at once, and rd.cocosecret.timeout= into those that
 * limit the unlocker and the wait for the root device.
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

/* What the initramfs, and the unlocker, may take besides, on a slow machine. */
enum { SLACK_S = 30 };

#define ON_FAILURE_FILE "60-cocosecret.conf"
#define TIMEOUT_FILE    "61-cocosecret-timeout.conf"

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

static int write_drop_in(const char *directory, const char *unit, const char *name,
			 const char *text)
{
	CLEANUP(close_fd) int base = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(close_fd) int folder = -1;
	CLEANUP(close_fd) int file = -1;
	char path[64];

	snprintf(path, sizeof(path), "%s.d", unit);
	if (base < 0 || (mkdirat(base, path, 0755) < 0 && errno != EEXIST))
		return -errno;
	folder = openat(base, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	file = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
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
		r = write_drop_in(directory, names[i], ON_FAILURE_FILE, text);
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

/*
 * The unlocker waits for the volumes, and opens them; its own limits come first. The root's device is
 * waited for from the start of the initramfs on.
 */
static int write_timeouts(const char *directory, unsigned int timeout_s)
{
	char text[64];
	int r;

	snprintf(text, sizeof(text), "[Service]\nTimeoutStartSec=%u\n", 2 * timeout_s + SLACK_S);
	r = write_drop_in(directory, "cocosecret-unlock.service", TIMEOUT_FILE, text);
	snprintf(text, sizeof(text), "[Unit]\nJobTimeoutSec=%u\n", 3 * timeout_s + SLACK_S);
	if (r == 0)
		r = write_drop_in(directory, "initrd-root-device.target", TIMEOUT_FILE, text);
	return r;
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
		r = write_timeouts(argv[1], cmdline.timeout_s);
	if (r < 0) {
		log_error("%s: %s; a failure will power off", argv[1], strerror(-r));
		return EXIT_IO;
	}
	return EXIT_OPENED;
}
