/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_HEADER_H
#define COCOSECRET_HEADER_H

#include <libcryptsetup.h>

#include "volume.h"

void header_free(struct crypt_device **cd);

/* Both log what is wrong and return an exit code. */
int header_load(struct crypt_device **cd, const struct volume *volume, const char *device);
int header_check(struct crypt_device *cd, const struct volume *volume, const char *device);

#endif
