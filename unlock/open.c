// SPDX-License-Identifier: GPL-2.0-or-later
#include "open.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "exitcode.h"
#include "header.h"
#include "log.h"
#include "mapping.h"
#include "scrub.h"
#include "secret.h"
#include "state.h"
#include "token.h"

struct stopwatch {
	uint64_t begin, header, secret, activated;
};

static int choose_keyslot(struct crypt_device *cd, const struct volume *volume, const char *device,
			  int *slot, struct fault *fault)
{
	*slot = token_keyslot(cd, volume->secret);
	if (*slot >= 0 || *slot == CRYPT_ANY_SLOT)
		return EXIT_OPENED;
	fault_set(fault, "the header of %s has no key slot for secret %s", device, volume->secret);
	return EXIT_HEADER;
}

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

static int explain_activate(const struct volume *volume, const char *device, int r,
			    struct fault *fault)
{
	switch (-r) {
	case EPERM:
		fault_set(fault, "wrong key: secret %s opens no key slot of %s that may be used",
			  volume->secret, device);
		return EXIT_WRONG_KEY;
	case ETXTBSY:
		log_error("%s: the header of %s asks for something that libcryptsetup does not know or "
			  "is in the middle of reencryption", volume->name, device);
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

/* The secret's whole life in this program: read, used, wiped. */
static int activate(struct crypt_device *cd, const struct volume *volume, const char *device,
		    int slot, int secrets, struct stopwatch *watch, struct fault *fault)
{
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	int r = read_secret(volume, secrets, &secret, fault);

	watch->secret = clock_us();
	if (r)
		return r;
	r = crypt_activate_by_passphrase(cd, volume->name, slot, (const char *)secret.bytes,
					 secret.size, volume_crypt_flags(volume));
	watch->activated = clock_us();
	return r < 0 ? explain_activate(volume, device, r, fault) : EXIT_OPENED;
}

static int record(struct crypt_device *cd, const struct volume *volume, const char *device,
		  int state, const struct stopwatch *watch, struct fault *fault)
{
	char dm_uuid[DM_UUID_SIZE] = "";
	struct volume_record entry = {
		.device = device,
		.luks_uuid = crypt_get_uuid(cd),
		.dm_uuid = dm_uuid,
		.header_us = watch->header - watch->begin,
		.secret_us = watch->secret - watch->header,
		.activate_us = watch->activated - watch->secret,
	};
	int r = mapping_uuid(volume->name, dm_uuid);

	if (r == 0)
		r = state_add(state, volume, &entry);
	if (r == 0)
		return EXIT_OPENED;
	fault_set(fault, "opened, but it cannot be recorded in " STATE_PATH ": %s", strerror(-r));
	return EXIT_IO;
}

int volume_open(const struct volume *volume, const char *device, int secrets, int state,
		struct fault *fault)
{
	CLEANUP(header_free) struct crypt_device *cd = NULL;
	struct stopwatch watch = { .begin = clock_us() };
	int slot, r;

	scrub_prepare();
	r = header_load(&cd, volume, device, fault);
	if (r == 0)
		r = header_check(cd, volume, device, fault);
	if (r == 0)
		r = choose_keyslot(cd, volume, device, &slot, fault);
	watch.header = clock_us();
	if (r == 0) {
		r = activate(cd, volume, device, slot, secrets, &watch, fault);
		scrub_after();
	}
	if (r == 0)
		r = record(cd, volume, device, state, &watch, fault);
	if (r == 0)
		log_info("%s: opened %s as /dev/mapper/%s with secret %s in %u ms", volume->name,
			 device, volume->name, volume->secret,
			 (unsigned int)((watch.activated - watch.begin) / US_PER_MS));
	return r;
}
