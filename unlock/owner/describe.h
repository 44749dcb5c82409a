/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_DESCRIBE_H
#define COCOSECRET_DESCRIBE_H

#include "owner/owner.h"

/* Prints the contents of a header that the policy let pass: before it is sealed. */
void describe(const struct owner *owner, struct json_object *document);

#endif
