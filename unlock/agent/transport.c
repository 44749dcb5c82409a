// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/transport.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/child.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"

#define PORTS "/sys/class/virtio-ports"

/* After which a step that gets no answer is better begun anew; emulated, a handshake takes seconds. */
enum {
	CONNECT_LIMIT_US = 5 * US_PER_S,
	HANDSHAKE_LIMIT_US = 10 * US_PER_S,
	PORT_PAUSE_US = 100 * US_PER_MS,
};

int transport_wait(int fd, short events, uint64_t deadline_us)
{
	struct pollfd watched = { .fd = fd, .events = events };
	int n;

	do {
		n = poll(&watched, 1, milliseconds_until(deadline_us));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* A serial port says so for as long as nobody is at its other end. */
	if (n > 0 && watched.revents == POLLHUP)
		return -ENOTCONN;
	return n > 0 ? 0 : -ETIMEDOUT;
}

static bool has_name(const char *port, const char *name)
{
	CLEANUP(free_text) char *text = NULL;
	char path[sizeof(PORTS) + 256 + sizeof("/name")];
	size_t length;

	snprintf(path, sizeof(path), PORTS "/%s/name", port);
	if (file_read(path, &text, &length) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, name) == 0;
}

static int open_port(const char *port)
{
	char path[sizeof("/dev/") + 256];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", port);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* By what the kernel says: udev's link would be one of several that have the name. */
static int find_port(const char *name)
{
	CLEANUP(close_dir) DIR *dir = opendir(PORTS);
	const struct dirent *entry;
	char found[256] = "";

	while (dir && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || !has_name(entry->d_name, name))
			continue;
		if (found[0])
			return -ENOTUNIQ;
		snprintf(found, sizeof(found), "%s", entry->d_name);
	}
	return found[0] ? open_port(found) : -ENOENT;
}

int transport_prepare(struct transport *transport, uint64_t deadline_us)
{
	int fd = -ENOENT;

	if (transport->broker->kind != BROKER_SERIAL)
		return 0;
	while ((fd = find_port(transport->broker->host)) == -ENOENT && clock_us() < deadline_us)
		usleep(PORT_PAUSE_US);
	transport->fd = fd < 0 ? -1 : fd;
	return fd < 0 ? fd : 0;
}

static int finish_connecting(int fd, uint64_t deadline_us)
{
	socklen_t size = sizeof(int);
	int error = 0, r = transport_wait(fd, POLLOUT, deadline_us);

	if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		r = -errno;
	return r < 0 ? r : -error;
}

static uint64_t step_deadline(const struct transport *transport, uint64_t limit_us)
{
	return clock_earlier(clock_us() + limit_us, transport->deadline_us);
}

static int connect_to(struct transport *transport, const void *address, socklen_t size)
{
	const struct sockaddr *generic = address;
	int fd = socket(generic->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = connect(fd, generic, size) < 0 ? -errno : 0;
	if (r == -EINPROGRESS)
		r = finish_connecting(fd, step_deadline(transport, CONNECT_LIMIT_US));
	if (r < 0)
		close(fd);
	else
		transport->fd = fd;
	return r;
}

static int connect_to_name(struct transport *transport)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;
	char port[16];
	int r = -ENONET;

	snprintf(port, sizeof(port), "%u", transport->broker->port);
	if (getaddrinfo(transport->broker->host, port, &hints, &all) != 0)
		return -ENONET;
	for (const struct addrinfo *one = all; one && r < 0; one = one->ai_next)
		r = connect_to(transport, one->ai_addr, one->ai_addrlen);
	freeaddrinfo(all);
	return r;
}

static int connect_to_server(struct transport *transport)
{
	const struct broker *broker = transport->broker;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)broker->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)broker->port) };

	if (inet_pton(AF_INET, broker->host, &v4.sin_addr) == 1)
		return connect_to(transport, &v4, sizeof(v4));
	if (inet_pton(AF_INET6, broker->host, &v6.sin6_addr) == 1)
		return connect_to(transport, &v6, sizeof(v6));
	return connect_to_name(transport);
}

static int connect_and_prove(struct transport *transport)
{
	int r = connect_to_server(transport);

	if (r < 0 || !transport->tls)
		return r;
	return transport->tls->begin(transport->tls, transport->fd,
				     step_deadline(transport, HANDSHAKE_LIMIT_US));
}

static int connect_to_vsock(struct transport *transport)
{
	const struct sockaddr_vm address = { .svm_family = AF_VSOCK,
					     .svm_cid = transport->broker->cid,
					     .svm_port = transport->broker->port };

	return connect_to(transport, &address, sizeof(address));
}

/* What is left of an answer that came too late is not the next one's; a host may never end it. */
static void drain(const struct transport *transport)
{
	char bytes[4096];

	while (clock_us() < transport->deadline_us && read(transport->fd, bytes, sizeof(bytes)) > 0)
		;
}

int transport_connect(struct transport *transport, uint64_t deadline_us)
{
	transport->deadline_us = deadline_us;
	switch (transport->broker->kind) {
	case BROKER_HTTP:
		return connect_and_prove(transport);
	case BROKER_VSOCK:
		return connect_to_vsock(transport);
	case BROKER_SERIAL:
		drain(transport);
		return 0;
	default:
		return -EPROTONOSUPPORT;
	}
}

int transport_send(struct transport *transport, const char *bytes, size_t size)
{
	if (transport->tls)
		return transport->tls->send(transport->tls, bytes, size, transport->deadline_us);
	while (size > 0) {
		ssize_t n = write(transport->fd, bytes, size);
		int r = n < 0 && errno == EAGAIN ?
			transport_wait(transport->fd, POLLOUT, transport->deadline_us) : 0;

		if (r < 0)
			return r;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

ssize_t transport_receive(void *context, void *bytes, size_t size)
{
	const struct transport *transport = context;
	ssize_t n;
	int r;

	if (transport->tls)
		return transport->tls->receive(transport->tls, bytes, size, transport->deadline_us);
	do {
		r = transport_wait(transport->fd, POLLIN, transport->deadline_us);
		if (r < 0)
			return r;
		n = read(transport->fd, bytes, size);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	return n < 0 ? -errno : n;
}

void transport_hang_up(struct transport *transport)
{
	if (transport->broker->kind == BROKER_SERIAL || transport->fd < 0)
		return;
	if (transport->tls)
		transport->tls->end(transport->tls);
	close(transport->fd);
	transport->fd = -1;
}
