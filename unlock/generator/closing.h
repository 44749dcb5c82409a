/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_CLOSING_H
#define COCOSECRET_CLOSING_H

#include "lib/text.h"

/* Files of the image, all of them the owner's. */
#define CLOSING_KEEP  "/etc/cocosecret/keep"  /* a pattern a line: what else may be started */
#define CLOSING_DEBUG "/etc/cocosecret/debug" /* an image that its owner left open */

/* Finds partitions beside the root's, which nobody verified; the real root does without it, too. */
#define CLOSING_GPT_AUTO "systemd-gpt-auto-generator"

/* What was masked. */
struct closed {
	unsigned int generators;
	unsigned int units;
};

/*
 * Closes the initramfs whose root is @root, "" for the running one: masks each generator and unit
 * that its packages brought and that no list names, and puts what wipes and powers off in the place
 * of the shells. What lies in /etc is the owner's and stays. May run twice. A negative errno, with
 * the reason in @fault.
 */
int closing_apply(const char *root, struct closed *closed, struct fault *fault);

/* Its units only, into @early, the folder that systemd gives to generators for it. */
int closing_apply_late(const char *root, const char *early, struct closed *closed,
		       struct fault *fault);

#endif
