/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_OWNER_H
#define COCOSECRET_OWNER_H

#include <libcryptsetup.h>
#include <stdbool.h>

#include "header/check.h"
#include "lib/guid.h"
#include "lib/secret.h"
#include "owner/header_copy.h"
#include "owner/key_file.h"
#include "owner/lock.h"
#include "owner/partition.h"
#include "owner/signing.h"

enum { OWNER_KEYS_MAX = 16, OWNER_LABEL = 256, OWNER_PATH = 32 };

/* A key, and the UUID of the secret it is; empty where it may be any. */
struct owner_key {
	char secret[GUID_TEXT_SIZE];
	const char *file;
	struct secret bytes;
};

/* The arguments of the commands on a volume. The first key is that of @secret. */
struct owner {
	const char *command;
	const char *device; /* as messages call it */
	const char *file;   /* as it was named: the device, a disk image, or a detached header */
	int fd;             /* it, open: what was looked at is what is read and written */
	char path[OWNER_PATH]; /* of that descriptor */
	struct lock lock;
	struct partition partition; /* of an image */
	struct header_copy peek;    /* libcryptsetup reads it in place of a partition */
	char label[OWNER_LABEL];
	const char *name;
	char secret[GUID_TEXT_SIZE];
	struct owner_key keys[OWNER_KEYS_MAX];
	int key_count;
	int own_count; /* the rest are those of --also */
	int token;    /* the one to remove; negative where it is that of @secret */
	int slot;     /* that went with it; negative where none did */
	bool removes; /* @secret, or @token: then each key may be that of any other token */
	bool json;
	bool force;
	bool detached;
	bool clear_rest; /* the parts of the key-slot areas that no key slot has */
	bool unchanged;  /* the change was none: all is there already */
	struct key_files files;
	struct signing signing;
};

enum owner_takes { OWNER_TAKES_NAME = 1, OWNER_TAKES_NEW_KEY = 2, OWNER_TAKES_OTHERS = 4,
		   OWNER_MAY_ASK = 8, OWNER_WRITES = 16, OWNER_TAKES_SIGN_KEY = 32,
		   OWNER_TAKES_SIGNATURE = 64, OWNER_TAKES_OWNER = 128, OWNER_TAKES_NO_KEY = 256,
		   OWNER_TAKES_JSON = 512, OWNER_REMOVES = 1024 };

/* All return exit codes; they report any fault. */
int owner_parse(struct owner *owner, int argc, char **argv, unsigned int takes);
void owner_free(struct owner *owner);

/* From here to owner_free() nobody else writes to the device. */
int owner_lock(struct owner *owner);

/* Reads the header of what the command is about and holds it against the policy. */
int owner_load_device(struct owner *owner, struct header *header);

/* Says so where the two copies of that header are not the same. */
void owner_tell_copies(const struct owner *owner);

/* Where that header is. */
struct header_place owner_place(const struct owner *owner);

/* Reads the header at @path and holds it against the policy. */
int owner_load(const struct owner *owner, const char *path, struct header *header);

/* Whether @key may be that of the token's secret. */
bool owner_key_fits(const struct owner_key *key, const struct token *token);
bool owner_key_opens(struct crypt_device *cd, const struct owner_key *key, int slot);

/*
 * Adds a key slot for the first key, by another one that opens @slot, or any. The slot's number, or
 * negative errno, reported.
 */
int owner_add_keyslot(const struct owner *owner, struct crypt_device *cd,
		      const struct owner_key *opener, int slot);

/* Whether the volume key in the token that was found, where it has one, is the volume's. */
bool owner_volume_key_holds(const struct header *header, const struct owner_key *key);

/*
 * Whether each key that has a token here sealed the header as it is, and each of --also has one.
 * The command seal shows the header where not, and takes --force for yes.
 */
int owner_vouch(const struct owner *owner, struct header *header, bool is_seal);

/*
 * Changes a copy of the header with @change, or, where that is NULL, accepts what others changed;
 * seals every token whose key is given, tries the result, and stores it.
 */
typedef int owner_change(struct owner *owner, struct crypt_device *cd);
int owner_reseal(struct owner *owner, owner_change *change);

#endif
