/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_FSTAB_H
#define COCOSECRET_FSTAB_H

#include <stdbool.h>

/* What a root says of itself in fstab(5). */
struct fstab {
	char type[64];     /* of /, empty where it is not said; "auto" and lists are not */
	bool separate_usr; /* /usr is a file system of its own */
};

/* Reads one; without the file nothing is said. */
void fstab_read(const char *path, struct fstab *fstab);

#endif
