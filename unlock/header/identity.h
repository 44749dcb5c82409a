/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_IDENTITY_H
#define COCOSECRET_IDENTITY_H

#include "config/volume.h"
#include "header/document.h"
#include "header/token.h"

/*
 * Is this the volume that was asked for? Called once the seal is known to be good, or not to be
 * wanted, with the token that it is of; decides on the header in memory. What udev knew of UUID,
 * label and partition found a device, and says nothing of whose it is. An exit code, with the reason
 * in @fault.
 */
int identity_check(struct json_object *document, const struct token *token,
		   const struct volume *volume, struct fault *fault);

/* The part of it that needs no more than the mapping's name. */
int identity_check_name(const struct token *token, const char *mapping, struct fault *fault);

/* The name where nothing is configured: the token's, else luks-UUID. Negative where it can be none. */
int identity_set_own_name(struct volume *volume, struct json_object *document,
			  const struct token *token, struct fault *fault);

#endif
