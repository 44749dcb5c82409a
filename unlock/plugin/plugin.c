// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libcryptsetup's token plugin for tokens of type cocosecret. It lives in somebody else's process:
 * it changes nothing there, starts nothing, waits for nothing, and speaks through crypt_log only.
 */
#include "plugin/plugin.h"

#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "header/check.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/secret.h"
#include "lib/source.h"

/*
 * What libcryptsetup does next: after -ENOENT and -EAGAIN it tries the next token, and it makes
 * -ENOENT of -EINVAL and -EPERM; with any other error it is done with the header's tokens.
 */
enum {
	NEXT_TOKEN = -ENOENT,
	NO_SECRET = -EAGAIN,
	REFUSED = -EKEYREJECTED,
	FAILED = -EIO,
};

/* crypt_logf ends a line by itself where it is an error or a verbose one. */
static int refuse(struct crypt_device *cd, int code, const struct fault *fault)
{
	const char *device = crypt_get_device_name(cd);

	if (!device)
		device = "the device";
	if (code == EXIT_IO || code == EXIT_CONFIG)
		crypt_logf(cd, CRYPT_LOG_ERROR, "cocosecret: %s: %s", device, fault->text);
	else
		crypt_logf(cd, CRYPT_LOG_ERROR, "cocosecret: the header of %s is refused: %s", device,
			   fault->text);
	return code == EXIT_IO ? FAILED : REFUSED;
}

/* A machine that has no such secret is none that was to open it: nothing is wrong with the header. */
static int find_folder(struct crypt_device *cd, const char *uuid)
{
	int folder = source_find(uuid);

	if (folder >= 0)
		return folder;
	if (folder == -ENOENT || folder == -EACCES) {
		crypt_logf(cd, CRYPT_LOG_VERBOSE, "cocosecret: secret %s is not here", uuid);
		return NO_SECRET;
	}
	crypt_logf(cd, CRYPT_LOG_ERROR, "cocosecret: %s must be a ramfs that root owns, of mode 0700",
		   SOURCE_RUN_PATH);
	return FAILED;
}

/* With cryptsetup's --header, or header= in crypttab. */
static unsigned int policy_terms(struct crypt_device *cd)
{
	const char *data = crypt_get_device_name(cd);
	const char *header = crypt_get_metadata_device_name(cd);

	return data && header && strcmp(data, header) != 0 ? POLICY_DETACHED : 0u;
}

/*
 * The same checks, by the same code, as at boot: but which volume was asked for is not known here.
 * A header whose form is bad is refused before the secret is read.
 */
static int check(struct crypt_device *cd, int id, int folder, const char *uuid, struct secret *secret)
{
	CLEANUP(header_free) struct header header = { 0 };
	struct anchors anchors = { 0 };
	const struct header_wanted wanted = { .secret = uuid, .anchors = &anchors };
	struct fault fault;
	int r;

	if (config_anchors(&anchors, &fault) < 0)
		return refuse(cd, EXIT_CONFIG, &fault);
	r = header_take(&header, cd, policy_terms(cd), &fault);

	if (r)
		return refuse(cd, r, &fault);
	if (secret_fetch(secret, folder, uuid, &fault))
		return refuse(cd, EXIT_IO, &fault);
	r = header_check(&header, &wanted, secret, &fault);
	if (r)
		return refuse(cd, r, &fault);
	/* The header is its owner's; of its tokens for this secret another one is for this key. */
	if (header.token.id != id)
		return NEXT_TOKEN;
	if (header.token.name)
		crypt_logf(cd, CRYPT_LOG_VERBOSE, "cocosecret: sealed for the name \"%s\", which is not "
			   "checked here", ESCAPED(slice_of(header.token.name)));
	return 0;
}

/* The UUID of the secret that token @id is for: it says where to look, and decides nothing. */
static int read_token(struct crypt_device *cd, int id, char uuid[GUID_TEXT_SIZE])
{
	CLEANUP(document_free) struct json_object *object = NULL;
	struct fault fault;
	struct token token;
	const char *json = NULL;

	if (crypt_token_json_get(cd, id, &json) < 0 || !json) {
		fault_set(&fault, "token %d cannot be read", id);
		return refuse(cd, EXIT_IO, &fault);
	}
	object = document_object(json);
	if (token_parse(object, &token, &fault) < 0) {
		fault_prefix(&fault, "token %d ", id);
		return refuse(cd, EXIT_HEADER, &fault);
	}
	memcpy(uuid, token.secret, GUID_TEXT_SIZE);
	return 0;
}

/* libcryptsetup then opens the key slots that this token names: token_read allows one only. */
int cryptsetup_token_open(struct crypt_device *cd, int id, char **buffer, size_t *size, void *unused)
{
	CLEANUP(secret_wipe) struct secret secret = { 0 };
	CLEANUP(close_fd) int folder = -1;
	char uuid[GUID_TEXT_SIZE];
	int r = read_token(cd, id, uuid);

	(void)unused;
	if (r == 0)
		r = folder = find_folder(cd, uuid);
	if (r >= 0)
		r = check(cd, id, folder, uuid, &secret);
	if (r < 0)
		return r;
	*buffer = (char *)secret.bytes;
	*size = secret.size;
	secret = (struct secret){ 0 };
	return 0;
}

/* secret_read made it, and wrote no more than this into it. */
void cryptsetup_token_buffer_free(void *buffer, size_t size)
{
	struct secret secret = { .bytes = buffer, .size = size, .capacity = SECRET_MAX + 1 };

	secret_wipe(&secret);
}

/* Before each opening and where a token is written: it need not be sealed yet. */
int cryptsetup_token_validate(struct crypt_device *cd, const char *json)
{
	CLEANUP(document_free) struct json_object *object = document_object(json);
	struct token token;
	struct fault fault;

	if (token_parse(object, &token, &fault) == 0)
		return 0;
	crypt_logf(cd, CRYPT_LOG_ERROR, "cocosecret: a token of this type %s", fault.text);
	return -EINVAL;
}

/* For cryptsetup luksDump. */
void cryptsetup_token_dump(struct crypt_device *cd, const char *json)
{
	CLEANUP(document_free) struct json_object *object = document_object(json);
	struct token token;
	struct fault fault;

	if (token_parse(object, &token, &fault) < 0) {
		crypt_logf(cd, CRYPT_LOG_NORMAL, "\tInvalid:    %s\n", fault.text);
		return;
	}
	crypt_logf(cd, CRYPT_LOG_NORMAL, "\tSecret:     %s\n", token.secret);
	if (token.name)
		crypt_logf(cd, CRYPT_LOG_NORMAL, "\tName:       %s\n", ESCAPED(slice_of(token.name)));
	crypt_logf(cd, CRYPT_LOG_NORMAL, "\tSeal:       %s\n",
		   token.seal ? TOKEN_SEAL_ALG ", not checked here" : "none");
}

const char *cryptsetup_token_version(void)
{
	return COCOSECRET_VERSION;
}
