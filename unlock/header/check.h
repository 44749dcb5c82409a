/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose header is it? The one way in for all programs: what is loaded once is held against the
 * policy, which knows no secret; then, where an owner's public key is known, his signature must be
 * good; then the secret says whether its owner sealed it; then the seal's words say whether it is
 * the volume that was asked for. Two calls, since a secret is to be read only for a header whose
 * form is harmless.
 */
#ifndef COCOSECRET_CHECK_H
#define COCOSECRET_CHECK_H

#include "config/anchor.h"
#include "config/volume.h"
#include "header/document.h"
#include "header/policy.h"
#include "header/signature.h"
#include "header/token.h"
#include "lib/secret.h"

/* In their order. */
enum header_step {
	HEADER_LOAD,
	HEADER_FORM, /* the document, and the policy */
	HEADER_SIGNATURE,
	HEADER_SEAL,
	HEADER_IDENTITY,
};

struct header {
	struct crypt_device *cd;      /* NULL where it is somebody else's */
	struct json_object *document; /* what it holds: all is decided on this */
	struct policy_layout layout;
	struct token token;    /* whose seal was good; of an unsealed volume, what the header says */
	char owner[SIGNATURE_KEY_TEXT_SIZE]; /* who signed it, as rd.cocosecret.owner= has it; or empty */
	enum header_step step; /* the last one that was begun: where a call fails, this one refused */
};

/* Where a header is, and what must hold of it besides; see policy.h. */
struct header_source {
	const char *name;   /* for messages of libcryptsetup's */
	const char *file;   /* of a detached header; empty where it is on the device */
	const char *device;
	unsigned int terms;
};

/* Reads it, and takes a form that is harmless only. An exit code, with the reason in @fault. */
int header_read(struct header *header, const struct header_source *source, struct fault *fault);

/* The same of what another program's libcryptsetup has loaded: @cd stays its own. */
int header_take(struct header *header, struct crypt_device *cd, unsigned int terms,
		struct fault *fault);

/* What must come out. */
struct header_wanted {
	const char *secret;            /* the UUID of the one that it is sealed with */
	const struct volume *volume;   /* NULL is any, as where nobody can tell which was asked for */
	const struct anchors *anchors; /* NULL where no signature is looked for */
};

/*
 * After one of these: whether one of its anchors signed it, whether its owner sealed it with @secret,
 * and whether it is what is wanted. Fills in the token.
 */
int header_check(struct header *header, const struct header_wanted *wanted,
		 const struct secret *secret, struct fault *fault);

void header_free(struct header *header);

#endif
