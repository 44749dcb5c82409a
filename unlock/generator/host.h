/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_HOST_H
#define COCOSECRET_HOST_H

#include "lib/text.h"

/*
 * What the host says by other ways than a disk, and systemd would do as it says: credentials, EFI
 * variables, and the partitions next to the root's. All of them are closed unless the measured
 * kernel command line lets one in (enum host_channel), or is off.
 */

/*
 * In the initramfs, before systemd starts: its EFI variables are none, and it imports no
 * credentials. The environment is this process's. A negative errno, with the reason in @fault.
 */
int host_close_here(unsigned int allowed, struct fault *fault);

/*
 * The same for the first program of the real root, by what /run and /sys bring to it; and its
 * systemd looks for no partitions of its own. An exit code, with the reason in @fault.
 */
int host_close_for_root(struct fault *fault);

/*
 * An exit code: EXIT_CONFIG where an initramfs with systemd did not begin by keeping them out, or
 * did not keep them out.
 */
int host_check(struct fault *fault);

#endif
