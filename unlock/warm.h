/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_WARM_H
#define COCOSECRET_WARM_H

/*
 * What libcrypto and libcryptsetup do once in a process takes as long as to check a header. It needs
 * neither the device nor the secret, so a thread does it while these are waited for, and it is done
 * once for all volumes. No process may be forked before warm_finish(), which child_start() calls.
 */
void warm_start(void);
void warm_finish(void);
/* Has the kernel load its ciphers meanwhile. */
void warm_ciphers(void);

#endif
