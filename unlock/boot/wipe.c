// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/wipe.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "boot/securityfs.h"
#include "config/cmdline.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "lib/source.h"
#include "root/state.h"

/* For people to read; a boot does not fail for it. */
static void record(int state, const char *secret)
{
	int r = state < 0 ? 0 : state_add_wiped(state, secret);

	if (r < 0)
		log_warning(STATE_PATH "/" STATE_WIPED ": %s", strerror(-r));
}

int wipe_one(int folder, int state, const char *secret)
{
	int r = secret_present(folder, secret);

	if (r == -ENOENT)
		return 0;
	r = secret_unlink(folder, secret);
	if (r < 0)
		return r;
	log_info("secret %s unlinked", secret);
	record(state, secret);
	return 0;
}

static enum wiped wipe_folder(int folder, const char *whose)
{
	int r = secret_unlink_all(folder);

	if (r < 0)
		log_error("the %s secrets could not all be wiped: %s", whose, strerror(-r));
	else
		log_info("all %s secrets wiped", whose);
	return r < 0 ? WIPED_NOT : WIPED_ALL;
}

static enum wiped wipe_launch(int opened)
{
	struct fault fault;
	CLEANUP(close_fd) int own = opened < 0 ? securityfs_open_secrets(&fault) : -1;

	if (opened < 0 && own == -ENODEV)
		return WIPED_NOTHING;
	if (opened < 0 && own < 0) {
		log_error("launch secrets may be left: %s", fault.text);
		return WIPED_UNKNOWN;
	}
	return wipe_folder(opened < 0 ? own : opened, "launch");
}

static enum wiped wipe_agents(void)
{
	CLEANUP(close_fd) int folder = source_open_run_anyway();

	if (folder == -ENOENT)
		return WIPED_NOTHING;
	if (folder < 0) {
		log_error("secrets may be left in " SOURCE_RUN_PATH ": %s", strerror(-folder));
		return WIPED_NOT;
	}
	return wipe_folder(folder, "agent's");
}

enum wiped wipe_all(int launch, int state)
{
	enum wiped launched = wipe_launch(launch);
	enum wiped agents = wipe_agents();
	enum wiped all = launched > agents ? launched : agents;

	if (all == WIPED_ALL)
		record(state, STATE_WIPED_ALL);
	return all;
}

static int exit_of(enum wiped wiped)
{
	switch (wiped) {
	case WIPED_NOTHING:
		return EXIT_NO_SECRET;
	case WIPED_ALL:
		return EXIT_OPENED;
	default:
		return EXIT_NOT_WIPED;
	}
}

int wipe(void)
{
	CLEANUP(close_fd) int state = state_look(STATE_PATH);

	return exit_of(wipe_all(-1, state));
}

static bool agent_brings(void)
{
	struct cmdline cmdline;
	struct fault fault;

	return cmdline_settings(&cmdline, &fault) == 0 && cmdline.source == SOURCE_RUN;
}

/*
 * Where an agent brings the secrets, a boot need not be able to tell whether there are launch
 * secrets too: the image may have no efi_secret at all.
 */
static int exit_of_rest(enum wiped wiped)
{
	if (wiped == WIPED_NOTHING || (wiped == WIPED_UNKNOWN && agent_brings()))
		return EXIT_OPENED;
	return exit_of(wiped);
}

/* If it is not known whether anybody wants this, that is no reason to leave the secrets. */
int wipe_rest(void)
{
	CLEANUP(close_fd) int state = state_open(STATE_PATH);
	int r = state < 0 ? state : state_wants_wipe_rest(state);
	int code = r == 0 ? EXIT_OPENED : exit_of_rest(wipe_all(-1, state));

	if (r < 0 && !code)
		code = EXIT_IO;
	if (code)
		log_error("what is left of the secrets: %s (exit %d)",
			  r < 0 ? strerror(-r) : exitcode_text(code), code);
	return code;
}
