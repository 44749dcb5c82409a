// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/open.h"

#include <errno.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <string.h>
#include <unistd.h>

#include "boot/activate.h"
#include "boot/device.h"
#include "header/check.h"
#include "header/copies.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/mapping.h"
#include "lib/secret.h"
#include "root/state.h"

struct stopwatch {
	uint64_t begin, header, secret, seal, activated;
};

static int record(const struct header *header, const struct volume *volume, const char *device,
		  int state, const struct stopwatch *watch, const struct state_cookies *left,
		  struct fault *fault)
{
	struct mapping_id mapping;
	struct volume_record entry = {
		.device = device,
		.luks_uuid = crypt_get_uuid(header->cd),
		.mapping = &mapping,
		.header_us = watch->header - watch->begin,
		.secret_us = watch->secret - watch->header,
		.seal_us = watch->seal - watch->secret,
		.activate_us = watch->activated - watch->seal,
		.opened_us = watch->activated,
		.slot = header->token.slot,
		.owner = header->owner,
		.cookies = *left,
	};
	int r = mapping_find(volume->name, &mapping);

	if (r == 0)
		r = mapping_link(volume->name, &mapping);
	if (r == 0)
		r = state_add(state, volume, &entry);
	if (r == 0)
		return EXIT_OPENED;
	fault_set(fault, "opened, but cannot be recorded in " STATE_PATH ": %s", strerror(-r));
	return EXIT_IO;
}

/* A host may have put two headers together. What is read here decides nothing. */
static void tell_of_copies(const char *device)
{
	CLEANUP(close_fd) int fd = open(device, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct fault fault;

	if (fd >= 0 && copies_differ(fd, 0, &fault))
		log_warning("the header of %s: %s", device, fault.text);
}

/* Of a header that was read, the checks speak of "it". */
static int refuse(const struct header *header, const struct volume *volume, const char *device,
		  int r, struct fault *fault)
{
	if (header->step == HEADER_LOAD)
		return r;
	if (volume->header[0]) {
		fault_prefix(fault, "the header %s is refused: ", ESCAPED(slice_of(volume->header)));
		return r;
	}
	tell_of_copies(device);
	fault_prefix(fault, "the header of %s is refused: ", device);
	return r;
}

static struct header_source source_of(const struct volume *volume, const char *device)
{
	return (struct header_source){
		.name = volume->name, .file = volume->header, .device = device,
		.terms = (volume->options & VOLUME_INTEGRITY ? POLICY_INTEGRITY : 0u) |
			 (volume->header[0] ? POLICY_DETACHED : 0u),
	};
}

/* Is it the owner's, and the one that was asked for? */
static int check(struct header *header, const struct volume *volume, const char *device,
		 const struct open_terms *terms, struct secret *secret, struct stopwatch *watch,
		 struct fault *fault)
{
	const struct header_source source = source_of(volume, device);
	const struct header_wanted wanted = { volume->secret, volume, terms->anchors };
	int r = header_read(header, &source, fault);

	watch->header = clock_us();
	if (r)
		return refuse(header, volume, device, r, fault);
	r = secret_fetch(secret, terms->secrets, volume->secret, fault);
	watch->secret = clock_us();
	if (r)
		return r;
	r = header_check(header, &wanted, secret, fault);
	watch->seal = clock_us();
	return r ? refuse(header, volume, device, r, fault) : EXIT_OPENED;
}

/* dm-crypt would take a slower one for as long as the volume is open. */
static void await_ciphers(int fd)
{
	char byte;

	while (fd >= 0 && read(fd, &byte, 1) < 0 && errno == EINTR)
		;
}

/* One header is read, once: what is checked is what is used. */
int volume_open(const struct volume *volume, const char *device, const struct open_terms *terms,
		struct fault *fault)
{
	CLEANUP(header_free) struct header header = { 0 };
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	CLEANUP(close_fd) int lock = device_lock(device);
	struct stopwatch watch = { .begin = clock_us() };
	struct state_cookies left = { { 0 } };
	int r = check(&header, volume, device, terms, &secret, &watch, fault);

	if (r == 0)
		await_ciphers(terms->ciphers);
	if (r == 0)
		r = activate(&header, volume, device, &secret, &left, fault);
	watch.activated = clock_us();
	secret_wipe(&secret);
	if (r == 0)
		r = record(&header, volume, device, terms->state, &watch, &left, fault);
	if (r == 0)
		log_info("%s: opened %s as /dev/mapper/%s with secret %s in %u ms", volume->name,
			 device, volume->name, volume->secret,
			 (unsigned int)((watch.activated - watch.begin) / US_PER_MS));
	return r;
}
