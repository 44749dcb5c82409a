// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/fstab.h"

#include <mntent.h>
#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 4096 };

static void take(struct fstab *fstab, const struct mntent *entry)
{
	if (hasmntopt(entry, "noauto"))
		return;
	if (strcmp(entry->mnt_dir, "/usr") == 0)
		fstab->separate_usr = true;
	if (strcmp(entry->mnt_dir, "/") == 0 && strcmp(entry->mnt_type, "auto") != 0 &&
	    !strchr(entry->mnt_type, ','))
		snprintf(fstab->type, sizeof(fstab->type), "%s", entry->mnt_type);
}

void fstab_read(const char *path, struct fstab *fstab)
{
	FILE *file = setmntent(path, "re");
	char line[LINE_SIZE];
	struct mntent entry;

	*fstab = (struct fstab){ 0 };
	while (file && getmntent_r(file, &entry, line, sizeof(line)))
		take(fstab, &entry);
	if (file)
		endmntent(file);
}
