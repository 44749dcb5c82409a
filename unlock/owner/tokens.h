/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TOKENS_H
#define COCOSECRET_TOKENS_H

#include "owner/owner.h"

/* Changes of a header's tokens and key slots, in its copy. Exit codes; they report any fault. */

/* Whether no other token, of whatever kind, would lose its key slot with this one. */
int tokens_check_sole_use(const struct owner *owner, struct json_object *document,
			  const struct token *token);

/* @json NULL removes the token. */
int tokens_set(const struct owner *owner, struct crypt_device *cd, int id, const char *json);

int tokens_remove_keyslot(const struct owner *owner, struct crypt_device *cd, int slot);

#endif
