/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_PINS_H
#define COCOSECRET_PINS_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/broker.h"

/* By what a broker's server is known behind https://: PEM in the image, beside the broker's file. */
#define PINS_SUFFIX ".pem"
#define PINS_FILE BROKER_FILE PINS_SUFFIX

enum { PINS_MAX = 16 };

struct pin {
	EVP_PKEY *key;     /* the server's, whatever its certificate says; or its CA's */
	X509 *certificate; /* or NULL: the key alone */
};

struct pins {
	struct pin list[PINS_MAX];
	size_t count;
};

/* One or more. Negative, with the reason in @fault; pins_free() in any case. */
int pins_read(const char *path, struct pins *pins, struct fault *fault);
bool pins_have(const struct pins *pins, const EVP_PKEY *key);
void pins_free(struct pins *pins);

/*
 * Of the image that is made with a broker's file: 1 where pins are beside it, so that the image is to
 * have TLS, or 0. Negative, with the reason in @fault, where they are wrong, or missing with https://.
 */
int pins_beside(const char *broker_file, const struct broker *broker, struct fault *fault);

#endif
