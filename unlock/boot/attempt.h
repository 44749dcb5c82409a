/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_ATTEMPT_H
#define COCOSECRET_ATTEMPT_H

#include "boot/course.h"
#include "boot/devices.h"
#include "config/config.h"
#include "lib/child.h"

enum outcome {
	OUTCOME_WAITING, /* for its device */
	OUTCOME_RUNNING, /* its child process opens it */
	OUTCOME_OPEN,
	OUTCOME_FAILED,
};

enum { NODE_SIZE = 64 }; /* the kernel's own names are shorter */

/* One volume's way through this run. */
struct attempt {
	const struct volume *volume;
	enum outcome outcome;
	char node[NODE_SIZE];   /* of the device that answers to the volume's description */
	char second[NODE_SIZE]; /* of another that does, too: then neither is believed */
	bool earlier; /* open by an earlier run of this boot, not by this one */
	struct child child; /* it opens the volume */
	struct fault *fault; /* the child's word for what went wrong; memory shared with it */
};

struct attempts {
	struct attempt *list;
	size_t count;
	uint64_t begin_us;
	uint64_t timeout_us;
	uint64_t devices_us; /* when the last device turned up */
	struct fault *faults; /* one for each */
	struct course *course; /* the run's, which they are part of */
	const struct anchors *anchors;
};

/* @config and @course stay the caller's. 0 or negative errno. */
int attempts_prepare(struct attempts *all, const struct config *config, struct course *course);

/* Each returns the run's code so far: 0 to go on. */
int attempts_find_open(struct attempts *all);
int attempts_check_secrets(struct attempts *all);
int attempts_open(struct attempts *all);

/* Is every secret there that a volume cannot do without? */
bool attempts_have_secrets(const struct attempts *all);
bool attempts_pending(const struct attempts *all);
void attempts_free(struct attempts *all);

#endif
