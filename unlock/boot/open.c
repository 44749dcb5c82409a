// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/open.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "boot/device.h"
#include "boot/settle.h"
#include "boot/warm.h"
#include "header/copies.h"
#include "header/document.h"
#include "header/identity.h"
#include "header/load.h"
#include "header/policy.h"
#include "header/seal.h"
#include "header/token.h"
#include "header/volume_key.h"
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

static int read_secret(const struct volume *volume, int secrets, struct secret *secret,
		       struct fault *fault)
{
	int r = secret_read(secret, secrets, volume->secret);

	if (r == 0 && secret->size > 0)
		return EXIT_OPENED;
	fault_set(fault, "secret %s cannot be read: %s", volume->secret,
		  r < 0 ? strerror(-r) : "it is empty");
	return r == 0 || r == -ENOENT ? EXIT_NO_SECRET : EXIT_IO;
}

/* An image has dm-integrity only where it knows of a volume that wants it. */
static bool lacks_integrity(struct crypt_device *cd)
{
	struct crypt_params_integrity integrity;

	return crypt_get_integrity_info(cd, &integrity) == 0 && integrity.tag_size > 0 &&
	       access("/sys/module/dm_integrity", F_OK) < 0;
}

static int explain_activate(struct crypt_device *cd, const struct volume *volume,
			    const char *device, int r, struct fault *fault)
{
	if (r != -EPERM && lacks_integrity(cd)) {
		fault_set(fault, "%s has integrity, and dm-integrity is not in this image: name the "
			  "volume with the option integrity in cocotab and make the image again",
			  device);
		return EXIT_IO;
	}
	switch (-r) {
	case EPERM:
		fault_set(fault, "wrong key: secret %s opens no key slot of %s that may be used",
			  volume->secret, device);
		return EXIT_WRONG_KEY;
	case ETXTBSY:
		fault_set(fault, "the header of %s asks for something that libcryptsetup does not know "
			  "or is in the middle of reencryption", device);
		return EXIT_HEADER;
	case EEXIST:
		fault_set(fault, "a mapping of that name is active already");
		return EXIT_IO;
	case EBUSY:
		fault_set(fault, "%s is in use", device);
		return EXIT_IO;
	case ENOENT:
	case ENOTSUP:
		fault_set(fault, "%s cannot be mapped: %s; are dm-crypt and the cipher's modules "
			  "in the image?", device, strerror(-r));
		return EXIT_IO;
	default:
		fault_set(fault, "%s cannot be mapped: %s", device, strerror(-r));
		return EXIT_IO;
	}
}

/* Without a seal, the header itself says which key slot is for the secret; any, if it says nothing. */
static int choose_unsealed(struct json_object *document, const struct volume *volume,
			   struct token *token, struct fault *fault)
{
	int id = token_find(document, volume->secret, 0);

	token->slot = CRYPT_ANY_SLOT;
	if (id < 0)
		return EXIT_OPENED;
	return token_read(document, id, token, fault) < 0 ? EXIT_HEADER : EXIT_OPENED;
}

/* -EPERM: there is none in the token, or not this volume's. */
static int activate_by_token(struct crypt_device *cd, struct json_object *document,
			     const struct volume *volume, const struct token *token,
			     const struct secret *secret)
{
	int r;

	if (!token->volume_key || volume->options & VOLUME_UNSEALED)
		return -EPERM;
	r = volume_key_activate(cd, document, token, secret, volume->name,
				volume_crypt_flags(volume));
	if (r == -EPERM)
		log_warning("%s: the volume key in token %d is not this volume's, so its key slot is "
			    "used; run cocosecret seal", volume->name, token->id);
	return r;
}

/* The flags that a header carries were chosen by whoever wrote it: an owner only where it is sealed. */
static int activate_by_slot(struct crypt_device *cd, const struct volume *volume, int slot,
			    const struct secret *secret)
{
	uint32_t flags = volume_crypt_flags(volume);

	if (volume->options & VOLUME_UNSEALED)
		flags |= CRYPT_ACTIVATE_IGNORE_PERSISTENT;
	return crypt_activate_by_passphrase(cd, volume->name, slot, (const char *)secret->bytes,
					    secret->size, flags);
}

static int activate(struct crypt_device *cd, struct json_object *document,
		    const struct volume *volume, const char *device, const struct token *token,
		    const struct secret *secret, struct state_cookies *left, struct fault *fault)
{
	int r;

	settle_begin(volume->name);
	r = activate_by_token(cd, document, volume, token, secret);
	if (r == -EPERM)
		r = activate_by_slot(cd, volume, token->slot, secret);
	settle_end(left);
	return r < 0 ? explain_activate(cd, volume, device, r, fault) : EXIT_OPENED;
}

static int record(struct crypt_device *cd, const struct volume *volume, const char *device,
		  const struct token *token, int state, const struct stopwatch *watch,
		  const struct state_cookies *left, struct fault *fault)
{
	struct mapping_id mapping;
	struct volume_record entry = {
		.device = device,
		.luks_uuid = crypt_get_uuid(cd),
		.mapping = &mapping,
		.header_us = watch->header - watch->begin,
		.secret_us = watch->secret - watch->header,
		.seal_us = watch->seal - watch->secret,
		.activate_us = watch->activated - watch->seal,
		.opened_us = watch->activated,
		.slot = token->slot,
		.cookies = *left,
	};
	int r = mapping_find(volume->name, &mapping);

	if (r == 0)
		r = mapping_link(volume->name, &mapping);
	if (r == 0)
		r = state_add(state, volume, &entry);
	if (r == 0)
		return EXIT_OPENED;
	fault_set(fault, "opened, but it cannot be recorded in " STATE_PATH ": %s", strerror(-r));
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

/* The checks below speak of "it". */
static int refuse(const struct volume *volume, const char *device, int r, struct fault *fault)
{
	if (volume->header[0]) {
		fault_prefix(fault, "the header %s is refused: ", ESCAPED(slice_of(volume->header)));
		return r;
	}
	tell_of_copies(device);
	fault_prefix(fault, "the header of %s is refused: ", device);
	return r;
}

static unsigned int policy_terms(const struct volume *volume)
{
	return (volume->options & VOLUME_INTEGRITY ? POLICY_INTEGRITY : 0u) |
	       (volume->header[0] ? POLICY_DETACHED : 0u);
}

/*
 * One crypt_device, and one document taken from it: what is checked is what is used. Nothing else
 * in this program activates a volume.
 */
int volume_open(const struct volume *volume, const char *device, int secrets, int state,
		struct fault *fault)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	CLEANUP(document_free) struct json_object *document = NULL;
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	CLEANUP(close_fd) int lock = device_lock(device);
	struct stopwatch watch = { .begin = clock_us() };
	struct policy_layout layout;
	struct token token = { 0 };
	struct state_cookies left = { { 0 } };
	int r;

	warm_start();
	r = header_load_detached(&cd, volume->name, volume->header, device, fault);
	if (r)
		return r;
	r = document_take(cd, &document, fault);
	if (r == 0)
		r = policy_check(document, policy_terms(volume), &layout, fault);
	if (r)
		return refuse(volume, device, r, fault);
	watch.header = clock_us();

	warm_finish();
	r = read_secret(volume, secrets, &secret, fault);
	watch.secret = clock_us();
	if (r)
		return r;
	if (volume->options & VOLUME_UNSEALED)
		r = choose_unsealed(document, volume, &token, fault);
	else
		r = seal_check(document, volume->secret, &secret, NULL, &token, fault);
	if (r == 0)
		r = identity_check(document, &token, volume, fault);
	watch.seal = clock_us();
	if (r)
		r = refuse(volume, device, r, fault);
	else
		r = activate(cd, document, volume, device, &token, &secret, &left, fault);
	watch.activated = clock_us();
	secret_wipe(&secret);

	if (r == 0)
		r = record(cd, volume, device, &token, state, &watch, &left, fault);
	if (r == 0)
		log_info("%s: opened %s as /dev/mapper/%s with secret %s in %u ms", volume->name,
			 device, volume->name, volume->secret,
			 (unsigned int)((watch.activated - watch.begin) / US_PER_MS));
	return r;
}
