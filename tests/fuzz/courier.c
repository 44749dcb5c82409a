// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a courier that the network has taken over may write to the process that has the key: an answer
 * within its bounds or none. Only its own end of the socket is here.
 */
#include "agent/courier.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/confine.h"
#include "agent/transport.h"
#include "lib/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int confine(const struct confinement *confinement)
{
	(void)confinement;
	abort();
}

int transport_prepare(struct transport *transport, uint64_t deadline_us)
{
	(void)transport;
	(void)deadline_us;
	abort();
}

int transport_connect(struct transport *transport, uint64_t deadline_us)
{
	(void)transport;
	(void)deadline_us;
	abort();
}

int transport_send(struct transport *transport, const char *bytes, size_t size)
{
	(void)transport;
	(void)bytes;
	(void)size;
	abort();
}

ssize_t transport_receive(void *transport, void *bytes, size_t size)
{
	(void)transport;
	(void)bytes;
	(void)size;
	abort();
}

void transport_hang_up(struct transport *transport)
{
	(void)transport;
	abort();
}

static void check(int r, const struct http_answer *answer)
{
	if (r > 0)
		abort();
	if (r == 0 && (answer->status < 200 || answer->status > 599 || answer->size > HTTP_BODY_MAX ||
		       !answer->body || answer->body[answer->size] ||
		       (answer->session[0] && !http_is_session(slice_of(answer->session)))))
		abort();
	if (r < 0 && !courier_explain(r)[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct courier courier = { .child = { .pidfd = -1 } };
	struct http_answer answer;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    send(fds[1], data, size, MSG_DONTWAIT) != (ssize_t)size || shutdown(fds[1], SHUT_WR) < 0)
		abort();
	courier.fd = fds[0];
	check(courier_ask(&courier, "GET", 3, clock_us() + US_PER_S, &answer), &answer);
	http_forget(&answer);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
