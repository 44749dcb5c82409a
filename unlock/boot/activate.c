// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/activate.h"

#include <errno.h>
#include <libcryptsetup.h>
#include <string.h>
#include <unistd.h>

#include "boot/settle.h"
#include "header/volume_key.h"
#include "lib/exitcode.h"
#include "lib/log.h"

/* An image has dm-integrity only where it knows of a volume that wants it. */
static bool lacks_integrity(struct crypt_device *cd)
{
	struct crypt_params_integrity integrity;

	return crypt_get_integrity_info(cd, &integrity) == 0 && integrity.tag_size > 0 &&
	       access("/sys/module/dm_integrity", F_OK) < 0;
}

static int explain(struct crypt_device *cd, const struct volume *volume, const char *device, int r,
		   struct fault *fault)
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

/* -EPERM: there is none in the token, or not this volume's. */
static int activate_by_token(const struct header *header, const struct volume *volume,
			     const struct secret *secret)
{
	const struct token *token = &header->token;
	int r;

	if (!token->volume_key || volume->options & VOLUME_UNSEALED)
		return -EPERM;
	r = volume_key_activate(header->cd, header->document, token, secret, volume->name,
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

int activate(const struct header *header, const struct volume *volume, const char *device,
	     const struct secret *secret, struct state_cookies *left, struct fault *fault)
{
	int r;

	/* In this process's keyring the key would end with it, and a later resize asks for it there. */
	crypt_volume_key_keyring(header->cd, 0);
	settle_begin(volume->name);
	r = activate_by_token(header, volume, secret);
	if (r == -EPERM)
		r = activate_by_slot(header->cd, volume, header->token.slot, secret);
	settle_end(left);
	return r < 0 ? explain(header->cd, volume, device, r, fault) : EXIT_OPENED;
}
