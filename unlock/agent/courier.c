// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/courier.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/confine.h"
#include "agent/stop.h"
#include "agent/transport.h"
#include "config/pins.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "lib/log.h"

enum {
	REQUEST_MAX = 2 << 20,
	EXCHANGE_LIMIT_US = 60 * US_PER_S, /* a broker may have to fetch certificates */
	GRACE_US = 2 * US_PER_S,           /* for an answer that says that there was no time left */
	RESOLVER_US = 30 * US_PER_S,       /* libc's own limit, which nobody can change */
	ERRNO_MAX = 4095,
};

/* What goes over the socket; the bytes of the request or of the answer follow. */
struct order {
	uint64_t deadline_us;
	uint64_t size;
};

struct report {
	int32_t r;
	uint32_t status;
	uint64_t size;
	char session[HTTP_SESSION_SIZE];
};

struct start {
	const struct broker *broker;
	struct tls *tls;
	uint64_t deadline_us;
	int fd;
	pid_t parent;
};

static bool is_literal(const struct broker *broker)
{
	return broker->kind != BROKER_HTTP || strspn(broker->host, "0123456789.") == strlen(broker->host) ||
	       strchr(broker->host, ':');
}

static int exchange(struct transport *transport, const struct order *order, const char *request,
		    struct http_answer *answer)
{
	const struct http_source source = { transport_receive, transport };
	int r = transport_connect(transport, order->deadline_us);

	*answer = (struct http_answer){ 0 };
	if (r == 0)
		r = transport_send(transport, request, order->size);
	if (r == 0)
		r = http_read(&source, answer);
	transport_hang_up(transport);
	return r;
}

static int read_all(int fd, void *bytes, size_t size)
{
	char *at = bytes;

	while (size > 0) {
		ssize_t n = read(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static int answer_order(struct transport *transport, int fd, const struct order *order, const char *request)
{
	struct http_answer answer;
	int r = exchange(transport, order, request, &answer);
	struct report report = { .r = r, .status = answer.status, .size = r < 0 ? 0 : answer.size };

	memcpy(report.session, answer.session, sizeof(report.session));
	r = file_write(fd, &report, sizeof(report));
	if (r == 0)
		r = file_write(fd, answer.body, report.size);
	http_forget(&answer);
	return r;
}

static int serve(struct transport *transport, int fd)
{
	CLEANUP(free_text) char *request = malloc(REQUEST_MAX);
	struct order order;

	while (request && read_all(fd, &order, sizeof(order)) == 0)
		if (order.size > REQUEST_MAX || read_all(fd, request, order.size) < 0 ||
		    answer_order(transport, fd, &order, request) < 0)
			return EXIT_IO;
	return EXIT_OPENED;
}

static const char *explain_port(int r)
{
	return r == -ENOTUNIQ ? "two have this name, and which one is meant would be the host's to say" :
				strerror(-r);
}

static int run_courier(const void *context)
{
	const struct start *start = context;
	struct transport transport = { .broker = start->broker, .tls = start->tls, .fd = -1 };
	int r = transport_prepare(&transport, start->deadline_us);
	const struct confinement confinement = {
		.fds = { start->fd, transport.fd },
		.with_names = !is_literal(start->broker),
		.parent = start->parent,
	};

	if (r < 0)
		log_error("agent: no virtio-serial port %s: %s", start->broker->host, explain_port(r));
	if (r == 0 && (r = confine(&confinement)) < 0)
		log_error("agent: the process for the network cannot be confined: %s", strerror(-r));
	return r < 0 ? EXIT_IO : serve(&transport, start->fd);
}

int courier_start(struct courier *courier, const struct broker *broker, struct tls *tls,
		  uint64_t deadline_us)
{
	struct start start = { broker, tls, deadline_us, -1, getpid() };
	int fds[2], r;

	*courier = (struct courier){ .child = { .pidfd = -1 }, .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	start.fd = fds[1];
	r = child_start(&courier->child, CHILD_NO_LIMIT, run_courier, &start);
	close(fds[1]);
	courier->fd = fds[0];
	return r;
}

/* The bytes of a message, none of them late: its sender is the one whom the host may have taken over. */
static int receive(int fd, void *bytes, size_t size, uint64_t deadline_us)
{
	char *at = bytes;

	while (size > 0) {
		struct pollfd watched = { .fd = fd, .events = POLLIN };
		int n = poll(&watched, 1, milliseconds_until(deadline_us));
		ssize_t got = n > 0 ? recv(fd, at, size, MSG_DONTWAIT) : 0;

		if (n == 0)
			return -ECHILD;
		if (n < 0 && stop_signal())
			return -EINTR;
		if ((n < 0 || got < 0) && errno != EINTR && errno != EAGAIN)
			return -ECHILD;
		if (n > 0 && got == 0)
			return -ECHILD;
		if (got > 0) {
			at += got;
			size -= (size_t)got;
		}
	}
	return 0;
}

/* What http_read() promises holds here only if it is looked at again. */
static int check(const struct report *report)
{
	struct slice session = { report->session, strnlen(report->session, sizeof(report->session)) };

	if (report->r > 0 || report->r < -ERRNO_MAX || report->size > HTTP_BODY_MAX)
		return -ECHILD;
	if (report->r < 0)
		return report->r;
	if (report->status < 200 || report->status > 599 ||
	    (session.length && !http_is_session(session)))
		return -ECHILD;
	return 0;
}

static int receive_answer(struct courier *courier, uint64_t deadline_us, struct http_answer *answer)
{
	struct report report;
	int r = receive(courier->fd, &report, sizeof(report), deadline_us);

	if (r == 0)
		r = check(&report);
	if (r < 0)
		return r;
	answer->status = report.status;
	memcpy(answer->session, report.session, sizeof(report.session));
	answer->body = calloc(report.size + 1, 1);
	answer->size = report.size;
	return answer->body ? receive(courier->fd, answer->body, report.size, deadline_us) : -ENOMEM;
}

/* A courier that is late once is not asked again: it would answer what was asked before. */
int courier_ask(struct courier *courier, const char *request, size_t size, uint64_t deadline_us,
		struct http_answer *answer)
{
	struct order order = { clock_earlier(clock_us() + EXCHANGE_LIMIT_US, deadline_us), size };
	uint64_t end_us = clock_earlier(order.deadline_us + RESOLVER_US, deadline_us) + GRACE_US;
	int r = size > REQUEST_MAX ? -EMSGSIZE : stop_signal() ? -EINTR : 0;

	*answer = (struct http_answer){ 0 };
	if (r == 0 && (send(courier->fd, &order, sizeof(order), MSG_NOSIGNAL) != sizeof(order) ||
		       send(courier->fd, request, size, MSG_NOSIGNAL) != (ssize_t)size))
		return -ECHILD;
	if (r == 0)
		r = receive_answer(courier, end_us, answer);
	return r;
}

bool courier_may_pass(int r)
{
	return r != -EBADMSG && r != -EMSGSIZE && r != -ECHILD && r != -ENOMEM && r != -TLS_UNKNOWN &&
	       r != -TLS_MISNAMED && r != -TLS_FOREIGN;
}

const char *courier_explain(int r)
{
	switch (-r) {
	case ENONET:
		return "its name cannot be resolved";
	case ECONNRESET:
		return "it ended the connection before its answer was whole";
	case ETIMEDOUT:
		return "it did not answer in time";
	case ENOTCONN:
		return "nobody is at the port's other end";
	case EINTR:
		return "it had not answered yet";
	case EBADMSG:
		return "its answer is not HTTP with a length or in chunks; is it a key broker?";
	case EMSGSIZE:
		return "its answer is larger than any of a key broker's";
	case TLS_UNKNOWN:
		return "its certificate is not one of " PINS_FILE ", and none of these has issued it for a "
		       "server; is it the broker, or somebody on the way to it?";
	case TLS_MISNAMED:
		return "its certificate has another name than rd.cocosecret.kbs= (as subjectAltName); is it "
		       "the broker? if so, issue another, or put its key into " PINS_FILE;
	case TLS_FOREIGN:
		return "it does not speak TLS 1.2 or 1.3 as this side does (ECDHE with AES-GCM or ChaCha20, no "
		       "certificate of a client); is https:// right?";
	case ECHILD:
		return "the process for the network has ended";
	default:
		return strerror(-r);
	}
}

void courier_end(struct courier *courier)
{
	close_fd(&courier->fd);
	if (courier->child.pid > 0 && courier->child.pidfd >= 0) {
		kill(courier->child.pid, SIGKILL);
		waitpid(courier->child.pid, NULL, 0);
		close_fd(&courier->child.pidfd);
	}
	*courier = (struct courier){ .child = { .pidfd = -1 }, .fd = -1 };
}
