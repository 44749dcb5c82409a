// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cocosecret-generator: what an initramfs with systemd needs before its units are started. As its
 * /init it becomes systemd, and keeps the host out (preinit.h). As a generator it turns
 * rd.cocosecret.on-failure= into drop-ins for the units whose own failure action is to power off at
 * once, and rd.cocosecret.timeout= into those that limit the unlocker and the wait for the root
 * device. Does nothing in the running system.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/broker.h"
#include "config/cmdline.h"
#include "generator/closing.h"
#include "generator/preinit.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "lib/log.h"
#include "root/state.h"

/* The additional time that the initramfs and the unlocker may take on a slow machine. */
enum { SLACK_S = 30 };

#define ROOT_UNIT       "/etc/systemd/system/sysroot.mount"
#define ON_FAILURE_FILE "60-cocosecret.conf"
#define TIMEOUT_FILE    "61-cocosecret-timeout.conf"

static const char *const units[] = {
#include "generator/failing-units.inc"
};

/* In a closed image, what stands in for them. */
static const char *const shells[] = {
#include "generator/shells.inc"
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
			     "OnFailure=cocosecret-shell.service\n"
			     "OnFailureJobMode=replace-irreversibly\n",
};

static int write_file(int folder, const char *name, const char *text)
{
	CLEANUP(close_fd) int file =
		openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (file < 0)
		return -errno;
	return write(file, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -EIO;
}

/* UNIT.SUFFIX in systemd's folder, made where it is missing; a descriptor. */
static int open_folder(const char *directory, const char *unit, const char *suffix)
{
	CLEANUP(close_fd) int base = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[64];
	int folder;

	snprintf(name, sizeof(name), "%s.%s", unit, suffix);
	if (base < 0 || (mkdirat(base, name, 0755) < 0 && errno != EEXIST))
		return -errno;
	folder = openat(base, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return folder < 0 ? -errno : folder;
}

static int write_drop_in(const char *directory, const char *unit, const char *name,
			 const char *text)
{
	CLEANUP(close_fd) int folder = open_folder(directory, unit, "d");

	return folder < 0 ? folder : write_file(folder, name, text);
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
	if (text && r == 0)
		r = write_drop_ins(directory, shells, sizeof(shells) / sizeof(*shells), text);
	return r;
}

static int write_timeout(const char *directory, const char *unit, const char *setting, unsigned int s)
{
	char text[64];

	snprintf(text, sizeof(text), "%s=%u\n", setting, s);
	return write_drop_in(directory, unit, TIMEOUT_FILE, text);
}

/* As the agent's unit has it for a condition. */
static bool has_broker(const struct cmdline *cmdline)
{
	return cmdline->broker.kind != BROKER_NONE || access(BROKER_FILE, F_OK) == 0;
}

/*
 * The unlocker waits for the volumes, and opens them; its own limits come first. The root's device is
 * waited for from the start of the initramfs on: before the unlocker comes the agent, where there is
 * one.
 */
static int write_timeouts(const char *directory, const struct cmdline *cmdline)
{
	unsigned int agent_s = agent_limit_s(cmdline->timeout_s) + SLACK_S;
	unsigned int unlock_s = 2 * cmdline->timeout_s + SLACK_S;
	unsigned int before_s = has_broker(cmdline) ? agent_s : cmdline->timeout_s;
	int r = write_timeout(directory, "cocosecret-agent.service", "[Service]\nTimeoutStartSec", agent_s);

	if (r == 0)
		r = write_timeout(directory, "cocosecret-unlock.service", "[Service]\nTimeoutStartSec",
				  unlock_s);
	if (r == 0)
		r = write_timeout(directory, "initrd-root-device.target", "[Unit]\nJobTimeoutSec",
				  before_s + unlock_s);
	return r;
}

/* A unit file's own special characters are written twice. */
static void append(char *out, size_t size, const char *before, struct slice value)
{
	size_t used = strlen(out);

	used += (size_t)snprintf(out + used, size - used, "%s", before);
	if (used >= size)
		return;
	for (size_t i = 0; i < value.length && used + 3 < size; i++) {
		if (value.at[i] == '%' || value.at[i] == '\\')
			out[used++] = value.at[i];
		if (value.at[i] >= ' ')
			out[used++] = value.at[i];
	}
	out[used] = '\0';
}

/*
 * Where neither the command line nor the image names a root, it is the one that the unlocker settles
 * on, whatever systemd-gpt-auto-generator finds meanwhile, or root=gpt-auto asks of it.
 */
static int write_root(const char *directory, struct slice cmdline)
{
	CLEANUP(close_fd) int base = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(close_fd) int folder = open_folder(directory, "initrd-root-fs.target", "requires");
	char text[8192] = "[Unit]\n"
			  "Requires=cocosecret-unlock.service\n"
			  "After=cocosecret-unlock.service\n"
			  "Before=initrd-root-fs.target\n"
			  "[Mount]\n"
			  "What=" STATE_PATH "/root\n"
			  "Where=/sysroot\n"
			  "Options=";
	struct slice value;
	int r;

	if (cmdline_root(cmdline, &value) || access(ROOT_UNIT, F_OK) == 0)
		return 0;
	append(text, sizeof(text), cmdline_is_writable(cmdline) ? "rw" : "ro", (struct slice){ 0 });
	if (cmdline_value(cmdline, "rootflags", &value))
		append(text, sizeof(text), ",", value);
	if (cmdline_value(cmdline, "rootfstype", &value))
		append(text, sizeof(text), "\nType=", value);
	append(text, sizeof(text), "\n", (struct slice){ 0 });
	if (base < 0 || folder < 0)
		return -EIO;
	r = write_file(base, "sysroot.mount", text);
	if (r == 0 && symlinkat("../sysroot.mount", folder, "sysroot.mount") < 0 && errno != EEXIST)
		r = -errno;
	return r;
}

static int write_units(const char *directory, const char *early, const struct cmdline *cmdline,
		       struct slice text)
{
	int r = write_on_failure(directory, cmdline->on_failure);

	if (r == 0)
		r = write_timeouts(directory, cmdline);
	if (r == 0 && !cmdline->off)
		r = write_root(early, text);
	return r;
}

/* If neither the image's maker nor preinit() has closed it: the unlocker will refuse to boot it. */
static void close_here(const char *early)
{
	struct closed closed;
	struct fault fault;

	if (closing_apply_late("", early, &closed, &fault) < 0)
		log_error("%s; a failure may end in a shell", fault.text);
}

/* Once, so that everything made from it is made from the same text. */
static int read_cmdline(char **text, struct cmdline *cmdline, struct fault *fault)
{
	size_t length = 0;
	int r = file_read(CMDLINE_PATH, text, &length);

	if (r < 0)
		return fault_set(fault, CMDLINE_PATH ": %s", strerror(-r));
	return cmdline_parse((struct slice){ *text, length }, cmdline, fault);
}

static int generate(const char *directory, const char *early)
{
	CLEANUP(free_text) char *text = NULL;
	struct cmdline cmdline = { 0 };
	struct fault fault;
	int r;

	close_here(early);
	r = read_cmdline(&text, &cmdline, &fault);
	volumes_free(&cmdline.volumes);
	if (r < 0) {
		log_error("%s; a failure will power off", fault.text);
		return EXIT_OPENED;
	}
	r = write_units(directory, early, &cmdline, slice_of(text));
	if (r == 0)
		return EXIT_OPENED;
	log_error("%s: %s; a failure will power off", directory, strerror(-r));
	return EXIT_IO;
}

int main(int argc, char **argv)
{
	if (getpid() == 1)
		return preinit(argv);
	if (argc != 2 && argc != 4) {
		log_error("cocosecret-generator: needs systemd's three generator directories");
		return EXIT_CONFIG;
	}
	if (access("/etc/initrd-release", F_OK) < 0)
		return EXIT_OPENED;
	return generate(argv[1], argc == 4 ? argv[2] : argv[1]);
}
