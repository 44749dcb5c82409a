// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret-unlock: opens the configured volumes with launch secrets, then wipes the secrets. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/agent.h"
#include "boot/attempt.h"
#include "boot/discover.h"
#include "boot/failure.h"
#include "boot/module.h"
#include "boot/plan.h"
#include "boot/securityfs.h"
#include "boot/settle.h"
#include "boot/warm.h"
#include "boot/wipe.h"
#include "config/cocotab.h"
#include "config/config.h"
#include "generator/host.h"
#include "header/derive.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/mapping.h"
#include "lib/secret.h"
#include "lib/source.h"
#include "root/state.h"
#include "root/verify_root.h"

/* What only our efi_secret has. */
#define OUR_MODULE "/sys/module/efi_secret/parameters/keep_on_unload"

struct arguments {
	const char *cmdline; /* NULL: the kernel's */
	const char *cocotab; /* NULL: the default, if it is there */
};

struct run {
	struct config config;
	struct attempts attempts;
	struct run_record times;
};

static void harden(void)
{
	static const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	umask(077);
}

static int load_config(struct run *run, const struct arguments *arguments)
{
	struct attempts *all = &run->attempts;
	const char *cmdline = arguments->cmdline ? arguments->cmdline : CMDLINE_PATH;
	struct fault fault;

	if (config_load(cmdline, arguments->cocotab, &run->config, &fault) < 0)
		attempts_fail_run(all, EXIT_CONFIG, "%s", fault.text);
	return all->code;
}

/* Before a secret shows itself: where the host is heard, somebody else may be waiting for it. */
static int check_host(struct run *run)
{
	struct fault fault;
	int code = host_check(&fault);

	if (code)
		attempts_fail_run(&run->attempts, code, "%s", fault.text);
	return code;
}

static int open_state(struct run *run)
{
	struct attempts *all = &run->attempts;
	int r = all->state = state_open(STATE_PATH);

	if (r >= 0 && volumes_wipe_rest(&run->config.volumes))
		r = state_ask_wipe_rest(all->state);
	if (r < 0)
		attempts_fail_run(all, EXIT_IO, STATE_PATH ": %s", strerror(-r));
	return all->code;
}

static int open_launch_secrets(struct fault *fault)
{
	int fd = securityfs_open_secrets(fault);

	if (fd >= 0 && access(OUR_MODULE, F_OK) < 0)
		log_warning("the kernel's own efi_secret serves the secrets: it leaves copies of "
			    "what is read in freed memory; use cocosecret's module instead");
	return fd;
}

/* What is left of the time in which secrets and devices must be there. */
static uint64_t waiting_deadline(const struct run *run)
{
	return run->times.begin_us + (uint64_t)run->config.timeout_s * US_PER_S;
}

/* Without attempts, it is the secrets that will tell what there is to open. */
static bool has_secrets(const void *context)
{
	const struct run *run = context;

	return run->config.discover ? secret_any(run->attempts.secrets) :
				      attempts_have_secrets(&run->attempts);
}

static void wait_for_agent(struct run *run)
{
	CLEANUP(close_fd) int signals = attempts_signals();
	struct attempts *all = &run->attempts;
	int r = agent_wait(all->secrets, has_secrets, run, waiting_deadline(run), signals);

	if (r == -EINTR)
		attempts_fail_run(all, EXIT_IO, "stopped by a signal while it waited for secrets");
	else if (r == -ETIMEDOUT && run->config.discover)
		attempts_fail_run(all, EXIT_NO_SECRET, "no secret came into " SOURCE_RUN_PATH);
	else if (r < 0 && r != -ETIMEDOUT)
		attempts_fail_run(all, EXIT_IO, SOURCE_RUN_PATH ": %s", strerror(-r));
}

static int open_secrets(struct run *run)
{
	struct attempts *all = &run->attempts;
	bool by_agent = run->config.source == SOURCE_RUN;
	uint64_t begin = clock_us();
	struct fault fault;

	all->secrets = by_agent ? agent_open_secrets(&fault) : open_launch_secrets(&fault);
	run->times.module_us = clock_us() - begin;
	if (all->secrets < 0 && (run->config.discover || attempts_pending(all)))
		attempts_fail_run(all, EXIT_NO_SECRET, "%s", fault.text);
	else if (all->secrets >= 0 && by_agent)
		wait_for_agent(run);
	return all->code;
}

/* What an agent has used of the time is gone. */
static uint64_t timeout_us(const struct run *run)
{
	uint64_t now = clock_us();

	if (run->config.source != SOURCE_RUN)
		return (uint64_t)run->config.timeout_s * US_PER_S;
	return waiting_deadline(run) > now + US_PER_S ? waiting_deadline(run) - now : US_PER_S;
}

/* Where nothing is configured, the tokens decide. */
static int find_volumes(struct run *run)
{
	CLEANUP(close_fd) int signals = attempts_signals();
	struct attempts *all = &run->attempts;
	struct discovery discovery = { all->secrets, all->state, signals, timeout_us(run),
				       run->config.root };
	struct fault fault;
	int code = discover_volumes(&discovery, &run->config.volumes, &fault);

	if (code)
		attempts_fail_run(all, code, "%s", fault.text);
	return all->code;
}

static int prepare(struct run *run)
{
	struct attempts *all = &run->attempts;

	if (attempts_prepare(all, &run->config) < 0)
		attempts_fail_run(all, EXIT_IO, "out of memory");
	else
		attempts_find_open(all);
	return all->code;
}

/* A child that failed or was killed may have left its mapping. */
static void close_mapping(struct attempts *all, const struct attempt *attempt)
{
	const char *name = attempt->volume->name;
	struct mapping_id id;
	int r;

	if (attempt->earlier || attempt->child.pid <= 0 || mapping_find(name, &id) < 0)
		return;
	r = mapping_close(name);
	if (r < 0)
		log_error("%s: cannot be closed again: %s", name, strerror(-r));
	else
		log_info("%s: closed again", name);
	state_remove(all->state, name);
}

static int open_volumes(struct run *run)
{
	struct attempts *all = &run->attempts;

	if (!attempts_pending(all))
		return all->code;
	all->begin_us = run->config.source == SOURCE_RUN ? run->times.begin_us : clock_us();
	all->devices_us = clock_us();
	attempts_open(all);
	/* A run that failed wipes first: to close may wait for the host's disk. */
	for (size_t i = 0; i < all->count && !all->code; i++)
		if (all->list[i].outcome == OUTCOME_FAILED)
			close_mapping(all, &all->list[i]);
	run->times.devices_us = all->devices_us - all->begin_us;
	return all->code;
}

static void unlink_secret(struct attempts *all, const char *secret)
{
	int r = wipe_one(all->secrets, all->state, secret);

	if (r < 0)
		attempts_fail_run(all, EXIT_NOT_WIPED, "secret %s could not be unlinked: %s", secret,
				  strerror(-r));
}

static int unlink_secrets(struct run *run)
{
	struct attempts *all = &run->attempts;
	uint64_t begin = clock_us();

	for (size_t i = 0; i < all->count && all->secrets >= 0; i++) {
		const char *secret = all->list[i].volume->secret;

		if (plan_may_unlink(all->list, all->count, secret))
			unlink_secret(all, secret);
	}
	run->times.unlink_us = clock_us() - begin;
	return all->code;
}

static int record_root(struct run *run)
{
	const struct volume *root = plan_root(&run->config.volumes, run->config.root);
	int r = 0;

	if (root || !run->config.discover)
		r = state_set_root(run->attempts.state, root ? root->name : NULL);
	if (r < 0)
		attempts_fail_run(&run->attempts, EXIT_IO, STATE_PATH "/root: %s", strerror(-r));
	return run->attempts.code;
}

/* What a failed run leaves behind: no secret, and no mapping that it made. */
static void undo(struct run *run)
{
	struct attempts *all = &run->attempts;

	wipe_all(run->config.source == SOURCE_RUN ? -1 : all->secrets, all->state);
	for (size_t i = 0; i < all->count; i++)
		close_mapping(all, &all->list[i]);
}

static void write_times(struct run *run)
{
	int r;

	run->times.end_us = clock_us();
	run->times.exit_status = run->attempts.code;
	if (run->attempts.state < 0)
		return;
	r = state_add_run(run->attempts.state, &run->times);
	if (r < 0)
		log_warning(STATE_PATH "/run.json: %s", strerror(-r));
}

static void free_run(struct run *run)
{
	warm_finish();
	attempts_free(&run->attempts);
	config_free(&run->config);
	close_fd(&run->attempts.secrets);
	close_fd(&run->attempts.state);
}

static int unlock(const struct arguments *arguments)
{
	CLEANUP(free_run) struct run run = {
		.attempts = { .secrets = -1, .state = -1 },
		.times = { .begin_us = clock_us() },
	};
	struct attempts *all = &run.attempts;
	int code;

	attempts_hold_signals();
	warm_start();
	code = load_config(&run, arguments);

	if (!code && run.config.off) {
		log_info("off by rd.cocosecret=0");
		return EXIT_OPENED;
	}
	if (!code)
		code = check_host(&run);
	if (!code)
		warm_ciphers();
	if (!code)
		code = open_state(&run);
	if (!code && run.config.discover)
		code = open_secrets(&run);
	if (!code && run.config.discover)
		code = find_volumes(&run);
	if (!code)
		code = prepare(&run);
	if (!code && all->secrets < 0)
		code = open_secrets(&run);
	if (!code)
		code = attempts_check_secrets(all);
	if (!code)
		code = open_volumes(&run);
	if (!code)
		code = unlink_secrets(&run);
	if (!code)
		code = record_root(&run);
	if (code)
		undo(&run);
	write_times(&run);
	if (code)
		log_error("%s (exit %d)", all->reason.text, code);
	return code;
}

static void record_verified(const char *dir)
{
	CLEANUP(close_fd) int state = state_look(STATE_PATH);
	int r = state < 0 ? state : state_add_verified(state, dir);

	if (r < 0)
		log_warning(STATE_PATH "/verified.json: %s", strerror(-r));
}

static void finish_settling(void *context, const char *name)
{
	const int *state = context;
	struct state_cookies left;

	state_get_cookies(*state, name, &left);
	for (size_t i = 0; i < STATE_COOKIES; i++)
		settle_finish(left.list[i]);
}

/* What was not waited for is no longer of interest: the root is mounted. */
static void finish_all(void)
{
	CLEANUP(close_fd) int state = state_look(STATE_PATH);

	if (state >= 0)
		state_each(state, finish_settling, &state);
}

/* A root that is not what was unlocked must not find a secret either. */
static int verify(const char *dir)
{
	struct fault fault;
	int code = verify_root(dir, &fault);

	if (!code) {
		log_info("%s lies on mappings of this boot", ESCAPED(slice_of(dir)));
		record_verified(dir);
		finish_all();
		return code;
	}
	wipe();
	log_error("%s%s (exit %d)", fault.text,
		  code == EXIT_HEADER ? "; name the root as /dev/mapper/NAME, and mount nothing else" : "",
		  code);
	return code;
}

/* For boot scripts, which are there whatever the kernel command line says. */
static int verify_unless_off(const char *dir)
{
	enum on_failure unused;

	return failure_asked(&unused) ? verify(dir) : EXIT_OPENED;
}

static int close_host_for_root(void)
{
	struct fault fault;
	int code = host_check(&fault);

	if (!code)
		code = host_close_for_root(&fault);
	if (code)
		log_error("%s (exit %d)", fault.text, code);
	return code;
}

/* The last thing to do before the new root has the machine. */
static int hand_over(const char *dir)
{
	int code = verify_unless_off(dir);

	if (!code)
		code = close_host_for_root();
	return code ? code : wipe_rest();
}

/* systemd runs it after a unit that did not fail, too. */
static bool nothing_failed(void)
{
	const char *result = getenv("SERVICE_RESULT");

	return result && strcmp(result, "success") == 0;
}

/* A shell is for a machine that is known to hold no secret, and no volume that one opened. */
static enum on_failure after_wiping(enum on_failure asked, enum wiped wiped, int state)
{
	if (asked != ON_FAILURE_SHELL)
		return asked;
	if (wiped > WIPED_ALL || (state >= 0 && state_has_lost(state)))
		log_error("no shell, since a secret may be left");
	else if (!failure_close())
		log_error("no shell, since a volume is open");
	else
		return asked;
	return ON_FAILURE_POWEROFF;
}

static int end_boot(void)
{
	CLEANUP(close_fd) int state = -1;
	enum on_failure on_failure;

	if (nothing_failed())
		return EXIT_OPENED;
	failure_asked(&on_failure);
	state = state_look(STATE_PATH);
	failure_end(after_wiping(on_failure, wipe_all(-1, state), state));
	return EXIT_OPENED;
}

static int print_on_failure(void)
{
	enum on_failure on_failure;

	puts(failure_asked(&on_failure) ? on_failure_text(on_failure) : "off");
	return EXIT_OPENED;
}

static void help(void)
{
	puts("Usage: cocosecret-unlock [--cocotab FILE] [--cmdline FILE]\n"
	     "       cocosecret-unlock verify-root | root-mounted | hand-over DIR\n"
	     "       cocosecret-unlock wipe | wipe-rest | fail | on-failure | load-ciphers\n"
	     "\n"
	     "Opens the volumes of " COCOTAB_PATH " and of rd.cocosecret= on the kernel command line\n"
	     "with launch secrets, and wipes the secrets. Runs in the initramfs, as root. A run that\n"
	     "fails wipes every launch secret.\n"
	     "\n"
	     "  verify-root DIR  succeed only where all that is mounted at DIR and below lies on\n"
	     "                   what this boot unlocked, and DIR itself on the root's volume; else\n"
	     "                   wipe every launch secret\n"
	     "  root-mounted DIR the same, but nothing where rd.cocosecret=0\n"
	     "  hand-over DIR    the same, then keep the host's credentials, EFI variables and\n"
	     "                   partitions from the root, and wipe-rest; last before the switch\n"
	     "  wipe             wipe every launch secret\n"
	     "  wipe-rest        wipe every launch secret where a volume has the option wipe-rest\n"
	     "  fail             wipe, then do what rd.cocosecret.on-failure= says\n"
	     "  on-failure       print what it says: poweroff, reboot, halt, shell; or off\n"
	     "  load-ciphers     load dm-crypt and the usual ciphers, so that a run need not wait\n"
	     "\n"
	     "  --cocotab FILE  read FILE instead of " COCOTAB_PATH "\n"
	     "  --cmdline FILE  read FILE instead of " CMDLINE_PATH "\n"
	     "  --help          print this\n"
	     "  --version       print the version\n"
	     "\n"
	     "Exit status: 0 all opened, 2 usage or configuration, 3 no secret, 4 no device,\n"
	     "5 header or root refused, 6 wrong key, 7 device-mapper or I/O, 8 secret not wiped.\n"
	     "See cocosecret-unlock(8) and cocotab(5).");
}

/* The one mistake a person at a terminal makes: said there, too. */
static int refuse(const char *argument)
{
	fprintf(stderr, "cocosecret-unlock: unknown or incomplete argument %s; see --help\n", argument);
	log_error("unknown or incomplete argument %s; see --help (exit %d)",
		  ESCAPED(slice_of(argument)), EXIT_CONFIG);
	return EXIT_CONFIG;
}

static int load_ciphers(void)
{
	module_load_ciphers();
	return EXIT_OPENED;
}

static const struct {
	const char *name;
	int (*run)(void);
} verbs[] = {
	{ "load-ciphers", load_ciphers },
	{ "wipe", wipe },
	{ "wipe-rest", wipe_rest },
	{ "fail", end_boot },
	{ "on-failure", print_on_failure },
};

static const struct {
	const char *name;
	int (*run)(const char *dir);
} verbs_of_dir[] = {
	{ "verify-root", verify },
	{ "root-mounted", verify_unless_off },
	{ "hand-over", hand_over },
};

/* argv begins with the first word that is no option. */
static int run_verb(const struct arguments *arguments, int argc, char **argv)
{
	if (argc == 0)
		return unlock(arguments);
	if (arguments->cocotab || arguments->cmdline)
		return refuse(argv[0]);
	for (size_t i = 0; i < sizeof(verbs_of_dir) / sizeof(*verbs_of_dir); i++)
		if (argc == 2 && strcmp(argv[0], verbs_of_dir[i].name) == 0)
			return verbs_of_dir[i].run(argv[1]);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (argc == 1 && strcmp(argv[0], verbs[i].name) == 0)
			return verbs[i].run();
	return refuse(argv[0]);
}

int main(int argc, char **argv)
{
	enum { OPTION_COCOTAB = 1, OPTION_CMDLINE, OPTION_HELP, OPTION_VERSION };
	static const struct option options[] = {
		{ "cocotab", required_argument, NULL, OPTION_COCOTAB },
		{ "cmdline", required_argument, NULL, OPTION_CMDLINE },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ 0 },
	};
	struct arguments arguments = { 0 };
	int option, code;

	harden();
	derive_settle();
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OPTION_COCOTAB:
			arguments.cocotab = optarg;
			break;
		case OPTION_CMDLINE:
			arguments.cmdline = optarg;
			break;
		case OPTION_HELP:
			help();
			return EXIT_OPENED;
		case OPTION_VERSION:
			puts("cocosecret-unlock " COCOSECRET_VERSION);
			return EXIT_OPENED;
		default:
			return refuse(argv[optind - 1]);
		}
	}
	code = run_verb(&arguments, argc - optind, argv + optind);
	/* What libraries would tidy up at an exit takes time, and goes with the process anyway. */
	fflush(stdout);
	_exit(code);
}
