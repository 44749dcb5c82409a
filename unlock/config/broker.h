/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_BROKER_H
#define COCOSECRET_BROKER_H

#include "lib/text.h"

/* In the image: the same parameters as on the kernel command line, which come before these. */
#define BROKER_FILE "/etc/cocosecret/kbs"
#define BROKER_RESOURCES "default/cocosecret"

enum {
	BROKER_HOST_SIZE = 254, /* a DNS name has at most 253 characters */
	BROKER_PATH_SIZE = 130,
};

/* How the broker is reached. */
enum broker_kind { BROKER_NONE, BROKER_HTTP, BROKER_HTTPS, BROKER_VSOCK, BROKER_SERIAL };

/* What the machine has to be; by default what its kernel says that it is. */
enum tee { TEE_ANY, TEE_SNP, TEE_TDX };

/* The key broker, out of what was measured: rd.cocosecret.kbs=, .kbs-path=, .tee= */
struct broker {
	enum broker_kind kind;
	char host[BROKER_HOST_SIZE]; /* a name, an address, or of a virtio-serial port the name */
	unsigned int cid;            /* vsock's */
	unsigned int port;           /* TCP's, vsock's */
	char path[BROKER_PATH_SIZE]; /* REPOSITORY/TYPE, or empty */
	enum tee tee;
};

/* Each takes a parameter's value. Negative, with the reason in @fault. */
int broker_set_url(struct broker *broker, struct slice url, struct fault *fault);
int broker_set_path(struct broker *broker, struct slice path, struct fault *fault);
int broker_set_tee(struct broker *broker, struct slice word, struct fault *fault);

/* What @broker does not say itself is as @other says, or BROKER_RESOURCES. */
void broker_complete(struct broker *broker, const struct broker *other);

#endif
