// SPDX-License-Identifier: GPL-2.0-or-later
#include "init/uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Group 1 is the kernel's, group 2 udev's. A coldplug must not overrun the buffer. */
enum { KERNEL_GROUP = 1, RECEIVE_BUFFER = 16 << 20 };

int uevent_listen(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	int size = RECEIVE_BUFFER, r;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static void take(struct uevent *event, const char *line)
{
	static const struct {
		const char *name;
		size_t at;
	} words[] = {
		{ "ACTION=", offsetof(struct uevent, action) },
		{ "SUBSYSTEM=", offsetof(struct uevent, subsystem) },
		{ "DEVNAME=", offsetof(struct uevent, name) },
		{ "MODALIAS=", offsetof(struct uevent, modalias) },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t length = strlen(words[i].name);

		if (strncmp(line, words[i].name, length) == 0)
			*(const char **)((char *)event + words[i].at) = line + length;
	}
}

void uevent_split(struct uevent *event, size_t size)
{
	event->action = event->subsystem = event->name = event->modalias = "";
	event->text[size] = '\0';
	for (size_t at = 0; at < size; at += strlen(event->text + at) + 1)
		take(event, event->text + at);
}

/* What does not come from the kernel has a sender. */
static bool is_kernels(const struct sockaddr_nl *from)
{
	return from->nl_pid == 0 && from->nl_groups == KERNEL_GROUP;
}

int uevent_receive(int fd, struct uevent *event)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t length = sizeof(from);
		ssize_t size = recvfrom(fd, event->text, UEVENT_SIZE - 1, 0,
					(struct sockaddr *)&from, &length);

		if (size < 0 && errno == ENOBUFS)
			continue;
		if (size < 0)
			return -errno;
		if (!is_kernels(&from))
			continue;
		uevent_split(event, (size_t)size);
		return 0;
	}
}
