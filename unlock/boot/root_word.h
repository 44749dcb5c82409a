/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_ROOT_WORD_H
#define COCOSECRET_ROOT_WORD_H

/*
 * Why the root of a boot that opened its volumes is not mounted: root= on the kernel command line
 * names an encrypted volume in place of what is in it, which can be told at once, or a device that
 * did not come. Says nothing where neither is so, or the root was there.
 */
void root_word_warn(int state);
void root_word_explain(void);

#endif
