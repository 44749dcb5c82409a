// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/bring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/courier.h"
#include "agent/deliver.h"
#include "agent/evidence.h"
#include "agent/network.h"
#include "agent/session.h"
#include "agent/stop.h"
#include "boot/agent.h"
#include "config/config.h"
#include "generator/host.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "root/state.h"

struct wanted {
	char uuid[GUID_TEXT_SIZE];
	bool may_lack;  /* all of its volumes are nofail */
	bool delivered; /* by this run */
};

struct errand {
	struct config config;
	struct wanted list[VOLUMES_MAX];
	size_t count;
	int folder;
	struct network network;
	struct tls *tls; /* NULL without https:// */
	struct courier courier;
	struct session session;
};

static int load_config(struct errand *errand, const struct run_arguments *arguments,
		       struct fault *fault)
{
	const char *cmdline = arguments->cmdline ? arguments->cmdline : CMDLINE_PATH;
	struct config *config = &errand->config;

	if (config_load(cmdline, arguments->cocotab, config, fault) < 0 ||
	    (!config->off && config_complete_broker(&config->broker, fault) < 0))
		return EXIT_CONFIG;
	return EXIT_OPENED;
}

static int refuse(struct fault *fault, const char *why)
{
	fault_set(fault, "%s", why);
	return EXIT_CONFIG;
}

/* Neither network nor JWE say who the broker is: anybody can encrypt to this machine's key. */
static int check_config(const struct config *config, struct fault *fault)
{
	if (config->source != SOURCE_RUN)
		return refuse(fault, "rd.cocosecret.kbs=, but not rd.cocosecret.source=run: the secrets would "
			      "be brought, and nobody would take them");
	if (config->anchors.count == 0)
		return refuse(fault, "rd.cocosecret.kbs= without the owner's key: whoever impersonates the "
			      "broker could bring a secret of his own, and the host a disk to match; put the "
			      "key into " ANCHOR_FOLDER "/NAME.pem before the image is made, or say "
			      "rd.cocosecret.owner=KEY");
	return EXIT_OPENED;
}

static void want(struct errand *errand, const char *uuid, bool may_lack)
{
	for (size_t i = 0; i < errand->count; i++)
		if (strcmp(errand->list[i].uuid, uuid) == 0) {
			errand->list[i].may_lack &= may_lack;
			return;
		}
	memcpy(errand->list[errand->count].uuid, uuid, GUID_TEXT_SIZE);
	errand->list[errand->count++].may_lack = may_lack;
}

/* Without volumes the tokens decide; the broker cannot be asked for what is not known yet. */
static void want_all(struct errand *errand)
{
	const struct volumes *volumes = &errand->config.volumes;

	for (size_t i = 0; i < volumes->count; i++)
		want(errand, volumes->list[i].secret, volumes->list[i].options & VOLUME_NOFAIL);
	if (volumes->count == 0)
		want(errand, GUID_DISK_KEY, false);
}

static bool has_all(const struct errand *errand)
{
	for (size_t i = 0; i < errand->count; i++)
		if (secret_present(errand->folder, errand->list[i].uuid) < 0)
			return false;
	return true;
}

/* From here on nothing that this process holds is written to a disk. */
static int lock_memory(struct fault *fault)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0 && jwe_lock_memory())
		return EXIT_OPENED;
	fault_set(fault, "memory cannot be locked: %s", strerror(errno));
	return EXIT_IO;
}

static int set_up_network(struct errand *errand, uint64_t deadline_us, struct fault *fault)
{
	const struct broker *broker = &errand->config.broker;

	if (broker->kind != BROKER_HTTP || !broker->network.family)
		return EXIT_OPENED;
	return network_up(&errand->network, &broker->network, deadline_us, fault);
}

static int begin(struct errand *errand, uint64_t deadline_us, struct fault *fault)
{
	struct session *session = &errand->session;
	int r;

	session->tee = evidence_tee(errand->config.broker.tee, fault);
	if (!session->tee)
		return EXIT_NO_SECRET;
	r = set_up_network(errand, deadline_us, fault);
	if (r)
		return r;
	r = courier_start(&errand->courier, &errand->config.broker, errand->tls, deadline_us);
	if (r < 0) {
		fault_set(fault, "no process for the network: %s", strerror(-r));
		return EXIT_IO;
	}
	session->broker = &errand->config.broker;
	session->courier = &errand->courier;
	session->deadline_us = deadline_us;
	r = lock_memory(fault);
	if (r)
		return r;
	stop_hold(jwe_wipe_memory);
	return session_open(session, fault);
}

static int fetch(struct errand *errand, struct wanted *wanted, struct fault *fault)
{
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	int r, code = session_fetch(&errand->session, wanted->uuid, &secret, fault);

	if (code)
		return code;
	r = deliver(errand->folder, wanted->uuid, &secret);
	wanted->delivered = r == 0;
	if (r == 0)
		return EXIT_OPENED;
	fault_set(fault, SOURCE_RUN_PATH "/%s: %s", wanted->uuid, strerror(-r));
	return EXIT_IO;
}

static int fetch_all(struct errand *errand, struct fault *fault)
{
	int code = EXIT_OPENED;

	for (size_t i = 0; i < errand->count && !code; i++) {
		struct wanted *wanted = &errand->list[i];

		if (secret_present(errand->folder, wanted->uuid) == 0)
			continue;
		code = fetch(errand, wanted, fault);
		if (code != EXIT_NO_SECRET || !wanted->may_lack)
			continue;
		log_warning("agent: %s; its volumes are nofail", fault->text);
		code = EXIT_OPENED;
	}
	return code;
}

/* What this run brought: nobody would take it. */
static void take_back(struct errand *errand)
{
	for (size_t i = 0; i < errand->count; i++)
		if (errand->list[i].delivered)
			secret_unlink(errand->folder, errand->list[i].uuid);
}

/* For people; nothing secret is in it. */
static void record(const struct errand *errand, int state, uint64_t begin_us, int code)
{
	char url[BROKER_URL_SIZE];
	struct agent_record record = { .broker = url, .tee = errand->session.tee, .begin_us = begin_us,
				       .end_us = clock_us(), .proved_us = errand->session.proved_us,
				       .exit_status = code };
	int r;

	broker_url(&errand->config.broker, url);
	for (size_t i = 0; i < errand->count && !code; i++)
		record.secrets += errand->list[i].delivered;
	r = state_add_agent(state, &record);
	if (r < 0)
		log_warning(STATE_PATH "/agent.json: %s", strerror(-r));
}

static int bring(struct errand *errand, int state, struct fault *fault)
{
	uint64_t begin_us = clock_us();
	int code = begin(errand, begin_us + (uint64_t)errand->config.timeout_s * US_PER_S, fault);

	if (!code)
		code = fetch_all(errand, fault);
	if (code)
		take_back(errand);
	else
		log_info("agent: the broker gave what was asked of it in %llu ms, to %s",
			 (unsigned long long)((clock_us() - begin_us) / US_PER_MS), errand->session.tee);
	record(errand, state, begin_us, code);
	return code;
}

static int run(struct errand *errand, struct fault *fault)
{
	CLEANUP(close_fd) int state = -1;
	int code = host_check(fault);

	if (code)
		return code;
	alarm(agent_limit_s(errand->config.timeout_s)); /* what then still stands is to end */
	/* Who is first makes it: cocosecret-unlock may start later. */
	state = state_open(STATE_PATH);
	if (state < 0) {
		fault_set(fault, STATE_PATH ": %s", strerror(-state));
		return EXIT_IO;
	}
	errand->folder = agent_open_secrets(fault);
	if (errand->folder < 0)
		return EXIT_NO_SECRET;
	want_all(errand);
	if (!has_all(errand))
		return bring(errand, state, fault);
	log_info("agent: the secrets are there already");
	return EXIT_OPENED;
}

static void end(struct errand *errand)
{
	session_close(&errand->session);
	courier_end(&errand->courier);
	network_down(&errand->network);
	close_fd(&errand->folder);
	config_free(&errand->config);
}

int bring_secrets(const struct run_arguments *arguments, char **argv)
{
	CLEANUP(end) struct errand errand = {
		.folder = -1,
		.courier = { .child = { .pidfd = -1 }, .fd = -1 },
	};
	struct fault fault;
	int code = load_config(&errand, arguments, &fault);

	if (!code && (errand.config.off || errand.config.broker.kind == BROKER_NONE)) {
		log_info("agent: %s", errand.config.off ? "off by rd.cocosecret=0" :
			 "no rd.cocosecret.kbs=, so there is no broker to ask");
		return EXIT_OPENED;
	}
	if (!code)
		code = check_config(&errand.config, &fault);
	if (!code && errand.config.broker.has_tls)
		code = tls_prepare(&errand.tls, errand.config.broker.host, argv, &fault);
	if (!code)
		code = run(&errand, &fault);
	if (code)
		log_error("agent: %s (exit %d)", fault.text, code);
	return code;
}
