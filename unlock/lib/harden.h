/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_HARDEN_H
#define COCOSECRET_HARDEN_H

/* For programs that hold secrets: no core dump is made of this one, and only root looks into it. */
void harden(void);

#endif
