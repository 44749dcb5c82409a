/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_CRYPTTAB_H
#define COCOSECRET_CRYPTTAB_H

#include <stdbool.h>

#include "lib/text.h"

#define CRYPTTAB_PATH "/etc/crypttab"

/* A line of crypttab(5), as pieces of the text that was parsed. */
struct crypttab_entry {
	struct slice name;
	struct slice device;
	struct slice options;
};

typedef void crypttab_use(void *context, const struct crypttab_entry *entry);

/* Calls @use with each entry that has a name and a device. */
void crypttab_each(struct slice text, crypttab_use *use, void *context);

/* Whether an option is there, alone or with a value. */
bool crypttab_has(const struct crypttab_entry *entry, const char *option);

/* The UUID by which an entry names its device, as UUID= or by a path that udev makes; or empty. */
struct slice crypttab_uuid(const struct crypttab_entry *entry);

#endif
