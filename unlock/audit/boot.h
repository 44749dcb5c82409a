/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_AUDIT_BOOT_H
#define COCOSECRET_AUDIT_BOOT_H

#include "audit/image.h"
#include "config/cmdline.h"

/* A kernel command line with which the root may be booted, and the file that says so. */
struct line {
	struct slice text;
	char *source;
};

/* How the root is booted, as far as its files tell. */
struct boot {
	struct line *lines;
	size_t count;
	bool closed; /* by an initramfs of ours */
};

/*
 * @cmdline is the measured one, if whoever asks knows it: it counts in place of what the image has.
 * @closed: an initramfs of ours starts the root, though it was made elsewhere.
 */
void boot_read(struct boot *boot, struct image *image, const char *cmdline, bool closed);
void boot_free(struct boot *boot);

/*
 * Whether each command line ends in that word for @key, of several such words one; no word is there
 * where there is no line. systemd's words for no are BOOT_NO.
 */
bool boot_always(const struct boot *boot, const char *key, const char *const *words);
extern const char *const boot_no[];

/* The first line that has the parameter at all. */
const struct line *boot_any(const struct boot *boot, const char *key, struct slice *value);

/* Whether our initramfs keeps that channel of the host's from the root, in each boot. */
bool boot_closes(const struct boot *boot, enum host_channel channel);

#endif
