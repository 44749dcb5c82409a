/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_BROKER_H
#define COCOSECRET_BROKER_H

#include <stdbool.h>

#include "config/anchor.h"
#include "lib/text.h"

/* In the image: the same parameters as on the kernel command line, which come before these. */
#define BROKER_FILE "/etc/cocosecret/kbs"
#define BROKER_RESOURCES "default/cocosecret"

/* No more than a warning for whoever makes such an image: the command line may still have the key. */
#define BROKER_WITHOUT_OWNER \
	"an image that asks a key broker, and no owner's public key in " ANCHOR_FOLDER ": it will power off " \
	"instead of booting (exit 2) unless its command line has rd.cocosecret.owner=KEY; see cocosecret " \
	"keygen --owner"

/* Who asks the broker, in an image that was made with it. */
#define AGENT_PATH LIBEXEC_PATH "/cocosecret-agent"
#define AGENT_TLS_PATH AGENT_PATH "-tls"

enum {
	BROKER_HOST_SIZE = 254, /* a DNS name has at most 253 characters */
	BROKER_PATH_SIZE = 130,
};

/* How the broker is reached. */
enum broker_kind { BROKER_NONE, BROKER_HTTP, BROKER_VSOCK, BROKER_SERIAL };

/*
 * All the time that an agent may take, of the time-out: a kernel may wait for the host's report for a
 * minute, whatever the time-out is. Its own alarm, and who waits for it, count from here.
 */
static inline unsigned int agent_limit_s(unsigned int timeout_s)
{
	return timeout_s + 90;
}

/* What the machine has to be; by default what its kernel says that it is. */
enum tee { TEE_ANY, TEE_SNP, TEE_TDX };

/* Of the one network interface, where nothing else in the initramfs sets it up. */
struct broker_network {
	int family; /* AF_INET, AF_INET6; 0: not set */
	unsigned int prefix;
	bool has_gateway;
	unsigned char address[16], gateway[16]; /* in network order; the family says how many bytes */
};

/* The key broker, out of what was measured: rd.cocosecret.kbs=, .kbs-path=, .tee=, .ip= */
struct broker {
	enum broker_kind kind;
	bool has_tls;                /* https:// */
	char host[BROKER_HOST_SIZE]; /* a name, an address, or of a virtio-serial port the name */
	unsigned int cid;            /* vsock's */
	unsigned int port;           /* TCP's, vsock's */
	char path[BROKER_PATH_SIZE]; /* REPOSITORY/TYPE, or empty */
	enum tee tee;
	struct broker_network network;
};

/* Each takes a parameter's value. Negative, with the reason in @fault. */
int broker_set_url(struct broker *broker, struct slice url, struct fault *fault);
int broker_set_path(struct broker *broker, struct slice path, struct fault *fault);
int broker_set_tee(struct broker *broker, struct slice word, struct fault *fault);
int broker_set_network(struct broker *broker, struct slice text, struct fault *fault);

/* As rd.cocosecret.kbs= has it. */
enum { BROKER_URL_SIZE = BROKER_HOST_SIZE + 32 };
void broker_url(const struct broker *broker, char url[BROKER_URL_SIZE]);

/* What @broker does not say itself is as @other says, or BROKER_RESOURCES. */
void broker_complete(struct broker *broker, const struct broker *other);

#endif
