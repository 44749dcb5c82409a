/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_WARM_H
#define COCOSECRET_WARM_H

/*
 * libcryptsetup and libcrypto do some work once in a process, which takes as long as checking a header.
 * It needs neither device nor secret, so a thread does it, in steps, while others wait for these.
 * warm_start() begins, or resumes where warm_pause() left off, in a child as well; warm_pause() lets
 * no more than the step end that is under way, and is called before any fork(): no process must be
 * forked while it runs. warm_finish() lets all of them end.
 */
void warm_start(void);
void warm_pause(void);
void warm_finish(void);
/* Has the kernel load its ciphers meanwhile. */
void warm_ciphers(void);

#endif
