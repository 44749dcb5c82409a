// SPDX-License-Identifier: GPL-2.0-or-later
#include "token.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"

static void put_json(struct json_object **object)
{
	json_object_put(*object);
}

static bool is_cocosecret(struct crypt_device *cd, int token)
{
	const char *type = NULL;
	crypt_token_info status = crypt_token_status(cd, token, &type);

	return status >= CRYPT_TOKEN_INTERNAL && type && strcmp(type, "cocosecret") == 0;
}

static bool names_secret(struct crypt_device *cd, int token, const char *secret)
{
	CLEANUP(put_json) struct json_object *object = NULL;
	struct json_object *found;
	const char *json = NULL;

	if (crypt_token_json_get(cd, token, &json) < 0)
		return false;
	object = json_tokener_parse(json);
	if (!json_object_object_get_ex(object, "secret", &found) ||
	    !json_object_is_type(found, json_type_string))
		return false;
	return strcasecmp(json_object_get_string(found), secret) == 0;
}

static bool is_active(struct crypt_device *cd, int slot)
{
	crypt_keyslot_info status = crypt_keyslot_status(cd, slot);

	return status == CRYPT_SLOT_ACTIVE || status == CRYPT_SLOT_ACTIVE_LAST;
}

/* The first existing slot that @token is for; with CRYPT_ANY_TOKEN, the first existing one. */
static int first_slot(struct crypt_device *cd, int token)
{
	int slots = crypt_keyslot_max(CRYPT_LUKS2);

	for (int slot = 0; slot < slots; slot++)
		if (is_active(cd, slot) &&
		    (token == CRYPT_ANY_TOKEN || crypt_token_is_assigned(cd, token, slot) == 0))
			return slot;
	return -ENOENT;
}

int token_keyslot(struct crypt_device *cd, const char *secret)
{
	int tokens = crypt_token_max(CRYPT_LUKS2);

	for (int token = 0; token < tokens; token++)
		if (is_cocosecret(cd, token) && names_secret(cd, token, secret))
			return first_slot(cd, token);
	return first_slot(cd, CRYPT_ANY_TOKEN) < 0 ? -ENOENT : CRYPT_ANY_SLOT;
}
