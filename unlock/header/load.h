/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_LOAD_H
#define COCOSECRET_LOAD_H

#include <libcryptsetup.h>

#include "lib/text.h"

void header_unload(struct crypt_device **cd);

/* Returns an exit code, and in @fault what is wrong. @name is for messages. */
int header_load(struct crypt_device **cd, const char *name, const char *device,
		struct fault *fault);

/* The same of a header in a file of its own; @header empty: it is on the device. */
int header_load_detached(struct crypt_device **cd, const char *name, const char *header,
			 const char *device, struct fault *fault);

#endif
