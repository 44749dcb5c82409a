// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/broker_modules.h"

/* A cloud's other network cards are for the image's maker to name. */
static const struct {
	const char *name;
	enum tee tee;          /* whose reports it makes; TEE_ANY: none */
	enum broker_kind kind; /* the way that it is for; BROKER_NONE: any */
} modules[] = {
	{ "sev-guest", TEE_SNP, BROKER_NONE },
	{ "tdx-guest", TEE_TDX, BROKER_NONE },
	{ "virtio_net", TEE_ANY, BROKER_HTTP },
	{ "vmw_vsock_virtio_transport", TEE_ANY, BROKER_VSOCK },
	{ "virtio_console", TEE_ANY, BROKER_SERIAL },
};

static bool is_wanted(const struct broker *broker, enum tee tee, enum broker_kind kind)
{
	return (broker->tee == TEE_ANY || tee == TEE_ANY || broker->tee == tee) &&
	       (broker->kind == BROKER_NONE || kind == BROKER_NONE || broker->kind == kind);
}

int broker_each_module(const struct broker *broker, broker_module_use *use, void *context)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules) && r == 0; i++)
		if (is_wanted(broker, modules[i].tee, modules[i].kind))
			r = use(context, modules[i].name, modules[i].tee != TEE_ANY);
	return r;
}
