/* SPDX-License-Identifier: GPL-2.0 */
/* What the firmware left in memory. */
#ifndef COCOSECRET_FIRMWARE_H
#define COCOSECRET_FIRMWARE_H

#include <linux/types.h>

/* Not at 0, and not beyond what the processor can address. */
bool firmware_can_be(u64 address, u64 size);

/* Is any of it what the kernel uses as RAM? */
bool firmware_is_ram(u64 address, u64 size);

/* Maps it as the guest's own memory; NULL, silently, where that cannot be. */
void *firmware_map(u64 address, u64 size);

/* Also of NULL. */
void firmware_unmap(void *memory);

#endif
