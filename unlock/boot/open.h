/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_OPEN_H
#define COCOSECRET_OPEN_H

#include "config/anchor.h"
#include "config/volume.h"

/* What is the same for all volumes of a boot. */
struct open_terms {
	int secrets, state; /* folders: where secrets are, and what is opened is recorded */
	int ciphers; /* as a course has it */
	const struct anchors *anchors;
};

/*
 * Opens @volume from @device with its secret and records it. Returns an exit code, and in @fault
 * what is wrong. Runs in a process of its own: libcryptsetup keeps process-wide state, and a key's
 * address space should end with its use.
 */
int volume_open(const struct volume *volume, const char *device, const struct open_terms *terms,
		struct fault *fault);

#endif
