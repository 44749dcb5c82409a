/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_PLAN_H
#define COCOSECRET_PLAN_H

#include "attempt.h"

/*
 * May @secret be unlinked after a run without failure? Only when each volume that names it is open,
 * or is nofail and has had its chance, and none of them says keep-secret.
 */
bool plan_may_unlink(const struct attempt *list, size_t count, const char *secret);

#endif
