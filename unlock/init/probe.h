/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_PROBE_H
#define COCOSECRET_PROBE_H

#include <blkid/blkid.h>
#include <stdbool.h>

/*
 * What libblkid finds on a block device, and only of the superblocks in @types, which end with
 * NULL: no other parser sees the device. NULL where it cannot be opened, with errno.
 */
blkid_probe probe_open(const char *node, char *const types[], bool partition);
int probe_run(blkid_probe probe); /* 1 where it finds nothing, or a negative errno */
const char *probe_value(blkid_probe probe, const char *name); /* the probe's; NULL: none */
void probe_close(blkid_probe *probe);

#endif
