/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_COCOTAB_H
#define COCOSECRET_COCOTAB_H

#include "config/volume.h"

#define COCOTAB_PATH "/etc/cocotab"

/* Adds the volumes of a cocotab's text; @path is only for the fault's words. */
int cocotab_parse(struct slice text, const char *path, struct volumes *volumes,
		  struct fault *fault);

#endif
