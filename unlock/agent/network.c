// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An address for the broker, where nothing else in the initramfs sets up a network: no DHCP client
 * and no router's advertisement, so what the host says is not heard. See rtnetlink(7).
 */
#include "agent/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "lib/log.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

enum { PAUSE_US = 50 * US_PER_MS, REQUEST_SIZE = 256, PATH_SIZE = 128 };

/*
 * On an interface with an IPv4 address, IPv6 is off; on another, no router has a say. Linux:
 * Documentation/networking/ip-sysctl.rst.
 */
static const struct setting {
	const char *name, *closed;
	int family;
} settings[] = {
	{ "disable_ipv6", "1", AF_INET },
	{ "accept_ra", "0", AF_INET6 },
	{ "accept_redirects", "0", AF_INET6 },
};
_Static_assert(COUNT(settings) == NETWORK_SETTINGS, "room for each setting");

struct request {
	_Alignas(struct nlmsghdr) char bytes[REQUEST_SIZE];
};

struct answer {
	struct nlmsghdr head;
	struct nlmsgerr error;
};

static struct nlmsghdr *head_of(struct request *request)
{
	return (struct nlmsghdr *)request->bytes;
}

static void begin(struct request *request, unsigned short type, unsigned short flags,
		  const void *body, size_t size)
{
	struct nlmsghdr *head = head_of(request);

	*request = (struct request){ 0 };
	*head = (struct nlmsghdr){ .nlmsg_len = (unsigned int)NLMSG_LENGTH(size), .nlmsg_type = type,
				   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags };
	memcpy(NLMSG_DATA(head), body, size);
}

/* Each is 20 bytes at most. */
static void add(struct request *request, unsigned short type, const void *value, size_t size)
{
	struct nlmsghdr *head = head_of(request);
	const struct rtattr attribute = { .rta_len = (unsigned short)RTA_LENGTH(size), .rta_type = type };
	char *at = request->bytes + NLMSG_ALIGN(head->nlmsg_len);

	memcpy(at, &attribute, sizeof(attribute));
	memcpy(at + RTA_LENGTH(0), value, size);
	head->nlmsg_len = NLMSG_ALIGN(head->nlmsg_len) + (unsigned int)RTA_SPACE(size);
}

/* The kernel answers before send() returns; ENOBUFS and the like are an error as any other. */
static int ask(struct request *request)
{
	CLEANUP(close_fd) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const struct nlmsghdr *head = head_of(request);
	struct answer answer;

	if (fd < 0 || send(fd, head, head->nlmsg_len, 0) < 0)
		return -errno;
	if (recv(fd, &answer, sizeof(answer), MSG_DONTWAIT) < (ssize_t)sizeof(answer))
		return errno ? -errno : -EIO;
	return answer.head.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EIO;
}

static size_t address_size(const struct broker_network *wanted)
{
	return wanted->family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

static int set_link(const struct network *network, bool is_up)
{
	const struct ifinfomsg link = { .ifi_index = (int)network->index, .ifi_change = IFF_UP,
					.ifi_flags = is_up ? IFF_UP : 0 };
	struct request request;

	begin(&request, RTM_NEWLINK, 0, &link, sizeof(link));
	return ask(&request);
}

/* Nobody else has the address, or it is the host's doing: it is not looked for. */
static int set_address(const struct network *network, unsigned short type, unsigned short flags)
{
	const struct broker_network *wanted = network->wanted;
	const struct ifaddrmsg address = { .ifa_family = (unsigned char)wanted->family,
					   .ifa_prefixlen = (unsigned char)wanted->prefix,
					   .ifa_flags = wanted->family == AF_INET6 ? IFA_F_NODAD : 0,
					   .ifa_index = network->index };
	struct request request;

	begin(&request, type, flags, &address, sizeof(address));
	add(&request, IFA_LOCAL, wanted->address, address_size(wanted));
	add(&request, IFA_ADDRESS, wanted->address, address_size(wanted));
	return ask(&request);
}

static int add_route(const struct network *network)
{
	const struct broker_network *wanted = network->wanted;
	const struct rtmsg route = { .rtm_family = (unsigned char)wanted->family,
				     .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT,
				     .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST };
	struct request request;

	if (!wanted->has_gateway)
		return 0;
	begin(&request, RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof(route));
	add(&request, RTA_GATEWAY, wanted->gateway, address_size(wanted));
	add(&request, RTA_OIF, &network->index, sizeof(network->index));
	return ask(&request);
}

static void setting_path(const struct network *network, const struct setting *setting,
			 char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "/proc/sys/net/ipv6/conf/%s/%s", network->name, setting->name);
}

static void write_setting(const struct network *network, const struct setting *setting,
			  const char *value)
{
	CLEANUP(close_fd) int fd = -1;
	char path[PATH_SIZE];

	setting_path(network, setting, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		file_write(fd, value, strlen(value));
}

static void keep_setting(struct network *network, size_t i)
{
	CLEANUP(free_text) char *text = NULL;
	char path[PATH_SIZE];
	size_t length;

	setting_path(network, &settings[i], path);
	if (file_read(path, &text, &length) == 0 && length < sizeof(network->before[i]))
		memcpy(network->before[i], text, length + 1);
}

/* A kernel without IPv6 has none of them. */
static void close_settings(struct network *network)
{
	for (size_t i = 0; i < COUNT(settings); i++) {
		keep_setting(network, i);
		if (settings[i].family == network->wanted->family && network->before[i][0])
			write_setting(network, &settings[i], settings[i].closed);
	}
}

static void restore_settings(const struct network *network)
{
	for (size_t i = 0; i < COUNT(settings); i++)
		if (settings[i].family == network->wanted->family && network->before[i][0])
			write_setting(network, &settings[i], network->before[i]);
}

static bool is_ethernet(int fd, const char *name)
{
	struct ifreq request = { .ifr_flags = 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(fd, SIOCGIFHWADDR, &request) == 0 &&
	       request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

static bool is_up(const char *name)
{
	CLEANUP(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_flags = 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_UP;
}

/* How many there are; the last of them is taken. */
static unsigned int count_interfaces(struct network *network)
{
	CLEANUP(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct if_nameindex *all = if_nameindex();
	unsigned int count = 0;

	for (const struct if_nameindex *one = all; one && one->if_index; one++) {
		if (!is_ethernet(fd, one->if_name))
			continue;
		snprintf(network->name, sizeof(network->name), "%s", one->if_name);
		network->index = one->if_index;
		count++;
	}
	if_freenameindex(all);
	return count;
}

/* Of several, which one is meant would be the host's to say. */
static int find_interface(struct network *network, uint64_t deadline_us, struct fault *fault)
{
	unsigned int count;

	while ((count = count_interfaces(network)) == 0 && clock_us() < deadline_us)
		usleep(PAUSE_US);
	if (count == 0)
		fault_set(fault, "rd.cocosecret.ip=, but no Ethernet interface: is its driver in the image?");
	else if (count > 1)
		fault_set(fault, "rd.cocosecret.ip=, but %u Ethernet interfaces: it must be the only one",
			  count);
	else if (is_up(network->name))
		fault_set(fault, "rd.cocosecret.ip=, but %s is up already: something else in this initramfs "
			  "sets up the network; leave out one of them", ESCAPED(slice_of(network->name)));
	else
		return EXIT_OPENED;
	return count == 1 ? EXIT_CONFIG : EXIT_NO_SECRET;
}

int network_up(struct network *network, const struct broker_network *wanted, uint64_t deadline_us,
	       struct fault *fault)
{
	int r, code = find_interface(network, deadline_us, fault);

	if (code)
		return code;
	network->wanted = wanted;
	close_settings(network);
	r = set_link(network, true);
	if (r == 0)
		r = set_address(network, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	if (r == 0)
		r = add_route(network);
	if (r == 0)
		return EXIT_OPENED;
	fault_set(fault, "rd.cocosecret.ip=: %s: %s", ESCAPED(slice_of(network->name)), strerror(-r));
	return EXIT_CONFIG;
}

void network_down(struct network *network)
{
	int r = 0;

	if (!network->wanted)
		return;
	set_address(network, RTM_DELADDR, 0);
	r = set_link(network, false);
	if (r < 0)
		log_warning("agent: %s cannot be taken down: %s", ESCAPED(slice_of(network->name)),
			    strerror(-r));
	restore_settings(network);
	network->wanted = NULL;
}
