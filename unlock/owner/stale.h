/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_STALE_H
#define COCOSECRET_STALE_H

#include <json-c/json.h>
#include <stdbool.h>

/*
 * Whether none of the key slots that token @id is for is there any more: cryptsetup removes a slot
 * and leaves its token, as when it reencrypts.
 */
bool token_is_stale(struct json_object *document, int id);

#endif
