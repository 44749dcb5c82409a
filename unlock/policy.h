/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_POLICY_H
#define COCOSECRET_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "document.h"

/* Where the key-slot areas begin, after the header's two copies, and where they end. */
struct policy_layout {
	int64_t areas;
	int64_t end;
};

/*
 * What holds of every header, sealed or not, before a key is derived: known, authenticated or
 * XTS ciphers, one ordinary segment, bounded costs, nothing half-done and nothing unknown.
 * An exit code, with the reason in @fault.
 */
int policy_check(struct json_object *document, bool need_integrity, struct policy_layout *layout,
		 struct fault *fault);

#endif
