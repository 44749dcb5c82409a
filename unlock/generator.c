// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cocosecret-generator: a systemd generator. Turns rd.cocosecret.on-failure= into a drop-in for
 * cocosecret-unlock.service, whose own failure action is to power off at once.
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
#include "file.h"
#include "log.h"

#define DROP_IN_FOLDER "cocosecret-unlock.service.d"
#define DROP_IN_FILE "50-on-failure.conf"

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

static int write_drop_in(const char *directory, const char *text)
{
	CLEANUP(close_fd) int units = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(close_fd) int folder = -1;
	CLEANUP(close_fd) int file = -1;

	if (units < 0 || (mkdirat(units, DROP_IN_FOLDER, 0755) < 0 && errno != EEXIST))
		return -errno;
	folder = openat(units, DROP_IN_FOLDER, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	file = openat(folder, DROP_IN_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file < 0)
		return -errno;
	if (write(file, text, strlen(text)) != (ssize_t)strlen(text))
		return -EIO;
	return 0;
}

static int read_on_failure(const char *path, enum on_failure *on_failure, struct fault *fault)
{
	CLEANUP(free_text) char *text = NULL;
	struct cmdline cmdline = { 0 };
	size_t length;
	int r = file_read(path, &text, &length);

	if (r < 0)
		return fault_set(fault, "%s: %s", path, strerror(-r));
	r = cmdline_parse((struct slice){ text, length }, &cmdline, fault);
	*on_failure = cmdline.on_failure;
	volumes_free(&cmdline.volumes);
	return r;
}

int main(int argc, char **argv)
{
	enum on_failure on_failure = ON_FAILURE_POWEROFF;
	struct fault fault;
	int r;

	if (argc != 2 && argc != 4) {
		log_error("cocosecret-generator: wants systemd's three generator directories");
		return EXIT_CONFIG;
	}
	if (read_on_failure(CMDLINE_PATH, &on_failure, &fault) < 0) {
		log_error("%s; a failure will power off", fault.text);
		return EXIT_OPENED;
	}
	if (!drop_ins[on_failure])
		return EXIT_OPENED;
	r = write_drop_in(argv[1], drop_ins[on_failure]);
	if (r < 0) {
		log_error("%s/" DROP_IN_FOLDER ": %s; a failure will power off", argv[1], strerror(-r));
		return EXIT_IO;
	}
	return EXIT_OPENED;
}
