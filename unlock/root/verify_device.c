// SPDX-License-Identifier: GPL-2.0-or-later
#include "root/verify_device.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/mapping.h"
#include "root/state.h"

/* The kernel has no such limit; nobody stacks this high. */
enum { DEPTH_MAX = 16 };

static bool join(char path[PATH_MAX], const char *folder, const char *name)
{
	return snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

static bool read_line(const char *folder, const char *name, char *out, size_t size)
{
	CLEANUP(free_text) char *text = NULL;
	char path[PATH_MAX];
	struct slice rest, line = { 0 };
	size_t length;

	if (!join(path, folder, name) || file_read(path, &text, &length) < 0)
		return false;
	rest = (struct slice){ text, length };
	if (!slice_cut(&rest, '\n', &line) || line.length >= size)
		return false;
	snprintf(out, size, "%.*s", (int)line.length, line.at);
	return true;
}

static bool is_unlocked(struct verify_ground *ground, const char *folder)
{
	struct mapping_id id = { 0 };
	char name[DM_UUID_SIZE];

	if (!read_line(folder, "dm/name", name, sizeof(name)) ||
	    !read_line(folder, "dm/uuid", id.dm_uuid, sizeof(id.dm_uuid)) || !id.dm_uuid[0] ||
	    !read_line(folder, "diskseq", id.diskseq, sizeof(id.diskseq)) ||
	    !state_knows(ground->state, name, &id))
		return false;
	ground->on_part |= strcmp(name, ground->part) == 0;
	return true;
}

static bool has(const char *folder, const char *name)
{
	char path[PATH_MAX];

	return join(path, folder, name) && access(path, F_OK) == 0;
}

/* Any other device with slaves may have more below it than it lists. */
static bool lists_all_below(const char *folder)
{
	return has(folder, "dm") || has(folder, "md");
}

static bool refuse(const char *folder, struct fault *why)
{
	CLEANUP(free_text) char *path = realpath(folder, NULL);
	const char *name = path ? strrchr(path, '/') + 1 : "an unknown device";
	char number[32];

	if (!read_line(folder, "dev", number, sizeof(number)))
		snprintf(number, sizeof(number), "?");
	fault_set(why, "on %s (%s), which is not a mapping that this boot unlocked",
		  ESCAPED(slice_of(name)), ESCAPED(slice_of(number)));
	return false;
}

static bool verify_each(struct verify_ground *ground, const char *folder, int depth, size_t *count,
			struct fault *why);

static bool verify(struct verify_ground *ground, const char *folder, int depth, struct fault *why)
{
	char path[PATH_MAX];
	size_t count = 0;

	if (is_unlocked(ground, folder))
		return true;
	if (depth >= DEPTH_MAX)
		return refuse(folder, why);
	if (has(folder, "partition") && join(path, folder, ".."))
		return verify(ground, path, depth + 1, why);
	if (!lists_all_below(folder) || !join(path, folder, "slaves"))
		return refuse(folder, why);
	if (!verify_each(ground, path, depth + 1, &count, why))
		return false;
	return count > 0 || refuse(folder, why);
}

static bool verify_each(struct verify_ground *ground, const char *folder, int depth, size_t *count,
			struct fault *why)
{
	CLEANUP(close_dir) DIR *dir = opendir(folder);
	const struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (!join(path, folder, entry->d_name))
			return refuse(folder, why);
		if (!verify(ground, path, depth, why))
			return false;
		++*count;
	}
	return true;
}

bool verify_device(struct verify_ground *ground, const char *folder, struct fault *why)
{
	return verify(ground, folder, 0, why);
}

bool verify_devices(struct verify_ground *ground, const char *folder, struct fault *why)
{
	size_t count = 0;

	if (!verify_each(ground, folder, 0, &count, why))
		return false;
	return count > 0 || refuse(folder, why);
}
