/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_ACTIVATE_H
#define COCOSECRET_ACTIVATE_H

#include "header/check.h"
#include "root/state.h"

/*
 * Maps @volume, whose header header_check() let pass, with the volume key in its token, or else by
 * its key slot. Nothing else in this program does. @left is what udev was not waited for with. An
 * exit code, with the reason in @fault.
 */
int activate(const struct header *header, const struct volume *volume, const char *device,
	     const struct secret *secret, struct state_cookies *left, struct fault *fault);

#endif
