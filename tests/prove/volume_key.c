// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever a header says of a volume key, and of the salt that its wrapping hangs on: what is unwrapped
 * or wrapped has its room, as wrap.h wants it; the salt is used whole or not at all; and what is activated
 * is as long as the volume's key.
 *
 * Bound: none
 * CBMC: --unsigned-overflow-check --unwind 3
 *
 * json-c, libcryptsetup, libcrypto and Base64 are stood in for by how long what they give may be. CBMC
 * leaves out what CLEANUP() says, so this shows nothing of the keys being wiped.
 */
#include <assert.h>

#include "unlock/header/volume_key.c"

static char salt[1], uuid_text[1], token_text[1];
static size_t salt_length, text_length;
static int key_size;

size_t strlen(const char *text)
{
	return text == salt ? salt_length : text_length;
}

/* Of the slot's number, or of the purpose and the salt. */
int snprintf(char *out, size_t size, const char *format, ...)
{
	assert(__CPROVER_w_ok(out, size));
	assert(format[1] == 'd' ? size >= sizeof("2147483647") :
				  sizeof("cocosecret volume key v1 ") + salt_length <= size);
	return 0;
}

struct json_object *document_member(struct json_object *object, const char *name, enum json_type type)
{
	return object;
}

const char *document_text(struct json_object *object, const char *name)
{
	_Bool there;

	return !there ? NULL : name[0] == 's' ? salt : uuid_text;
}

struct slice slice_of(const char *text)
{
	return (struct slice){ text, text_length };
}

int guid_parse(struct slice text, char out[GUID_TEXT_SIZE])
{
	int r;

	return r;
}

int base64_decode(struct slice text, enum base64_alphabet alphabet, void *bytes, size_t size)
{
	int done;

	assert(__CPROVER_w_ok(bytes, size));
	__CPROVER_assume(done < 0 || (size_t)done <= size);
	return done;
}

void base64_encode(const void *bytes, size_t size, enum base64_alphabet alphabet, char *text)
{
	assert(__CPROVER_r_ok(bytes, size) && __CPROVER_w_ok(text, BASE64_TEXT_SIZE(size)));
}

int wrap_run(const unsigned char key[WRAP_KEY_SIZE], enum wrap_direction direction,
	     const unsigned char *in, size_t size, unsigned char *out)
{
	int r;

	assert(__CPROVER_r_ok(key, WRAP_KEY_SIZE) && __CPROVER_r_ok(in, size));
	assert(__CPROVER_w_ok(out, size + WRAP_BLOCK));
	if (size % WRAP_BLOCK || size < (direction == WRAP ? 2 : 3) * WRAP_BLOCK || r < 0)
		return -EPERM;
	return (int)(direction == WRAP ? size + WRAP_BLOCK : size - WRAP_BLOCK);
}

bool derive_key(const struct secret *secret, const char uuid[GUID_TEXT_SIZE], const char *info,
		struct derived_key *key)
{
	_Bool made;

	return made;
}

void derived_key_wipe(struct derived_key *key)
{
}

int secret_allocate(struct secret *secret, size_t capacity)
{
	int r;

	if (r < 0)
		return r;
	*secret = (struct secret){ .bytes = malloc(capacity), .capacity = capacity };
	__CPROVER_assume(secret->bytes);
	return 0;
}

void secret_wipe(struct secret *secret)
{
}

int crypt_get_volume_key_size(struct crypt_device *cd)
{
	return key_size;
}

int crypt_volume_key_get(struct crypt_device *cd, int slot, char *bytes, size_t *size,
			 const char *passphrase, size_t length)
{
	int r;

	assert(__CPROVER_w_ok(bytes, *size));
	return r;
}

int crypt_activate_by_volume_key(struct crypt_device *cd, const char *name, const char *bytes, size_t size,
				 uint32_t flags)
{
	assert(key_size > 0 && size == (size_t)key_size && __CPROVER_r_ok(bytes, size));
	return 0;
}

int main(void)
{
	struct token token = { .volume_key = token_text };
	char text[VOLUME_KEY_TEXT_SIZE];
	struct secret secret;
	uint32_t flags;
	int slot;

	__CPROVER_havoc_object(&salt_length);
	__CPROVER_havoc_object(&text_length);
	__CPROVER_havoc_object(&key_size);
	__CPROVER_assume(salt_length < SIZE_MAX / 2);
	volume_key_wrap(NULL, NULL, slot, &secret, text);
	volume_key_activate(NULL, NULL, &token, &secret, "root", flags);
	return 0;
}
