// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * recover VOLUME KEYFILE: what the unlocker does with a header, as it does it, but for the mapping:
 * on a machine without device-mapper it says whether the volume key is right.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "header/derive.h"
#include "header/document.h"
#include "header/load.h"
#include "header/policy.h"
#include "header/seal.h"
#include "header/volume_key.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/guid.h"
#include "lib/secret.h"

static int recover(const char *path, const char *key, struct fault *fault)
{
	CLEANUP(header_unload) struct crypt_device *cd = NULL;
	CLEANUP(document_free) struct json_object *document = NULL;
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	struct policy_layout layout;
	struct token token;
	int r = header_load(&cd, "bench", path, fault);

	if (r == 0)
		r = document_take(cd, &document, fault);
	if (r == 0)
		r = policy_check(document, 0, &layout, fault);
	if (r == 0 && secret_read(&secret, AT_FDCWD, key) < 0)
		r = EXIT_NO_SECRET;
	if (r == 0)
		r = seal_check(document, GUID_DISK_KEY, &secret, &token, fault);
	if (r == 0 && (!token.volume_key ||
		       volume_key_activate(cd, document, &token, &secret, NULL, 0) < 0))
		r = EXIT_WRONG_KEY;
	return r;
}

int main(int argc, char **argv)
{
	struct fault fault = { "" };
	int r;

	derive_settle();
	r = argc == 3 ? recover(argv[1], argv[2], &fault) : EXIT_CONFIG;

	if (r)
		fprintf(stderr, "recover: %s (%d)\n", fault.text, r);
	/* As the unlocker ends, too. */
	_exit(r);
}
