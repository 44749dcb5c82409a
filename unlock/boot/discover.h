/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_DISCOVER_H
#define COCOSECRET_DISCOVER_H

#include "config/volume.h"

struct discovery {
	int secrets; /* folder of the launch secrets */
	int state;   /* folder of this boot's records */
	int signals; /* readable when the run is to stop */
	uint64_t timeout_us;
	const char *root; /* the mapping that the command line's root= names, or empty */
	bool may_come; /* secrets, while it waits: an agent brings them */
};

/*
 * Where nothing is configured, the tokens decide: a volume for each LUKS2 device that has a
 * cocosecret token for a secret that is there. What is found is no more than a proposal, which
 * volume_open() judges on a header that it reads itself. Waits for the root, or where this boot has
 * one already for a first volume, and then until udev has nothing more to look at; not any longer
 * where the root is there and its secret cannot come any more. An exit code, with the reason in
 * @fault.
 */
int discover_volumes(const struct discovery *discovery, struct volumes *volumes,
		     struct fault *fault);

#endif
