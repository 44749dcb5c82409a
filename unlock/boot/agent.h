/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_AGENT_H
#define COCOSECRET_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/text.h"

/*
 * Where the machine is launched without secrets, as with SEV-SNP and TDX, an agent of the owner's
 * proves what runs here and is given them. This is its folder, SOURCE_RUN: made where it is missing.
 * A descriptor; negative errno, with the reason in @fault.
 */
int agent_open_secrets(struct fault *fault);

/*
 * Until @is_enough says so of the folder: 0; -ETIMEDOUT after @deadline_us, -EINTR where @signals
 * tells of a signal, which is left to be read there.
 */
int agent_wait(int folder, bool (*is_enough)(const void *context), const void *context,
	       uint64_t deadline_us, int signals);

#endif
