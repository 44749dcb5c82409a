/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_NETWORK_H
#define COCOSECRET_NETWORK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/broker.h"

enum { NETWORK_SETTINGS = 3 };

/* The one Ethernet interface, as this run has set it up, and how it was before. */
struct network {
	const struct broker_network *wanted; /* NULL where nothing was set up */
	char name[IF_NAMESIZE];
	unsigned int index;
	char before[NETWORK_SETTINGS][16];
};

/*
 * Waits for the interface until @deadline_us, and gives it its address and, if so wanted, a route by
 * the gateway. An exit code, with the reason in @fault; network_down() takes back what was done.
 */
int network_up(struct network *network, const struct broker_network *wanted, uint64_t deadline_us,
	       struct fault *fault);

/* Without addresses, down, and as open to the kernel's own ways as it was: the root's to set up. */
void network_down(struct network *network);

#endif
