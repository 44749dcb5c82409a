// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/broker.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PORT_MAX = 65535, SERIAL_NAME_MAX = 64 };

static bool is_word_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

/* Fit for a file's name or a part of a path, as it is. */
static bool is_word(struct slice text)
{
	if (text.length == 0 || text.at[0] == '.')
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (!is_word_character(text.at[i]))
			return false;
	return true;
}

static bool set_address(int family, unsigned char address[16], struct slice text)
{
	char copy[INET6_ADDRSTRLEN];

	if (text.length >= sizeof(copy) || memchr(text.at, '\0', text.length))
		return false;
	memcpy(copy, text.at, text.length);
	copy[text.length] = '\0';
	return inet_pton(family, copy, address) == 1;
}

/* IPv6 in brackets, without a zone: which link it is would be the host's to say. */
static bool cut_brackets(struct slice *text)
{
	struct slice inner = { text->at + 1, text->length - 2 };
	unsigned char address[16];

	if (text->length < 2 || text->at[0] != '[' || text->at[text->length - 1] != ']' ||
	    !set_address(AF_INET6, address, inner))
		return false;
	*text = inner;
	return true;
}

static bool set_number(unsigned int *number, struct slice text, unsigned int max)
{
	uint64_t value = 0;

	for (size_t i = 0; i < text.length && value <= max; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.at[i] - '0');
	}
	*number = (unsigned int)value;
	return text.length > 0 && value <= max;
}

static bool set_host(struct broker *broker, struct slice text)
{
	if (text.length >= sizeof(broker->host))
		return false;
	memcpy(broker->host, text.at, text.length);
	broker->host[text.length] = '\0';
	return true;
}

/* At the last colon. */
static bool cut_port(struct slice *text, struct slice *port)
{
	const char *colon = memrchr(text->at, ':', text->length);

	if (!colon)
		return false;
	*port = (struct slice){ colon + 1, text->length - (size_t)(colon - text->at) - 1 };
	text->length = (size_t)(colon - text->at);
	return true;
}

static bool set_server(struct broker *broker, struct slice text)
{
	struct slice port;

	if (text.length && text.at[text.length - 1] == '/')
		text.length--;
	if (!cut_port(&text, &port) || !set_number(&broker->port, port, PORT_MAX) || !broker->port)
		return false;
	return (cut_brackets(&text) || is_word(text)) && set_host(broker, text);
}

static bool set_vsock(struct broker *broker, struct slice text)
{
	struct slice port;

	return cut_port(&text, &port) && set_number(&broker->cid, text, UINT32_MAX - 1) &&
	       set_number(&broker->port, port, UINT32_MAX - 1);
}

static bool set_serial(struct broker *broker, struct slice text)
{
	return text.length <= SERIAL_NAME_MAX && is_word(text) && set_host(broker, text);
}

static const struct {
	const char *prefix;
	enum broker_kind kind;
	bool has_tls;
	bool (*set)(struct broker *broker, struct slice text);
} kinds[] = {
	{ "http://", BROKER_HTTP, false, set_server },
	{ "https://", BROKER_HTTP, true, set_server },
	{ "vsock:", BROKER_VSOCK, false, set_vsock },
	{ "serial:", BROKER_SERIAL, false, set_serial },
};

int broker_set_url(struct broker *broker, struct slice url, struct fault *fault)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct slice rest = url;

		if (!slice_skip_prefix(&rest, kinds[i].prefix))
			continue;
		broker->kind = kinds[i].kind;
		broker->has_tls = kinds[i].has_tls;
		broker->cid = broker->port = 0;
		memset(broker->host, 0, sizeof(broker->host));
		if (kinds[i].set(broker, rest))
			return 0;
	}
	return fault_set(fault, "\"%s\" is not a broker's address; write http://HOST:PORT, "
			 "https://HOST:PORT, vsock:CID:PORT or serial:NAME", ESCAPED(url));
}

int broker_set_path(struct broker *broker, struct slice path, struct fault *fault)
{
	struct slice rest = path, repository = { 0 };

	if (path.length >= sizeof(broker->path) || !slice_cut(&rest, '/', &repository) ||
	    !is_word(repository) || !is_word(rest))
		return fault_set(fault, "\"%s\" is not REPOSITORY/TYPE, of letters, digits and - _ .",
				 ESCAPED(path));
	memcpy(broker->path, path.at, path.length);
	broker->path[path.length] = '\0';
	return 0;
}

int broker_set_tee(struct broker *broker, struct slice word, struct fault *fault)
{
	if (slice_is(word, "snp"))
		broker->tee = TEE_SNP;
	else if (slice_is(word, "tdx"))
		broker->tee = TEE_TDX;
	else
		return fault_set(fault, "\"%s\" is not one of snp, tdx", ESCAPED(word));
	return 0;
}

static bool read_network(struct broker_network *network, struct slice text)
{
	struct slice address = { 0 }, prefix = { 0 };

	if (!memchr(text.at, '/', text.length))
		return false;
	slice_cut(&text, '/', &address);
	network->has_gateway = memchr(text.at, ',', text.length);
	slice_cut(&text, ',', &prefix);
	network->family = memchr(address.at, ':', address.length) ? AF_INET6 : AF_INET;
	return set_address(network->family, network->address, address) &&
	       set_number(&network->prefix, prefix, network->family == AF_INET ? 32 : 128) &&
	       network->prefix > 0 &&
	       (!network->has_gateway || set_address(network->family, network->gateway, text));
}

int broker_set_network(struct broker *broker, struct slice text, struct fault *fault)
{
	broker->network = (struct broker_network){ 0 };
	if (read_network(&broker->network, text))
		return 0;
	return fault_set(fault, "\"%s\" is not ADDRESS/PREFIX or ADDRESS/PREFIX,GATEWAY", ESCAPED(text));
}

void broker_url(const struct broker *broker, char url[BROKER_URL_SIZE])
{
	bool is_address_6 = strchr(broker->host, ':');

	switch (broker->kind) {
	case BROKER_SERIAL:
		snprintf(url, BROKER_URL_SIZE, "serial:%s", broker->host);
		break;
	case BROKER_VSOCK:
		snprintf(url, BROKER_URL_SIZE, "vsock:%u:%u", broker->cid, broker->port);
		break;
	default:
		snprintf(url, BROKER_URL_SIZE, is_address_6 ? "http%s://[%s]:%u" : "http%s://%s:%u",
			 broker->has_tls ? "s" : "", broker->host, broker->port);
	}
}

void broker_complete(struct broker *broker, const struct broker *other)
{
	struct broker whole = broker->kind != BROKER_NONE ? *broker : *other;

	memcpy(whole.path, broker->path[0] ? broker->path : other->path, sizeof(whole.path));
	whole.tee = broker->tee != TEE_ANY ? broker->tee : other->tee;
	whole.network = broker->network.family ? broker->network : other->network;
	if (!whole.path[0])
		memcpy(whole.path, BROKER_RESOURCES, sizeof(BROKER_RESOURCES));
	*broker = whole;
}
