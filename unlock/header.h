/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_HEADER_H
#define COCOSECRET_HEADER_H

#include <libcryptsetup.h>

#include "volume.h"

void header_free(struct crypt_device **cd);

/* Both return an exit code, and in @fault what is wrong. */
int header_load(struct crypt_device **cd, const struct volume *volume, const char *device,
		struct fault *fault);
int header_check(struct crypt_device *cd, const struct volume *volume, const char *device,
		 struct fault *fault);

#endif
