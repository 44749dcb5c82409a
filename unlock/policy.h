/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_POLICY_H
#define COCOSECRET_POLICY_H

#include <stdbool.h>

#include "document.h"

/*
 * What holds of every header, sealed or not, before a key is derived: known, authenticated or
 * XTS ciphers, one ordinary segment, bounded costs, nothing half-done and nothing unknown.
 * An exit code, with the reason in @fault.
 */
int policy_check(struct json_object *document, bool need_integrity, struct fault *fault);

#endif
