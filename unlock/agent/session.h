/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SESSION_H
#define COCOSECRET_SESSION_H

#include "agent/courier.h"
#include "agent/jwe.h"

/*
 * A session with the broker: one key pair, one report, as many secrets as are asked for. What may
 * pass is tried again, with growing pauses, until the deadline.
 */
struct session {
	const struct broker *broker;
	struct courier *courier;
	uint64_t deadline_us;
	const char *tee;
	struct jwe_key key;
	char cookie[HTTP_SESSION_SIZE];
	uint64_t proved_us; /* when the broker believed the evidence */
	bool is_second; /* there was one before it, which the broker forgot */
};

/* Proves what this machine is. An exit code, with the reason in @fault. */
int session_open(struct session *session, struct fault *fault);

/*
 * The secret with that UUID; the caller wipes it in any case. An exit code, with the reason in
 * @fault. Where the broker has forgotten the session, a new one is opened, once.
 */
int session_fetch(struct session *session, const char *uuid, struct secret *secret,
		  struct fault *fault);
void session_close(struct session *session);

#endif
