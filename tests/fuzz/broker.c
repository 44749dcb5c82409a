// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes are an image's file for the agent, or a fault in one printable line; and what is taken
 * of them is fit for a host's name, a path and an interface, and is written as it was read.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/cmdline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

static void check_fault(const struct fault *fault)
{
	for (const char *c = fault->text; c == fault->text || *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
}

static void check_network(const struct broker_network *network)
{
	unsigned int bits = network->family == AF_INET ? 32 : 128;

	if (network->family && network->family != AF_INET && network->family != AF_INET6)
		abort();
	if (network->family && (network->prefix < 1 || network->prefix > bits))
		abort();
	if (!network->family && network->has_gateway)
		abort();
}

static void check_url(const struct broker *broker)
{
	char url[BROKER_URL_SIZE];
	struct broker again = { 0 };
	struct fault fault;

	if (strspn(broker->host, WORD ":") != strlen(broker->host))
		abort();
	if (broker->kind == BROKER_NONE)
		return;
	broker_url(broker, url);
	if (broker_set_url(&again, slice_of(url), &fault) < 0 || again.kind != broker->kind ||
	    again.has_tls != broker->has_tls || again.port != broker->port || again.cid != broker->cid ||
	    strcmp(again.host, broker->host) != 0)
		abort();
}

static void check_path(const struct broker *broker)
{
	const char *slash = strchr(broker->path, '/');

	if (!slash || slash == broker->path || !slash[1] || strchr(slash + 1, '/') ||
	    strspn(broker->path, WORD "/") != strlen(broker->path) || broker->path[0] == '.' ||
	    slash[1] == '.')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct broker none;
	struct fault fault = { "" };
	struct broker broker;

	if (cmdline_parse_broker((struct slice){ (const char *)data, size }, &broker, &fault) < 0) {
		check_fault(&fault);
		return 0;
	}
	broker_complete(&broker, &none);
	check_network(&broker.network);
	check_url(&broker);
	check_path(&broker);
	return 0;
}
