/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_ADVICE_H
#define COCOSECRET_ADVICE_H

#include "owner/owner.h"

/* What makes each boot slower than necessary, and what to do: an array of texts. */
struct json_object *advice(struct json_object *document);

/* Prints them. */
void advise(const struct owner *owner, struct json_object *document);

#endif
