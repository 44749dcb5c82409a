// SPDX-License-Identifier: GPL-2.0-or-later
/* Whatever is shown here may be a host's: no text of it reaches the terminal as it is. */
#include "owner/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header/document.h"
#include "owner/json.h"

static const char *text(struct json_object *object, const char *member)
{
	const char *found = document_text(object, member);

	return found ? found : "?";
}

#define SHOWN(object, member) ESCAPED(slice_of(text((object), (member))))

static long long number(struct json_object *object, const char *member)
{
	return json_object_get_int64(document_member(object, member, json_type_int));
}

static struct json_object *part(struct json_object *object, const char *member)
{
	return document_member(object, member, json_type_object);
}

/* " a b", or " none"; an array's texts. */
static void print_list(struct json_object *object, const char *member)
{
	struct json_object *array = document_member(object, member, json_type_array);
	size_t count = array ? json_object_array_length(array) : 0;

	for (size_t i = 0; i < count; i++) {
		const char *entry = json_object_get_string(json_object_array_get_idx(array, i));

		printf(" %s", ESCAPED(slice_of(entry ? entry : "?")));
	}
	if (count == 0)
		printf(" none");
}

static void describe_segment(struct json_object *segment)
{
	struct json_object *integrity = part(segment, "integrity");

	printf("  data: %s, sectors of %lld bytes, from byte %s on, size %s, IV tweak %s\n",
	       SHOWN(segment, "encryption"), number(segment, "sector_size"),
	       SHOWN(segment, "offset"), SHOWN(segment, "size"), SHOWN(segment, "iv_tweak"));
	printf("  integrity: %s\n", integrity ? SHOWN(integrity, "type") : "none");
}

static void describe_config(struct json_object *config)
{
	printf("  flags:");
	print_list(config, "flags");
	printf("\n  requirements:");
	print_list(part(config, "requirements"), "mandatory");
	printf("\n");
}

static void print_kdf(struct json_object *kdf)
{
	if (strcmp(text(kdf, "type"), "pbkdf2") == 0)
		printf("pbkdf2 with %s, %lld iterations", SHOWN(kdf, "hash"),
		       number(kdf, "iterations"));
	else
		printf("%s, %lld times over %lld KiB, %lld threads", SHOWN(kdf, "type"),
		       number(kdf, "time"), number(kdf, "memory"), number(kdf, "cpus"));
}

static void describe_keyslot(const char *id, struct json_object *keyslot)
{
	printf("  key slot %s: %lld bytes, %s, ", ESCAPED(slice_of(id)), number(keyslot, "key_size"),
	       SHOWN(part(keyslot, "area"), "encryption"));
	print_kdf(part(keyslot, "kdf"));
	if (document_member(keyslot, "priority", json_type_int))
		printf(", priority %lld", number(keyslot, "priority"));
	printf("\n");
}

static void describe_digest(const char *id, struct json_object *digest)
{
	printf("  digest %s: ", ESCAPED(slice_of(id)));
	print_kdf(digest);
	printf(", key slots");
	print_list(digest, "keyslots");
	printf("\n");
}

static bool is_shown(const char *member)
{
	static const char *const members[] = { "type", "keyslots", "secret", "name" };

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (strcmp(member, members[i]) == 0)
			return true;
	return false;
}

static void describe_token(const char *id, struct json_object *token)
{
	printf("  token %s: %s", ESCAPED(slice_of(id)), SHOWN(token, "type"));
	if (document_text(token, "secret"))
		printf(", secret %s", SHOWN(token, "secret"));
	if (document_text(token, "name"))
		printf(", name \"%s\"", SHOWN(token, "name"));
	printf(", key slots");
	print_list(token, "keyslots");
	json_object_object_foreach(token, member, value) {
		(void)value;
		if (!is_shown(member))
			printf(", a %s", ESCAPED(slice_of(member)));
	}
	printf("\n");
}

static void describe_each(struct json_object *objects,
			  void (*show)(const char *id, struct json_object *object))
{
	if (!objects)
		return;
	json_object_object_foreach(objects, id, object) {
		show(id, object);
	}
}

void describe(const struct owner *owner, struct json_object *document)
{
	struct json_object *metadata = part(document, "metadata");

	printf("%s: the header says:\n  UUID %s, label \"%s\", subsystem \"%s\"\n", owner->device,
	       SHOWN(document, "uuid"), SHOWN(document, "label"), SHOWN(document, "subsystem"));
	describe_segment(part(part(metadata, "segments"), "0"));
	describe_config(part(metadata, "config"));
	describe_each(part(metadata, "digests"), describe_digest);
	describe_each(part(metadata, "keyslots"), describe_keyslot);
	describe_each(part(metadata, "tokens"), describe_token);
}

static void put_number(struct json_object *into, const char *name, struct json_object *object,
		       const char *member)
{
	json_object_object_add(into, name, document_member(object, member, json_type_int) ?
			       json_object_new_int64(number(object, member)) : NULL);
}

static void put_text(struct json_object *into, const char *name, struct json_object *object,
		     const char *member)
{
	json_object_object_add(into, name, json_text(document_text(object, member)));
}

/* LUKS2 writes the numbers of key slots as texts. */
static void put_list(struct json_object *into, const char *name, struct json_object *object,
		     const char *member, bool of_numbers)
{
	struct json_object *array = document_member(object, member, json_type_array);
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; array && i < json_object_array_length(array); i++) {
		const char *entry = json_object_get_string(json_object_array_get_idx(array, i));

		json_object_array_add(list, of_numbers && entry ? json_object_new_int(atoi(entry)) :
								  json_text(entry));
	}
	json_object_object_add(into, name, list);
}

static struct json_object *segment_of(struct json_object *segment)
{
	struct json_object *data = json_object_new_object();

	put_text(data, "cipher", segment, "encryption");
	put_number(data, "sector_size", segment, "sector_size");
	put_text(data, "offset", segment, "offset");
	put_text(data, "size", segment, "size");
	put_text(data, "integrity", part(segment, "integrity"), "type");
	return data;
}

static struct json_object *kdf_of(struct json_object *kdf)
{
	struct json_object *cost = json_object_new_object();

	put_text(cost, "type", kdf, "type");
	put_text(cost, "hash", kdf, "hash");
	put_number(cost, "iterations", kdf, "iterations");
	put_number(cost, "time", kdf, "time");
	put_number(cost, "memory_kib", kdf, "memory");
	put_number(cost, "threads", kdf, "cpus");
	return cost;
}

static void put_keyslot(struct json_object *entry, struct json_object *keyslot)
{
	put_number(entry, "key_size", keyslot, "key_size");
	put_text(entry, "cipher", part(keyslot, "area"), "encryption");
	put_number(entry, "priority", keyslot, "priority");
	json_object_object_add(entry, "kdf", kdf_of(part(keyslot, "kdf")));
}

static void put_digest(struct json_object *entry, struct json_object *digest)
{
	put_list(entry, "key_slots", digest, "keyslots", true);
	json_object_object_add(entry, "kdf", kdf_of(digest));
}

static bool has(struct json_object *token, const char *member)
{
	return document_text(part(token, member), "value") != NULL;
}

static void put_token(struct json_object *entry, struct json_object *token)
{
	put_text(entry, "type", token, "type");
	put_text(entry, "secret", token, "secret");
	put_text(entry, "name", token, "name");
	put_list(entry, "key_slots", token, "keyslots", true);
	json_object_object_add(entry, "volume_key", json_object_new_boolean(has(token, "volume_key")));
	json_object_object_add(entry, "seal", json_object_new_boolean(has(token, "seal")));
	json_object_object_add(entry, "signature", json_object_new_boolean(has(token, "signature")));
}

static int by_id(const void *a, const void *b)
{
	struct json_object *const *one = a, *const *other = b;

	return json_object_get_int(json_object_object_get(*one, "id")) -
	       json_object_get_int(json_object_object_get(*other, "id"));
}

/* In the order of their numbers, not in that in which the header has them. */
static struct json_object *list_of(struct json_object *objects,
				   void (*put)(struct json_object *entry, struct json_object *object))
{
	struct json_object *list = json_object_new_array();

	if (!objects)
		return list;
	json_object_object_foreach(objects, id, object) {
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "id", json_object_new_int(atoi(id)));
		put(entry, object);
		json_object_array_add(list, entry);
	}
	json_object_array_sort(list, by_id);
	return list;
}

void describe_into(struct json_object *result, struct json_object *document)
{
	struct json_object *metadata = part(document, "metadata");
	struct json_object *config = part(metadata, "config");

	put_text(result, "uuid", document, "uuid");
	put_text(result, "label", document, "label");
	put_text(result, "subsystem", document, "subsystem");
	json_object_object_add(result, "data", segment_of(part(part(metadata, "segments"), "0")));
	put_list(result, "flags", config, "flags", false);
	put_list(result, "requirements", part(config, "requirements"), "mandatory", false);
	json_object_object_add(result, "digests", list_of(part(metadata, "digests"), put_digest));
	json_object_object_add(result, "key_slots", list_of(part(metadata, "keyslots"), put_keyslot));
	json_object_object_add(result, "tokens", list_of(part(metadata, "tokens"), put_token));
}
