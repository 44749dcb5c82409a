// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/plan.h"

#include <string.h>

static bool is_done_with_secret(const struct attempt *attempt)
{
	unsigned int options = attempt->volume->options;

	if (options & VOLUME_KEEP_SECRET)
		return false;
	return attempt->outcome == OUTCOME_OPEN ||
	       (attempt->outcome == OUTCOME_FAILED && (options & VOLUME_NOFAIL));
}

bool plan_may_unlink(const struct attempt *list, size_t count, const char *secret)
{
	bool named = false;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].volume->secret, secret) != 0)
			continue;
		if (!is_done_with_secret(&list[i]))
			return false;
		named = true;
	}
	return named;
}

static const struct volume *with_option_root(const struct volumes *volumes)
{
	const struct volume *found = NULL;

	for (size_t i = 0; i < volumes->count; i++) {
		if (!(volumes->list[i].options & VOLUME_ROOT))
			continue;
		if (found)
			return NULL;
		found = &volumes->list[i];
	}
	return found;
}

const struct volume *plan_root(const struct volumes *volumes, const char *named)
{
	const struct volume *root = volumes_find(volumes, named);

	if (!root)
		root = with_option_root(volumes);
	if (!root)
		root = volumes_find(volumes, "root");
	if (!root && volumes->count == 1 && !(volumes->list[0].options & VOLUME_DISCOVERED))
		root = &volumes->list[0];
	return root;
}
