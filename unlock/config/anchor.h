/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_ANCHOR_H
#define COCOSECRET_ANCHOR_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/text.h"

#define ANCHOR_FOLDER "/etc/cocosecret/owner.d"

/* An owner has one, two while it is replaced; a fleet may have several owners. */
enum { ANCHORS_MAX = 8, ANCHOR_SIZE = 32 };

/* An owner's public key, for Ed25519 (RFC 8032). */
struct anchor {
	unsigned char bytes[ANCHOR_SIZE];
};

/*
 * Whose signature a header must carry, out of what was measured: the image and the command line.
 * Without any, none is looked for.
 */
struct anchors {
	bool unwanted; /* said so in words: rd.cocosecret.owner=none */
	size_t count;
	struct anchor list[ANCHORS_MAX];
};

bool anchors_have(const struct anchors *anchors, const struct anchor *anchor);

/* A public key in PEM, as openssl pkey -pubout writes it. */
enum { ANCHOR_PEM_SIZE = 128 };
void anchor_pem(const struct anchor *anchor, char pem[ANCHOR_PEM_SIZE]);

/* The base64url text of a key, or "none". Negative, with the reason in @fault. */
int anchors_add_text(struct anchors *anchors, struct slice text, struct fault *fault);

/* All public keys of a file in PEM (RFC 7468); it must hold one. @name is for the message. */
int anchors_add_pem(struct anchors *anchors, struct slice pem, const char *name,
		    struct fault *fault);
int anchors_add_file(struct anchors *anchors, const char *path, struct fault *fault);

/* Those of each *.pem in a folder, which need not be there; it holds nothing else but dot files. */
int anchors_add_folder(struct anchors *anchors, const char *folder, struct fault *fault);

#endif
