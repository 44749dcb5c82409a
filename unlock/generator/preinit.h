/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_PREINIT_H
#define COCOSECRET_PREINIT_H

/*
 * The first program of an initramfs with systemd: closes it, keeps the host's credentials and EFI
 * variables out, and becomes systemd with the arguments @argv. systemd does what those say before it
 * starts anything, so nothing that it starts could keep them out. Where it cannot, the boot fails.
 * In any other place it becomes systemd and does nothing else. Returns an exit code, if at all.
 */
int preinit(char **argv);

#endif
