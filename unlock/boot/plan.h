/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_PLAN_H
#define COCOSECRET_PLAN_H

#include "boot/attempt.h"

/*
 * May @secret be unlinked after a run without failure? Only when each volume that names it is open,
 * or is nofail and has had its chance, and none of them says keep-secret.
 */
bool plan_may_unlink(const struct attempt *list, size_t count, const char *secret);

/*
 * The volume that the root must lie on, or NULL: the one that @named, the command line's root=, is;
 * else one with the option root; else the one of the name "root"; else the only one. Nobody meant
 * the only one of those that were found by their tokens: a host may have kept the others back.
 */
const struct volume *plan_root(const struct volumes *volumes, const char *named);

#endif
