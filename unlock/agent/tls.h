/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TLS_H
#define COCOSECRET_TLS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/text.h"

/* What TLS says besides what a connection does, as negative errnos; none of it may pass. */
enum {
	TLS_UNKNOWN = EKEYREJECTED, /* nobody that the image knows */
	TLS_MISNAMED = ENOTUNIQ,    /* a certificate for another server; who made it, nobody has looked at */
	TLS_FOREIGN = EBADE,        /* no TLS, or none that is good enough */
};

/* TLS over one connection after the other, in the programs that have it. */
struct tls {
	/* Nothing is said before it is known to whom. Negative errno. */
	int (*begin)(struct tls *tls, int fd, uint64_t deadline_us);
	int (*send)(struct tls *tls, const char *bytes, size_t size, uint64_t deadline_us);
	/* 0 only where the server itself says that this is the end. */
	ssize_t (*receive)(struct tls *tls, void *bytes, size_t size, uint64_t deadline_us);
	void (*end)(struct tls *tls);
};

/*
 * To a server of that name or address, while files can still be read: takes the image's pins, and
 * @tls is this process's. An exit code, with the reason in @fault. libssl is in few images, so in a
 * program of its own: one that is without starts the other in its place, with @argv.
 */
int tls_prepare(struct tls **tls, const char *host, char **argv, struct fault *fault);

#endif
