// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/pins.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

/* A piece of PEM, undone. */
struct block {
	char *name, *header;
	unsigned char *bytes;
	long size;
};

static void free_block(struct block *block)
{
	OPENSSL_free(block->name);
	OPENSSL_free(block->header);
	OPENSSL_free(block->bytes);
}

static void free_bio(BIO **bio)
{
	BIO_free(*bio);
}

static void free_pin(struct pin *pin)
{
	EVP_PKEY_free(pin->key);
	X509_free(pin->certificate);
}

/* All of the bytes, or there is something else in them. */
static bool decode(const struct block *block, struct pin *pin)
{
	const unsigned char *at = block->bytes;

	if (strcmp(block->name, PEM_STRING_PUBLIC) == 0) {
		pin->key = d2i_PUBKEY(NULL, &at, block->size);
	} else {
		pin->certificate = d2i_X509(NULL, &at, block->size);
		pin->key = pin->certificate ? X509_get_pubkey(pin->certificate) : NULL;
	}
	return pin->key && at == block->bytes + block->size;
}

static int add(struct pins *pins, const struct block *block, struct fault *fault)
{
	struct pin pin = { 0 };

	if (strstr(block->name, "PRIVATE KEY"))
		return fault_set(fault, "holds a private key, which stays with the broker");
	if (strcmp(block->name, PEM_STRING_X509) != 0 && strcmp(block->name, PEM_STRING_PUBLIC) != 0)
		return fault_set(fault, "holds \"%s\", which is neither CERTIFICATE nor PUBLIC KEY",
				 ESCAPED(slice_of(block->name)));
	if (pins->count == PINS_MAX)
		return fault_set(fault, "holds more than %d certificates and keys", PINS_MAX);
	if (decode(block, &pin)) {
		pins->list[pins->count++] = pin;
		return 0;
	}
	free_pin(&pin);
	return fault_set(fault, "holds a %s that libcrypto cannot read", block->name);
}

/* 1; 0 at the end. */
static int read_block(BIO *bio, struct block *block, struct fault *fault)
{
	if (PEM_read_bio(bio, &block->name, &block->header, &block->bytes, &block->size))
		return 1;
	if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
		return 0;
	return fault_set(fault, "holds PEM that is cut or damaged");
}

static int read_all(struct pins *pins, struct slice pem, struct fault *fault)
{
	CLEANUP(free_bio) BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.length);
	int r = bio ? 1 : -ENOMEM;

	while (r > 0) {
		CLEANUP(free_block) struct block block = { 0 };

		r = read_block(bio, &block, fault);
		if (r > 0 && add(pins, &block, fault) < 0)
			r = -EINVAL;
	}
	ERR_clear_error();
	if (r == 0 && pins->count == 0)
		r = fault_set(fault, "holds no certificate and no public key in PEM");
	return r;
}

int pins_read(const char *path, struct pins *pins, struct fault *fault)
{
	CLEANUP(free_text) char *text = NULL;
	size_t length;
	int r = file_read(path, &text, &length);

	*pins = (struct pins){ 0 };
	if (r == -ENOENT)
		return fault_set(fault, "there is no %s, by which the broker's server would be known behind "
				 "https://: put its certificate, its public key or its CA's certificate there "
				 "in PEM, before the image is made", path);
	if (r < 0)
		return fault_set(fault, "%s: %s", path, strerror(-r));
	if (read_all(pins, (struct slice){ text, length }, fault) < 0)
		return fault_prefix(fault, "%s: ", path);
	return 0;
}

bool pins_have(const struct pins *pins, const EVP_PKEY *key)
{
	for (size_t i = 0; key && i < pins->count; i++)
		if (EVP_PKEY_eq(pins->list[i].key, key) == 1)
			return true;
	return false;
}

void pins_free(struct pins *pins)
{
	for (size_t i = 0; i < pins->count; i++)
		free_pin(&pins->list[i]);
	*pins = (struct pins){ 0 };
}

int pins_beside(const char *broker_file, const struct broker *broker, struct fault *fault)
{
	CLEANUP(pins_free) struct pins pins = { 0 };
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s" PINS_SUFFIX, broker_file) >= sizeof(path))
		return fault_set(fault, "%s: %s", broker_file, strerror(ENAMETOOLONG));
	if (!broker->has_tls && access(path, F_OK) < 0)
		return 0;
	return pins_read(path, &pins, fault) < 0 ? -EINVAL : 1;
}
