// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/volume_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "header/derive.h"
#include "header/wrap.h"
#include "lib/base64.h"
#include "lib/cleanup.h"

/* Of a key slot, in Base64; cryptsetup makes 44 characters. */
enum { SALT_MAX = 512 };

static const char *find_salt(struct json_object *document, int slot)
{
	struct json_object *metadata = document_member(document, "metadata", json_type_object);
	struct json_object *slots = document_member(metadata, "keyslots", json_type_object);
	char id[16];

	snprintf(id, sizeof(id), "%d", slot);
	return document_text(document_member(document_member(slots, id, json_type_object), "kdf",
					     json_type_object), "salt");
}

static int derive(struct json_object *document, int slot, const struct secret *secret,
		  struct derived_key *key)
{
	static const char purpose[] = "cocosecret volume key v1 ";
	const char *salt = find_salt(document, slot), *text = document_text(document, "uuid");
	char info[sizeof(purpose) + SALT_MAX], uuid[GUID_TEXT_SIZE];

	if (!salt || strlen(salt) > SALT_MAX || !text || guid_parse(slice_of(text), uuid) < 0)
		return -EINVAL;
	snprintf(info, sizeof(info), "%s%s", purpose, salt);
	return derive_key(secret, uuid, info, key) ? 0 : -ENOMEM;
}

static int get_volume_key(struct crypt_device *cd, int slot, const struct secret *secret,
			  struct secret *volume_key)
{
	int size = crypt_get_volume_key_size(cd), r;

	if (size < 2 * WRAP_BLOCK || size > VOLUME_KEY_MAX || size % WRAP_BLOCK)
		return -ENOTSUP;
	r = secret_allocate(volume_key, VOLUME_KEY_MAX);
	if (r < 0)
		return r;
	volume_key->size = (size_t)size;
	r = crypt_volume_key_get(cd, slot, (char *)volume_key->bytes, &volume_key->size,
				 (const char *)secret->bytes, secret->size);
	return r < 0 ? r : 0;
}

int volume_key_wrap(struct crypt_device *cd, struct json_object *document, int slot,
		    const struct secret *secret, char text[VOLUME_KEY_TEXT_SIZE])
{
	CLEANUP(secret_wipe) struct secret volume_key = { 0 };
	CLEANUP(derived_key_wipe) struct derived_key key = { { 0 } };
	unsigned char wrapped[VOLUME_KEY_MAX + WRAP_BLOCK];
	int r = get_volume_key(cd, slot, secret, &volume_key);

	if (r == 0)
		r = derive(document, slot, secret, &key);
	if (r == 0)
		r = wrap_run(key.bytes, WRAP, volume_key.bytes, volume_key.size, wrapped);
	if (r < 0)
		return r;
	base64_encode(wrapped, (size_t)r, BASE64, text);
	return 0;
}

static int unwrap(struct json_object *document, const struct token *token,
		  const struct secret *secret, struct secret *volume_key)
{
	CLEANUP(derived_key_wipe) struct derived_key key = { { 0 } };
	unsigned char wrapped[VOLUME_KEY_MAX + WRAP_BLOCK];
	int size = base64_decode(slice_of(token->volume_key), BASE64, wrapped, sizeof(wrapped));
	int r;

	if (size < 0)
		return -EPERM;
	r = derive(document, token->slot, secret, &key);
	if (r == 0)
		r = secret_allocate(volume_key, sizeof(wrapped) + WRAP_BLOCK);
	if (r < 0)
		return r;
	r = wrap_run(key.bytes, UNWRAP, wrapped, (size_t)size, volume_key->bytes);
	volume_key->size = r < 0 ? 0 : (size_t)r;
	return r < 0 ? r : 0;
}

int volume_key_activate(struct crypt_device *cd, struct json_object *document,
			const struct token *token, const struct secret *secret, const char *name,
			uint32_t flags)
{
	CLEANUP(secret_wipe) struct secret volume_key = { 0 };
	int r = unwrap(document, token, secret, &volume_key);

	if (r == 0 && volume_key.size != (size_t)crypt_get_volume_key_size(cd))
		r = -EPERM;
	if (r == 0)
		r = crypt_activate_by_volume_key(cd, name, (const char *)volume_key.bytes,
						 volume_key.size, flags);
	return r;
}
