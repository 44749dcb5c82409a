/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_OPEN_H
#define COCOSECRET_OPEN_H

#include "config/volume.h"

/*
 * Opens @volume from @device with its secret out of the folder @secrets and records it in @state.
 * Returns an exit code, and in @fault what is wrong. Runs in a process of its own:
 * libcryptsetup keeps process-wide state, and a key's address space should end with its use.
 */
int volume_open(const struct volume *volume, const char *device, int secrets, int state,
		struct fault *fault);

#endif
