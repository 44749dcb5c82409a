/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_CLOSURE_H
#define COCOSECRET_CLOSURE_H

#include "lib/text.h"
#include "owner/tree.h"

/*
 * Kernel modules and all that they need, of one kernel under /lib/modules, uncompressed and with an
 * index of just these. @scratch is a folder for them that outlives the tree.
 */
struct closure {
	struct tree *tree;
	const char *version;
	const char *scratch;
	struct kmod_ctx *kmod;
};

/* Negative errno, with the reason in @fault. */
int closure_open(struct closure *closure, struct fault *fault);

/*
 * A module or an alias. @must: it is a fault if the kernel neither has it nor has it built in. -ENOPKG
 * where there is no program here that unpacks it.
 */
int closure_add(struct closure *closure, const char *name, bool must, const char *why,
		struct fault *fault);

/* Whether the kernel has that module, or has it built in. */
bool closure_has(const struct closure *closure, const char *name);

/* The index, when all are there. */
int closure_finish(struct closure *closure, struct fault *fault);
void closure_close(struct closure *closure);

/* Runs a program to its end: its standard output goes to @out. 0, or negative errno. */
int closure_run(char *const argv[], int out);

#endif
