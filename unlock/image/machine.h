/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_MACHINE_H
#define COCOSECRET_MACHINE_H

#include <stdbool.h>

#include "lib/text.h"

/* The owner's word that the machine which makes this image shall boot it. */
#define MACHINE_WORD "/etc/cocosecret/close-this-machine"

/*
 * Whether @image may be closed. An initramfs of the machine that is running, which did not boot with
 * cocosecret and whose root is on no enrolled volume, would power it off at its next boot: that takes
 * the word. An image for somebody else is made in a chroot or a container, or lies elsewhere than where
 * a machine's own do; @image may be empty, where it is not known. @root is "" for this machine; a
 * reason is in @why.
 */
bool machine_may_close(const char *root, const char *image, struct fault *why);

#endif
