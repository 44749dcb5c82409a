/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_COURIER_H
#define COCOSECRET_COURIER_H

#include <stdint.h>

#include "agent/http.h"
#include "agent/tls.h"
#include "config/broker.h"
#include "lib/child.h"

/*
 * A process that carries requests to the broker and brings its answers: the only one that reads what
 * the network sends. It is started before there is a key, and has none ever.
 */
struct courier {
	struct child child;
	int fd;
};

/* With @tls, where it is not NULL. Until @deadline_us it waits for a serial port. Negative errno. */
int courier_start(struct courier *courier, const struct broker *broker, struct tls *tls,
		  uint64_t deadline_us);

/*
 * One exchange: 0, whatever the answer's status is; -ECHILD where the courier is no more, or what
 * came between: see courier_may_pass(). http_forget() frees @answer in any case.
 */
int courier_ask(struct courier *courier, const char *request, size_t size, uint64_t deadline_us,
		struct http_answer *answer);

/* May the same request succeed a moment later? */
bool courier_may_pass(int r);
const char *courier_explain(int r);

void courier_end(struct courier *courier);

#endif
