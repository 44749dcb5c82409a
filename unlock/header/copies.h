/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_COPIES_H
#define COCOSECRET_COPIES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/text.h"

/*
 * A LUKS2 header is on the disk twice. libcryptsetup takes the copy with the higher sequence number,
 * other programs look at the first one only; neither number nor checksum says who wrote them.
 */

/* Whether a copy of @size bytes is as it was written. */
bool copies_is_whole(const unsigned char *copy, size_t size);
uint64_t copies_sequence(const unsigned char *copy);

/*
 * Whether the two copies, of which the first is at byte @start of @fd, are of more than one content,
 * or one of them is damaged. @fault says which: "its two copies differ: ...". For messages, not for
 * decisions: what cannot be read, or is no LUKS2 header at all, does not differ.
 */
bool copies_differ(int fd, uint64_t start, struct fault *fault);

#endif
