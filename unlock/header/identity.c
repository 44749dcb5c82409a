// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/identity.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/exitcode.h"

int identity_check_name(const struct token *token, const char *mapping, struct fault *fault)
{
	if (!token->name || strcmp(token->name, mapping) == 0)
		return EXIT_OPENED;
	fault_set(fault, "it is sealed for the name \"%s\" only", ESCAPED(slice_of(token->name)));
	return EXIT_HEADER;
}

int identity_set_own_name(struct volume *volume, struct json_object *document,
			  const struct token *token, struct fault *fault)
{
	const char *uuid = document_text(document, "uuid");
	char name[VOLUME_NAME_SIZE];

	snprintf(name, sizeof(name), "luks-%s", uuid ? uuid : "");
	return volume_set_name(volume, slice_of(token->name ? token->name : name), fault);
}

/* The name was one that some header proposed; this may be another one. */
static int check_own_name(struct json_object *document, const struct token *token,
			  const struct volume *volume, struct fault *fault)
{
	struct volume own = { 0 };

	if (identity_set_own_name(&own, document, token, fault) == 0 &&
	    strcmp(own.name, volume->name) == 0)
		return EXIT_OPENED;
	fault_set(fault, "its name is \"%s\", but it was found as %s", ESCAPED(slice_of(own.name)),
		  volume->name);
	return EXIT_HEADER;
}

static bool is_unsealed(const struct volume *volume)
{
	return volume->options & VOLUME_UNSEALED;
}

static int check_text(struct json_object *document, const char *member, bool same_case,
		      const struct volume *volume, struct fault *fault)
{
	const char *found = document_text(document, member), *wanted = volume->device.value;

	if (found && (same_case ? strcmp(found, wanted) : strcasecmp(found, wanted)) == 0)
		return EXIT_OPENED;
	fault_set(fault, "%s %s \"%s\", but the volume was asked for as %s",
		  is_unsealed(volume) ? "it has the" : "it is sealed with the", member,
		  found ? ESCAPED(slice_of(found)) : "", DEVICE_TEXT(&volume->device));
	return EXIT_HEADER;
}

/*
 * Partitions and device nodes are the host's to name: only a seal that gives the volume's name tells
 * one of the owner's volumes from another. A header in the initramfs is the one that was meant.
 */
static int check_host_word(struct json_object *document, const struct token *token,
			   const struct volume *volume, struct fault *fault)
{
	const char *uuid = document_text(document, "uuid");

	if (token->name || is_unsealed(volume) || volume->header[0])
		return EXIT_OPENED;
	fault_set(fault, "it is sealed without a name, and the host decides what %s is: ask for the "
		  "volume by UUID=%s, or enroll it with cocosecret enroll --name %s",
		  DEVICE_TEXT(&volume->device), uuid ? ESCAPED(slice_of(uuid)) : "", volume->name);
	return EXIT_HEADER;
}

static int check_device(struct json_object *document, const struct token *token,
			const struct volume *volume, struct fault *fault)
{
	switch (volume->device.kind) {
	case DEVICE_UUID:
		return check_text(document, "uuid", false, volume, fault);
	case DEVICE_LABEL:
		return check_text(document, "label", true, volume, fault);
	case DEVICE_PATH:
	case DEVICE_PARTUUID:
	case DEVICE_PARTLABEL:
		return check_host_word(document, token, volume, fault);
	}
	return EXIT_HEADER;
}

int identity_check(struct json_object *document, const struct token *token,
		   const struct volume *volume, struct fault *fault)
{
	int r = identity_check_name(token, volume->name, fault);

	if (r)
		return r;
	if (volume->options & VOLUME_DISCOVERED)
		return check_own_name(document, token, volume, fault);
	return check_device(document, token, volume, fault);
}
