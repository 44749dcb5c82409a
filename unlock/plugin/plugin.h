/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_PLUGIN_H
#define COCOSECRET_PLUGIN_H

#include <libcryptsetup.h>

/* What libcryptsetup looks up in libcryptsetup-token-cocosecret.so; see crypt_token_open_func. */
int cryptsetup_token_open(struct crypt_device *cd, int id, char **buffer, size_t *size, void *unused);
void cryptsetup_token_buffer_free(void *buffer, size_t size);
int cryptsetup_token_validate(struct crypt_device *cd, const char *json);
void cryptsetup_token_dump(struct crypt_device *cd, const char *json);
const char *cryptsetup_token_version(void);

#endif
