// SPDX-License-Identifier: GPL-2.0-or-later
#include "init/probe.h"

#include <errno.h>
#include <stddef.h>

#include "lib/cleanup.h"

static bool limit(blkid_probe probe, char *const types[], bool partition)
{
	if (blkid_probe_enable_superblocks(probe, 1) < 0 ||
	    blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
					      BLKID_SUBLKS_LABEL) < 0 ||
	    blkid_probe_filter_superblocks_type(probe, BLKID_FLTR_ONLYIN, (char **)types) < 0)
		return false;
	return !partition ||
	       (blkid_probe_enable_partitions(probe, 1) == 0 &&
		blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS) == 0);
}

blkid_probe probe_open(const char *node, char *const types[], bool partition)
{
	blkid_probe probe = blkid_new_probe_from_filename(node);

	if (!probe || limit(probe, types, partition))
		return probe;
	probe_close(&probe);
	errno = ENOMEM;
	return NULL;
}

int probe_run(blkid_probe probe)
{
	int r = blkid_do_safeprobe(probe);

	return r < 0 ? -EIO : r;
}

const char *probe_value(blkid_probe probe, const char *name)
{
	const char *text;

	return blkid_probe_lookup_value(probe, name, &text, NULL) == 0 ? text : NULL;
}

void probe_close(blkid_probe *probe)
{
	blkid_free_probe(*probe);
}
