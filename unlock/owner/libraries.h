/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_LIBRARIES_H
#define COCOSECRET_LIBRARIES_H

#include "lib/text.h"
#include "owner/tree.h"

/*
 * The libraries of a program, as its loader finds them. Those of which nothing runs are stood in for
 * by one of ours, where that has all that is asked of them; @scratch is a folder for links to it.
 * Negative errno, with the reason in @fault; -ENOENT where the program is at fault.
 */
int libraries_add(struct tree *tree, const char *program, const char *scratch, struct fault *fault);

#endif
