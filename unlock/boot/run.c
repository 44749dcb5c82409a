// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "boot/agent.h"
#include "boot/attempt.h"
#include "boot/course.h"
#include "boot/discover.h"
#include "boot/plan.h"
#include "boot/root_word.h"
#include "boot/securityfs.h"
#include "boot/warm.h"
#include "boot/wipe.h"
#include "config/cmdline.h"
#include "config/config.h"
#include "generator/host.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/mapping.h"
#include "lib/secret.h"
#include "lib/source.h"
#include "root/state.h"

/* What only our efi_secret has. */
#define OUR_MODULE "/sys/module/efi_secret/parameters/keep_on_unload"

struct run {
	struct config config;
	struct course course;
	struct attempts attempts;
	struct run_record times;
};

static int load_config(struct run *run, const struct run_arguments *arguments)
{
	const char *cmdline = arguments->cmdline ? arguments->cmdline : CMDLINE_PATH;
	struct fault fault;

	if (config_load(cmdline, arguments->cocotab, &run->config, &fault) < 0)
		course_fail(&run->course, EXIT_CONFIG, "%s", fault.text);
	return run->course.code;
}

/* Nobody would bring what the run then waits for. */
static int check_agent(struct run *run)
{
	struct broker broker = run->config.broker;
	struct fault fault;

	if (config_complete_broker(&broker, &fault) < 0)
		course_fail(&run->course, EXIT_CONFIG, "%s", fault.text);
	else if (broker.kind != BROKER_NONE && access(AGENT_PATH, X_OK) < 0)
		course_fail(&run->course, EXIT_CONFIG, "rd.cocosecret.kbs=, but there is no " AGENT_PATH
			    " in this image: make " BROKER_FILE ", which may be empty, and then the image");
	return run->course.code;
}

/* Before a secret shows itself: where the host is heard, somebody else may be waiting for it. */
static int check_host(struct run *run)
{
	struct fault fault;
	int code = host_check(&fault);

	if (code)
		course_fail(&run->course, code, "%s", fault.text);
	return code;
}

static int load_ciphers(struct run *run)
{
	if (run->course.ciphers < 0)
		warm_ciphers();
	return run->course.code;
}

static int open_state(struct run *run)
{
	struct course *course = &run->course;
	int r = course->state = state_open(STATE_PATH);

	if (r >= 0 && volumes_have(&run->config.volumes, VOLUME_WIPE_REST))
		r = state_ask_wipe_rest(course->state);
	if (r < 0)
		course_fail(course, EXIT_IO, STATE_PATH ": %s", strerror(-r));
	return course->code;
}

static int open_launch_secrets(struct fault *fault)
{
	int fd = securityfs_open_secrets(fault);

	if (fd >= 0 && access(OUR_MODULE, F_OK) < 0)
		log_warning("the kernel's own efi_secret serves the secrets: reading them leaves "
			    "copies in freed memory; use cocosecret's module instead");
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

	return run->config.discover ? secret_any(run->course.secrets) :
				      attempts_have_secrets(&run->attempts);
}

static void wait_for_agent(struct run *run)
{
	CLEANUP(close_fd) int signals = course_signals();
	struct course *course = &run->course;
	int r = agent_wait(course->secrets, has_secrets, run, waiting_deadline(run), signals);

	if (r == -EINTR)
		course_fail(course, EXIT_IO, "stopped by a signal while it waited for secrets");
	else if (r == -ETIMEDOUT && run->config.discover)
		course_fail(course, EXIT_NO_SECRET, "no secret came into " SOURCE_RUN_PATH);
	else if (r < 0 && r != -ETIMEDOUT)
		course_fail(course, EXIT_IO, SOURCE_RUN_PATH ": %s", strerror(-r));
}

static int open_secrets(struct run *run)
{
	bool by_agent = run->config.source == SOURCE_RUN;
	struct course *course = &run->course;
	uint64_t begin = clock_us();
	struct fault fault;

	if (course->secrets >= 0)
		return course->code;
	course->secrets = by_agent ? agent_open_secrets(&fault) : open_launch_secrets(&fault);
	run->times.module_us = clock_us() - begin;
	if (course->secrets < 0 && (run->config.discover || attempts_pending(&run->attempts)))
		course_fail(course, EXIT_NO_SECRET, "%s", fault.text);
	else if (course->secrets >= 0 && by_agent)
		wait_for_agent(run);
	return course->code;
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
	CLEANUP(close_fd) int signals = -1;
	struct course *course = &run->course;
	struct discovery discovery;
	struct fault fault;
	int code;

	if (!run->config.discover || open_secrets(run))
		return course->code;
	signals = course_signals();
	discovery = (struct discovery){ course->secrets, course->state, signals, timeout_us(run),
					run->config.root, run->config.source == SOURCE_RUN };
	code = discover_volumes(&discovery, &run->config.volumes, &fault);
	if (code)
		course_fail(course, code, "%s", fault.text);
	return course->code;
}

static int prepare(struct run *run)
{
	struct course *course = &run->course;

	if (attempts_prepare(&run->attempts, &run->config, course) < 0)
		course_fail(course, EXIT_IO, "out of memory");
	else
		attempts_find_open(&run->attempts);
	return course->code;
}

static int check_secrets(struct run *run)
{
	return attempts_check_secrets(&run->attempts);
}

/* A child that failed or was killed may have left its mapping. */
static void close_mapping(struct run *run, const struct attempt *attempt)
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
	state_remove(run->course.state, name);
}

static int open_volumes(struct run *run)
{
	struct attempts *all = &run->attempts;
	struct course *course = &run->course;

	if (!attempts_pending(all))
		return course->code;
	all->begin_us = run->config.source == SOURCE_RUN ? run->times.begin_us : clock_us();
	all->devices_us = clock_us();
	attempts_open(all);
	/* A run that failed wipes first: to close may wait for the host's disk. */
	for (size_t i = 0; i < all->count && !course->code; i++)
		if (all->list[i].outcome == OUTCOME_FAILED)
			close_mapping(run, &all->list[i]);
	run->times.devices_us = all->devices_us - all->begin_us;
	return course->code;
}

static void unlink_secret(struct course *course, const char *secret)
{
	int r = wipe_one(course->secrets, course->state, secret);

	if (r < 0)
		course_fail(course, EXIT_NOT_WIPED, "secret %s could not be unlinked: %s", secret,
			    strerror(-r));
}

static int unlink_secrets(struct run *run)
{
	const struct attempts *all = &run->attempts;
	uint64_t begin = clock_us();

	for (size_t i = 0; i < all->count && run->course.secrets >= 0; i++) {
		const char *secret = all->list[i].volume->secret;

		if (plan_may_unlink(all->list, all->count, secret))
			unlink_secret(&run->course, secret);
	}
	run->times.unlink_us = clock_us() - begin;
	return run->course.code;
}

static int record_root(struct run *run)
{
	const struct volume *root = plan_root(&run->config.volumes, run->config.root);
	struct course *course = &run->course;
	int r = 0;

	if (root || !run->config.discover)
		r = state_set_root(course->state, root ? root->name : NULL);
	if (r < 0)
		course_fail(course, EXIT_IO, STATE_PATH "/root: %s", strerror(-r));
	return course->code;
}

/* What a failed run leaves behind: no secret, and no mapping that it made. */
static void undo(struct run *run)
{
	const struct attempts *all = &run->attempts;

	wipe_all(run->config.source == SOURCE_RUN ? -1 : run->course.secrets, run->course.state);
	for (size_t i = 0; i < all->count; i++)
		close_mapping(run, &all->list[i]);
}

static void write_times(struct run *run)
{
	int r;

	run->times.end_us = clock_us();
	run->times.exit_status = run->course.code;
	if (run->course.state < 0)
		return;
	r = state_add_run(run->course.state, &run->times);
	if (r < 0)
		log_warning(STATE_PATH "/run.json: %s", strerror(-r));
}

static void free_run(struct run *run)
{
	warm_finish();
	attempts_free(&run->attempts);
	config_free(&run->config);
	course_close(&run->course);
}

/* In their order. Each returns how the run stands; the first that fails is the last. */
static int (*const steps[])(struct run *run) = {
	check_host, check_agent, load_ciphers, open_state, find_volumes, prepare, open_secrets,
	check_secrets, open_volumes, unlink_secrets, record_root,
};

int run_unlock(const struct run_arguments *arguments)
{
	CLEANUP(free_run) struct run run = {
		.course = COURSE_INIT,
		.times = { .begin_us = clock_us() },
	};
	int code;

	run.course.ciphers = arguments->ciphers;
	course_hold_signals();
	warm_start();
	code = load_config(&run, arguments);
	if (!code && run.config.off) {
		log_info("off by rd.cocosecret=0");
		return EXIT_OPENED;
	}
	if (!code && run.config.tables == TABLES_HOST)
		log_info("the kernel has obeyed the host's ACPI tables; cocosecret-uki(1) says what keeps "
			 "them from it");
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && !code; i++)
		code = steps[i](&run);
	if (code)
		undo(&run);
	write_times(&run);
	if (!code)
		root_word_warn(run.course.state);
	if (code)
		log_error("%s (exit %d)", run.course.reason.text, code);
	return code;
}
