/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_WARM_H
#define COCOSECRET_WARM_H

/*
 * What libcryptsetup and libcrypto do once in a process takes as long as to check a header. It needs
 * neither the device nor the secret, so a thread does it, in steps, while these are waited for.
 * warm_start() begins, or goes on where warm_pause() left off, in a child as well; warm_pause() lets
 * no more than the step end that is under way, and is called before any fork(): no process must be
 * forked beside it. warm_finish() lets all of them end.
 */
void warm_start(void);
void warm_pause(void);
void warm_finish(void);
/* Has the kernel load its ciphers meanwhile. */
void warm_ciphers(void);

#endif
