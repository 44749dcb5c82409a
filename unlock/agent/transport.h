/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TRANSPORT_H
#define COCOSECRET_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/tls.h"
#include "config/broker.h"

/* A way to the broker, without anything of what is said on it. */
struct transport {
	const struct broker *broker;
	struct tls *tls; /* or NULL: what is said is said to whoever answers */
	int fd;
	uint64_t deadline_us; /* of what is under way */
};

/*
 * While all privileges are there: waits for a serial port, and opens it. Negative errno; -ENOTUNIQ
 * where two have its name.
 */
int transport_prepare(struct transport *transport, uint64_t deadline_us);

/*
 * Negative errno; -ENONET where the name of the host cannot be resolved.
 */
int transport_connect(struct transport *transport, uint64_t deadline_us);
int transport_send(struct transport *transport, const char *bytes, size_t size);
ssize_t transport_receive(void *transport, void *bytes, size_t size);

/* For one of poll()'s events: 0, also where the connection is broken. Negative errno. */
int transport_wait(int fd, short events, uint64_t deadline_us);

/* A serial port stays open: it could not be opened again. */
void transport_hang_up(struct transport *transport);

#endif
