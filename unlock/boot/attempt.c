// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/attempt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "boot/open.h"
#include "boot/warm.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/mapping.h"
#include "lib/secret.h"
#include "root/state.h"

enum {
	/* How long a device that may be absent holds up a boot that needs nothing else. */
	NOFAIL_WAIT_US = 5 * US_PER_S,
	/* How long to look for a second device of a volume's name among those udev has yet to look at. */
	SETTLE_US = 2 * US_PER_S,
};

static bool is_nofail(const struct attempt *attempt)
{
	return attempt->volume->options & VOLUME_NOFAIL;
}

static bool is_pending(const struct attempt *attempt)
{
	return attempt->outcome == OUTCOME_WAITING || attempt->outcome == OUTCOME_RUNNING;
}

int attempts_prepare(struct attempts *all, const struct config *config, struct course *course)
{
	size_t count = config->volumes.count;
	void *shared = mmap(NULL, count * sizeof(*all->faults), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return -ENOMEM;
	all->faults = shared;
	all->list = calloc(count, sizeof(*all->list));
	if (!all->list)
		return -ENOMEM;
	all->count = count;
	all->course = course;
	all->anchors = &config->anchors;
	all->timeout_us = (uint64_t)config->timeout_s * US_PER_S;
	for (size_t i = 0; i < count; i++)
		all->list[i] = (struct attempt){ .volume = &config->volumes.list[i],
						 .child = { .pidfd = -1 },
						 .fault = &all->faults[i] };
	return 0;
}

void attempts_free(struct attempts *all)
{
	for (size_t i = 0; all->list && i < all->count; i++)
		close_fd(&all->list[i].child.pidfd);
	free(all->list);
	if (all->faults)
		munmap(all->faults, all->count * sizeof(*all->faults));
}

static void fail(struct attempts *all, struct attempt *attempt, int code, const char *why)
{
	attempt->outcome = OUTCOME_FAILED;
	if (is_nofail(attempt))
		log_warning("%s: %s; it is nofail, so the boot goes on", attempt->volume->name, why);
	else
		course_fail(all->course, code, "%s: %s", attempt->volume->name, why);
}

/*
 * A child that did not end by itself may have left its secret in memory that nobody wipes any more.
 * Then no root is booted, nofail or not.
 */
static void fail_hard(struct attempts *all, struct attempt *attempt, const char *why)
{
	attempt->outcome = OUTCOME_FAILED;
	if (state_add_lost(all->course->state) < 0)
		log_warning("%s: cannot record that its process was lost", attempt->volume->name);
	course_fail(all->course, EXIT_IO, "%s: %s", attempt->volume->name, why);
}

/* A run that is started again finds what the first one opened, and is content. */
int attempts_find_open(struct attempts *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct attempt *attempt = &all->list[i];
		const char *name = attempt->volume->name;
		struct mapping_id id;

		if (mapping_find(name, &id) < 0)
			continue;
		if (!state_knows(all->course->state, name, &id)) {
			fail(all, attempt, EXIT_IO, "somebody else opened a mapping of that name");
			continue;
		}
		attempt->outcome = OUTCOME_OPEN;
		attempt->earlier = true;
		log_info("%s: is open already", name);
	}
	return all->course->code;
}

bool attempts_have_secrets(const struct attempts *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct attempt *attempt = &all->list[i];

		if (is_pending(attempt) && !is_nofail(attempt) &&
		    secret_present(all->course->secrets, attempt->volume->secret) < 0)
			return false;
	}
	return true;
}

int attempts_check_secrets(struct attempts *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct attempt *attempt = &all->list[i];
		char why[64 + GUID_TEXT_SIZE + SECRET_LIST], there[SECRET_LIST];

		if (!is_pending(attempt) || secret_present(all->course->secrets, attempt->volume->secret) == 0)
			continue;
		snprintf(why, sizeof(why), "secret %s is not there; there are: %s",
			 attempt->volume->secret, secret_list(all->course->secrets, there));
		fail(all, attempt, EXIT_NO_SECRET, why);
	}
	return all->course->code;
}

bool attempts_pending(const struct attempts *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (is_pending(&all->list[i]))
			return true;
	return false;
}

static bool required_pending(const struct attempts *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (is_pending(&all->list[i]) && !is_nofail(&all->list[i]))
			return true;
	return false;
}

struct opening {
	const struct attempts *all;
	const struct attempt *attempt;
};

static int open_volume(const void *context)
{
	const struct opening *opening = context;
	const struct attempts *all = opening->all;
	const struct attempt *attempt = opening->attempt;
	const struct open_terms terms = { all->course->secrets, all->course->state,
					  all->course->ciphers, all->anchors };

	warm_start();
	return volume_open(attempt->volume, attempt->node, &terms, attempt->fault);
}

static bool is_any_waiting(const struct attempts *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].outcome == OUTCOME_WAITING)
			return true;
	return false;
}

static void start(struct attempts *all, struct attempt *attempt)
{
	struct opening opening = { all, attempt };

	all->devices_us = clock_us();
	if (child_start(&attempt->child, all->timeout_us, open_volume, &opening) < 0)
		fail(all, attempt, EXIT_IO, "cannot start a process for it");
	else
		attempt->outcome = OUTCOME_RUNNING;
	/* The first child does the rest for itself, meanwhile; for those to come it is done here. */
	if (is_any_waiting(all))
		warm_start();
}

/* A device may be reported again, and a name that somebody else copied comes with another node. */
static void device_appeared(void *context, const struct device_properties *properties)
{
	struct attempts *all = context;

	for (size_t i = 0; i < all->count; i++) {
		struct attempt *attempt = &all->list[i];

		if (attempt->earlier || !device_matches(&attempt->volume->device, properties))
			continue;
		if (!attempt->node[0])
			snprintf(attempt->node, NODE_SIZE, "%s", properties->node);
		else if (strcmp(attempt->node, properties->node) != 0)
			snprintf(attempt->second, NODE_SIZE, "%s", properties->node);
	}
}

static void refuse_both(struct attempts *all, struct attempt *attempt)
{
	char why[ESCAPED_MAX + 2 * NODE_SIZE + 128];

	snprintf(why, sizeof(why), "two devices, %s and %s, call themselves %s; remove one, or name "
		 "the volume by a path that only one of them has", attempt->node, attempt->second,
		 DEVICE_TEXT(&attempt->volume->device));
	fail(all, attempt, EXIT_HEADER, why);
}

/* A child that runs is left to end by itself: it wipes what it read, and then is judged. */
static void judge_devices(struct attempts *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct attempt *attempt = &all->list[i];
		bool is_waiting = attempt->outcome == OUTCOME_WAITING;

		if (attempt->second[0] && (is_waiting || attempt->outcome == OUTCOME_OPEN))
			refuse_both(all, attempt);
		else if (attempt->node[0] && is_waiting && !all->course->code)
			start(all, attempt);
	}
}

/* The child's own report; a child that was cut short may have said nothing. */
static const char *childs_word(const struct attempt *attempt, int code)
{
	attempt->fault->text[sizeof(attempt->fault->text) - 1] = '\0';
	return attempt->fault->text[0] ? attempt->fault->text : exitcode_text(code);
}

static void reap(struct attempts *all, struct attempt *attempt)
{
	int code;

	if (!child_ended(&attempt->child, &code))
		return;
	if (code == EXIT_OPENED)
		attempt->outcome = OUTCOME_OPEN;
	else if (attempt->child.killed)
		fail_hard(all, attempt, "opening it took too long");
	else if (code >= EXIT_CONFIG && code <= EXIT_NOT_WIPED)
		fail(all, attempt, code, childs_word(attempt, code));
	else
		fail_hard(all, attempt, "its process ended unexpectedly");
}

static uint64_t waiting_deadline(const struct attempts *all, const struct attempt *attempt)
{
	if (is_nofail(attempt) && !required_pending(all) && all->timeout_us > NOFAIL_WAIT_US)
		return all->begin_us + NOFAIL_WAIT_US;
	return all->begin_us + all->timeout_us;
}

static uint64_t deadline(const struct attempts *all, const struct attempt *attempt)
{
	return attempt->outcome == OUTCOME_RUNNING ? attempt->child.deadline_us :
						     waiting_deadline(all, attempt);
}

static void give_up(struct attempts *all, struct attempt *attempt)
{
	char why[ESCAPED_MAX + 64];

	if (attempt->outcome == OUTCOME_WAITING) {
		snprintf(why, sizeof(why), "device %s did not appear",
			 DEVICE_TEXT(&attempt->volume->device));
		fail(all, attempt, EXIT_NO_DEVICE, why);
	} else if (child_is_lost(&attempt->child)) {
		fail_hard(all, attempt, "opening it took too long and cannot be stopped");
	}
}

static void enforce_deadlines(struct attempts *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (is_pending(&all->list[i]) && deadline(all, &all->list[i]) <= clock_us())
			give_up(all, &all->list[i]);
}

/* After a failure that counts, nothing new is begun; what runs is still waited for. */
static bool is_over(const struct attempts *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->course->code ? all->list[i].outcome == OUTCOME_RUNNING : is_pending(&all->list[i]))
			return false;
	return true;
}

static int milliseconds_to_deadline(const struct attempts *all)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < all->count; i++)
		if (is_pending(&all->list[i]) && deadline(all, &all->list[i]) < next)
			next = deadline(all, &all->list[i]);
	return milliseconds_until(next);
}

static void stop_on_signal(struct attempts *all, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	course_fail(all->course, EXIT_IO, "stopped by signal %u", info.ssi_signo);
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].outcome == OUTCOME_RUNNING)
			all->list[i].child.deadline_us = 0;
}

enum { WATCH_DEVICES, WATCH_SIGNALS, WATCH_CHILDREN };

static void wait_for_event(struct attempts *all, struct devices *devices, int signals, int limit_ms)
{
	struct pollfd watched[WATCH_CHILDREN + VOLUMES_MAX] = {
		[WATCH_DEVICES] = { .fd = devices_descriptor(devices), .events = POLLIN },
		[WATCH_SIGNALS] = { .fd = signals, .events = POLLIN },
	};

	for (size_t i = 0; i < all->count; i++)
		watched[WATCH_CHILDREN + i] =
			(struct pollfd){ .fd = all->list[i].child.pidfd, .events = POLLIN };
	if (poll(watched, WATCH_CHILDREN + all->count, limit_ms) < 0)
		return;
	if (watched[WATCH_DEVICES].revents)
		devices_receive(devices, device_appeared, all);
	if (watched[WATCH_SIGNALS].revents)
		stop_on_signal(all, signals);
	for (size_t i = 0; i < all->count; i++)
		if (watched[WATCH_CHILDREN + i].revents)
			reap(all, &all->list[i]);
}

static void open_all(struct attempts *all, struct devices *devices, int signals)
{
	judge_devices(all);
	while (!is_over(all)) {
		wait_for_event(all, devices, signals, milliseconds_to_deadline(all));
		enforce_deadlines(all);
		judge_devices(all);
	}
}

/* All is open, but a disk that was there from the start may not have had its turn with udev yet. */
static void look_for_doubles(struct attempts *all, struct devices *devices, int signals)
{
	uint64_t end_us = clock_us() + SETTLE_US;

	if (!all->course->code)
		devices_enumerate(devices, device_appeared, all);
	judge_devices(all);
	while (!all->course->code && clock_us() < end_us &&
	       (devices_unready(devices) || devices_waiting(devices))) {
		wait_for_event(all, devices, signals, milliseconds_until(end_us));
		judge_devices(all);
	}
}

int attempts_open(struct attempts *all)
{
	CLEANUP(devices_close) struct devices devices = { 0 };
	CLEANUP(close_fd) int signals = course_signals();
	int r = devices_listen(&devices);

	if (r >= 0)
		r = devices_enumerate(&devices, device_appeared, all);
	if (r < 0)
		course_fail(all->course, EXIT_IO, "cannot listen to udev: %s", strerror(-r));
	open_all(all, &devices, signals);
	look_for_doubles(all, &devices, signals);
	return all->course->code;
}
