/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_POLICY_H
#define COCOSECRET_POLICY_H

#include <stdint.h>

#include "header/document.h"

/* Where the key-slot areas begin, after the header's two copies, and where they end. */
struct policy_layout {
	int64_t areas;
	int64_t end;
};

/* What else a caller knows, or wants. */
enum policy_terms {
	POLICY_INTEGRITY = 1 << 0, /* the data must have some */
	POLICY_DETACHED = 1 << 1,  /* the header is not on the device, where the data may begin at 0 */
};

/*
 * What holds of every header, sealed or not, before a key is derived: known, authenticated or
 * XTS ciphers, one ordinary segment, bounded costs, nothing half-done and nothing unknown.
 * An exit code, with the reason in @fault.
 */
int policy_check(struct json_object *document, unsigned int terms, struct policy_layout *layout,
		 struct fault *fault);

#endif
