// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/hand_over.h"

#include <string.h>

#include "boot/failure.h"
#include "boot/other_names.h"
#include "boot/root_word.h"
#include "boot/settle.h"
#include "boot/wipe.h"
#include "generator/host.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "root/state.h"
#include "root/verify_root.h"

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

int hand_over_verify(const char *dir)
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
	root_word_explain();
	log_error("%s%s (exit %d)", fault.text,
		  code == EXIT_HEADER ? "; name the root as /dev/mapper/NAME, and mount nothing else" : "",
		  code);
	return code;
}

int hand_over_mounted(const char *dir)
{
	enum on_failure unused;

	return failure_asked(&unused) ? hand_over_verify(dir) : EXIT_OPENED;
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

int hand_over(const char *dir)
{
	int code = hand_over_mounted(dir);

	if (!code)
		code = close_host_for_root();
	if (!code)
		other_names_settle(dir);
	return code ? code : wipe_rest();
}
