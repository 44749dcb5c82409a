/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_HAND_OVER_H
#define COCOSECRET_HAND_OVER_H

/* The verbs of the time between the unlocking and the real root; each is given its mount point. */

/* verify-root: a root that is not what was unlocked must not find a secret either. */
int hand_over_verify(const char *dir);

/* root-mounted: for boot scripts, which are there whatever the kernel command line says. */
int hand_over_mounted(const char *dir);

/* hand-over: the last thing to do before the new root has the machine. */
int hand_over(const char *dir);

#endif
