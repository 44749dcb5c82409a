/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_ROOT_H
#define COCOSECRET_ROOT_H

#include "lib/text.h"

/*
 * Mounts the root at NEW_ROOT: what root= names among the mappings of this boot, and nothing else,
 * or the volume that the run settled on. rootfstype=, rootflags=, ro and rw are as the kernel has
 * them. An exit code, with the reason in @fault.
 */
int root_mount(struct fault *fault);

enum { ROOT_INIT_SIZE = 256 };

/* The root's first program: init=, or what the kernel would look for, but no shell. */
int root_find_init(char init[ROOT_INIT_SIZE], struct fault *fault);

/* Tells udev's next start that the mappings are in use, as it would know of them itself. */
void root_tell_udev(void);

#endif
