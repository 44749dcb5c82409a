// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/discover.h"

#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>

#include "boot/devices.h"
#include "boot/plan.h"
#include "config/cocotab.h"
#include "header/document.h"
#include "header/identity.h"
#include "header/load.h"
#include "header/token.h"
#include "lib/child.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "root/state.h"

enum {
	/* How long a disk may take to show its header; after that it does not belong to this boot. */
	LOOK_US = 10 * US_PER_S,
	/* While udev is busy with devices, which it does not report when it finds nothing in them. */
	TICK_MS = 20,
};

struct search {
	const struct discovery *discovery;
	struct volumes *volumes;
	struct volume *found; /* the child's word; memory shared with it */
	struct volume missing; /* a volume whose secret is not there: the root, or the first */
	struct fault *fault;
	int code;
	bool wants_root;
};

struct look {
	const struct search *search;
	const char *node;
};

static void unshare_volume(struct volume **volume)
{
	if (*volume != MAP_FAILED)
		munmap(*volume, sizeof(**volume));
}

/* An earlier run of this boot has unlinked the secret of what it opened. */
static bool is_open(const struct discovery *discovery, const char *name)
{
	struct mapping_id id;

	return mapping_find(name, &id) == 0 && state_knows(discovery->state, name, &id);
}

static bool propose(struct volume *volume, struct json_object *document, const struct token *token,
		    const char *node)
{
	struct fault fault;

	*volume = (struct volume){ .options = VOLUME_DISCOVERED };
	return identity_set_own_name(volume, document, token, &fault) == 0 &&
	       volume_set_device(volume, slice_of(node), &fault) == 0 &&
	       volume_set_secret(volume, slice_of(token->secret), &fault) == 0;
}

static int propose_first(const struct search *search, struct json_object *document,
			 const char *node)
{
	const struct discovery *discovery = search->discovery;
	struct volume first = { .name = "" };
	struct fault fault;
	struct token token;

	for (int id = 0; id < TOKENS_MAX; id++) {
		if (!token_json(document, id) || token_read(document, id, &token, &fault) < 0 ||
		    !propose(search->found, document, &token, node))
			continue;
		if (secret_present(discovery->secrets, token.secret) == 0 ||
		    is_open(discovery, search->found->name))
			return EXIT_OPENED;
		if (!first.name[0])
			first = *search->found;
	}
	*search->found = first;
	return EXIT_NO_SECRET;
}

/* In a child, since the header is anybody's until it was checked. */
static int look(const void *context)
{
	const struct look *work = context;
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	CLEANUP(document_free) struct json_object *document = NULL;
	struct fault fault;
	int r = header_load(&cd, work->node, work->node, &fault);

	if (r == 0)
		r = document_take(cd, &document, &fault);
	return r ? r : propose_first(work->search, document, work->node);
}

static const struct volume *find_node(const struct volumes *volumes, const char *node)
{
	for (size_t i = 0; i < volumes->count; i++)
		if (strcmp(volumes->list[i].device.value, node) == 0)
			return &volumes->list[i];
	return NULL;
}

/* Two of one name are one too many, whichever is the owner's. */
static void add(struct search *search)
{
	struct volume volume = *search->found;
	const struct volume *same = volumes_find(search->volumes, volume.name);

	if (same) {
		fault_set(search->fault, "two devices, %s and %s, have a token for the name %s; "
			  "remove one", same->device.value, volume.device.value, volume.name);
		search->code = EXIT_HEADER;
	} else if (volumes_add(search->volumes, &volume, search->fault) < 0) {
		search->code = EXIT_IO;
	} else {
		log_info("%s: found on %s by its token", volume.name, volume.device.value);
	}
}

static bool is_root(const struct search *search, const struct volume *volume)
{
	const struct volumes alone = { (struct volume *)volume, 1 };

	return volume->name[0] && plan_root(&alone, search->discovery->root);
}

/* What its token says is anybody's word: it may end a wait that could not end well, no more. */
static void miss(struct search *search)
{
	struct volume volume = *search->found;

	if (!search->missing.name[0] || (is_root(search, &volume) && !is_root(search, &search->missing)))
		search->missing = volume;
	log_info("%s is left alone: its volume %s wants secret %s, which is not there",
		 volume.device.value, volume.name, volume.secret);
}

static void device_appeared(void *context, const struct device_properties *properties)
{
	struct search *search = context;
	struct look work = { search, properties->node };
	int r;

	if (search->code || !properties->node || !properties->fs_type ||
	    strcmp(properties->fs_type, "crypto_LUKS") != 0 ||
	    find_node(search->volumes, properties->node))
		return;
	*search->found = (struct volume){ .name = "" };
	r = child_run(LOOK_US, look, &work);
	if (r == EXIT_OPENED)
		add(search);
	else if (r == EXIT_NO_SECRET && search->found->name[0])
		miss(search);
	else
		log_info("%s is left alone: %s", properties->node,
			 r < 0 ? strerror(-r) : exitcode_text(r));
}

/* An initramfs is in memory; and what was the root of this boot once stays that. */
static bool wants_root(const struct discovery *discovery)
{
	char name[VOLUME_NAME_SIZE];
	struct statfs fs;

	return state_get_root(discovery->state, name) == -ENOENT && statfs("/", &fs) == 0 &&
	       (fs.f_type == RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC);
}

static bool lacks_root(const struct search *search)
{
	return search->wants_root && !plan_root(search->volumes, search->discovery->root);
}

static bool lacks_any(const struct search *search)
{
	return search->volumes->count == 0 || lacks_root(search);
}

/*
 * The launch brought what it brought, and the root, which is there, wants another secret. An agent may
 * bring one yet, and is waited for; so is a device of which udev has still to say what it is.
 */
static bool is_hopeless(const struct search *search, const struct devices *devices)
{
	return lacks_root(search) && !search->discovery->may_come &&
	       search->missing.name[0] && is_root(search, &search->missing) &&
	       !devices_queued(devices) && !devices_unready(devices) && !devices_waiting(devices);
}

static int wait_ms(const struct search *search, uint64_t end_us)
{
	return lacks_any(search) && !search->missing.name[0] ? milliseconds_until(end_us) : TICK_MS;
}

static void wait_for_devices(struct search *search, struct devices *devices, uint64_t end_us)
{
	const struct discovery *discovery = search->discovery;

	while (!search->code && clock_us() < end_us && !is_hopeless(search, devices) &&
	       (lacks_any(search) || devices_queued(devices) || devices_waiting(devices))) {
		struct pollfd watched[] = {
			{ .fd = devices_descriptor(devices), .events = POLLIN },
			{ .fd = discovery->signals, .events = POLLIN },
		};

		if (poll(watched, 2, wait_ms(search, end_us)) < 0)
			continue;
		if (watched[0].revents)
			devices_receive(devices, device_appeared, search);
		if (watched[1].revents) {
			fault_set(search->fault, "stopped by a signal");
			search->code = EXIT_IO;
		}
	}
}

static int explain_missing(const struct search *search)
{
	const struct volume *missing = &search->missing;
	char there[SECRET_LIST];

	fault_set(search->fault, "the volume %s on %s wants secret %s, which is not there; there are: %s; "
		  "cocosecret table build UUID=KEYFILE puts a secret under its UUID", missing->name,
		  missing->device.value, missing->secret,
		  secret_list(search->discovery->secrets, there));
	return EXIT_NO_SECRET;
}

static int explain_nothing(struct search *search)
{
	if (search->missing.name[0])
		return explain_missing(search);
	fault_set(search->fault, "no volume is configured, and no LUKS2 device appeared that has a "
		  "cocosecret token for a secret that is there; enroll it with cocosecret enroll, or name "
		  "it in " COCOTAB_PATH);
	return EXIT_NO_DEVICE;
}

int discover_volumes(const struct discovery *discovery, struct volumes *volumes,
		     struct fault *fault)
{
	CLEANUP(unshare_volume) struct volume *found =
		mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CLEANUP(devices_close) struct devices devices = { 0 };
	struct search search = { .discovery = discovery, .volumes = volumes, .found = found,
				 .fault = fault, .wants_root = wants_root(discovery) };
	uint64_t end_us = clock_us() + discovery->timeout_us;
	int r = found == MAP_FAILED ? -errno : devices_listen(&devices);

	if (r >= 0)
		r = devices_enumerate(&devices, device_appeared, &search);
	if (r < 0) {
		fault_set(fault, "cannot listen to udev: %s", strerror(-r));
		return EXIT_IO;
	}
	wait_for_devices(&search, &devices, end_us);
	if (search.code || !lacks_any(&search))
		return search.code;
	if (volumes->count && !is_root(&search, &search.missing)) {
		fault_set(fault, "volume %s was found, but none that is sealed under the name root: "
			  "enroll the root with cocosecret enroll --name root, name it in " COCOTAB_PATH
			  ", or as root=/dev/mapper/NAME", volumes->list[0].name);
		return EXIT_HEADER;
	}
	return explain_nothing(&search);
}
