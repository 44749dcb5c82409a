/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SCRUB_H
#define COCOSECRET_SCRUB_H

/*
 * Wiping a key's buffer leaves what the code that used it left behind. scrub_prepare, called before
 * a key is read, makes the heap overwrite what is freed; glibc skips small pieces that go to its
 * per-thread cache, so the unit turns that cache off (GLIBC_TUNABLES). scrub_after, called when the
 * key is done with, overwrites the stack below, the vector registers and the kernel's copy of them.
 */
void scrub_prepare(void);
void scrub_after(void);

#endif
