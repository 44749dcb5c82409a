/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_MOUNTS_H
#define COCOSECRET_MOUNTS_H

#include "lib/text.h"

#define NEW_ROOT "/sysroot"

/* The kernel's own file systems, and a console on 0, 1 and 2. Negative errno, @fault says where. */
int mounts_make(struct fault *fault);

/*
 * The kernel starts no program by itself and answers no keyboard until mounts_leave(): what it
 * would start is not in the image anyway.
 */
void mounts_harden(void);

/* Puts that back, takes the kernel's file systems along, deletes the initramfs, and enters NEW_ROOT. */
int mounts_leave(struct fault *fault);

#endif
