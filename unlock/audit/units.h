/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_AUDIT_UNITS_H
#define COCOSECRET_AUDIT_UNITS_H

#include "audit/image.h"

/* Something that starts a unit, or a service of another init's, whose name is NAME.service here. */
struct start {
	char *unit;
	char *where; /* the link or the rule */
};

/* All that a root starts by itself, but for what generators make at its boot. */
struct units {
	struct image *image;
	struct start *starts;
	size_t count;
	bool systemd;
};

void units_read(struct units *units, struct image *image);
void units_free(struct units *units);

/* What starts the first unit that matches a pattern, at once or by a socket, path or timer. */
const struct start *units_start(const struct units *units, const char *pattern);

/* Whether systemd knows the unit, an instance of a template as well, and it is not masked. */
bool units_may_start(const struct units *units, const char *unit);

/* Whether systemd runs that generator; where it lies is put into @path. */
bool units_generator(const struct units *units, const char *name, char path[IMAGE_PATH_SIZE]);

/* The files of a unit: its own, and the drop-ins of all folders of that pattern. */
void units_drop_ins(const struct units *units, const char *pattern, struct names *files);

/* The unit that a file is of, which may be one of its drop-ins. */
void units_of_file(const char *path, char unit[IMAGE_PATH_SIZE]);

/* The file of a unit, into @path. */
bool units_file(const struct units *units, const char *unit, char path[IMAGE_PATH_SIZE]);

#endif
