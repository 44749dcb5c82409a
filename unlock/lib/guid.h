/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_GUID_H
#define COCOSECRET_GUID_H

#include <stdint.h>

#include "lib/text.h"

enum { GUID_TEXT_LENGTH = 36, GUID_TEXT_SIZE = GUID_TEXT_LENGTH + 1, GUID_BYTES = 16 };

/* The GUID under which GRUB, libvirt and sevctl keep a disk key. */
#define GUID_DISK_KEY "736869e5-84f0-4973-92ec-06879ce3da0b"

/* Text of either case in, lower case out, which is how securityfs names the files. */
int guid_parse(struct slice text, char out[GUID_TEXT_SIZE]);

/* EFI keeps the first three fields of a GUID little-endian; this is the only place that swaps. */
void guid_to_efi(const char text[GUID_TEXT_SIZE], uint8_t efi[GUID_BYTES]);
void guid_from_efi(const uint8_t efi[GUID_BYTES], char text[GUID_TEXT_SIZE]);

#endif
