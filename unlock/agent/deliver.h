/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_DELIVER_H
#define COCOSECRET_DELIVER_H

#include "lib/secret.h"

/*
 * A secret into the folder from which the unlocker takes it: whole, under its name, or not at all.
 * Negative errno; -EEXIST where one of that name is there.
 */
int deliver(int folder, const char *uuid, const struct secret *secret);

#endif
