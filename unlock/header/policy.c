// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An object of the header may hold only what its rules name, and must hold all of it that is not
 * optional: what a later libcryptsetup would understand is refused until somebody looked at it.
 */
#include "header/policy.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "lib/exitcode.h"

enum {
	KDF_ITERATIONS_MIN = 1000, /* NIST SP 800-132, 5.2; LUKS2's own minimum too */
	KDF_ITERATIONS_MAX = 10000000,
	ARGON2_KIB_MAX = 1 << 20,
	ARGON2_TIME_MAX = 64,
	ARGON2_CPUS_MAX = 4,
	BINARY_HEADER = 4096, /* what precedes the JSON in each of the header's two copies */
	JSON_AREA_MIN = 12288,
	JSON_AREA_MAX = (4 << 20) - BINARY_HEADER,
	KEYSLOTS_AREA_MAX = 128 << 20,
	SECTOR_MIN = 512,
	SECTOR_MAX = 4096,
	KEY_SIZE_MAX = 128,
	SLOTS_MAX = 32,
};

enum rule_kind {
	RULE_WORD,    /* one of @words */
	RULE_ANY,     /* any text */
	RULE_NUMBER,  /* a JSON integer from @min to @max */
	RULE_POWER,   /* as RULE_NUMBER, and a power of two */
	RULE_OFFSET,  /* 64 bits, which LUKS2 writes as text */
	RULE_OBJECT,  /* looked at elsewhere */
	RULE_SLOTS,   /* a list of texts */
};

struct rule {
	const char *member;
	const char *const *words;
	int64_t min, max;
	enum rule_kind kind;
	bool optional;
};

#define WORDS(...) (const char *const[]){ __VA_ARGS__, NULL }
#define WORD(member, ...) { member, WORDS(__VA_ARGS__), 0, 0, RULE_WORD, false }
#define NUMBER(member, min, max) { member, NULL, min, max, RULE_NUMBER, false }
#define OTHER(member, kind) { member, NULL, 0, INT64_MAX, kind, false }
#define OPTIONAL(member, kind) { member, NULL, 0, INT64_MAX, kind, true }
#define HASH WORD("hash", "sha256", "sha384", "sha512")
#define END { NULL, NULL, 0, 0, RULE_ANY, false }

static const struct rule metadata_rules[] = {
	OTHER("keyslots", RULE_OBJECT), OTHER("tokens", RULE_OBJECT),
	OTHER("segments", RULE_OBJECT), OTHER("digests", RULE_OBJECT),
	OTHER("config", RULE_OBJECT), END,
};
static const struct rule config_rules[] = {
	{ "json_size", NULL, JSON_AREA_MIN, JSON_AREA_MAX, RULE_OFFSET, false },
	{ "keyslots_size", NULL, BINARY_HEADER, KEYSLOTS_AREA_MAX, RULE_OFFSET, false },
	OPTIONAL("flags", RULE_SLOTS), OPTIONAL("requirements", RULE_OBJECT), END,
};
static const struct rule segment_rules[] = {
	WORD("type", "crypt"),
	OTHER("offset", RULE_OFFSET),
	WORD("size", "dynamic"),
	WORD("iv_tweak", "0"),
	WORD("encryption", "aes-xts-plain64", "aes-gcm-random"),
	{ "sector_size", NULL, SECTOR_MIN, SECTOR_MAX, RULE_POWER, false },
	OPTIONAL("integrity", RULE_OBJECT), END,
};
static const struct rule integrity_rules[] = {
	WORD("type", "hmac(sha256)", "hmac(sha512)", "aead"),
	WORD("journal_encryption", "none"),
	WORD("journal_integrity", "none"), END,
};
static const struct rule keyslot_rules[] = {
	WORD("type", "luks2"),
	NUMBER("key_size", 16, KEY_SIZE_MAX),
	{ "priority", NULL, 0, 2, RULE_NUMBER, true },
	OTHER("af", RULE_OBJECT), OTHER("area", RULE_OBJECT), OTHER("kdf", RULE_OBJECT), END,
};
static const struct rule af_rules[] = {
	WORD("type", "luks1"), NUMBER("stripes", 4000, 4000), HASH, END,
};
static const struct rule area_rules[] = {
	WORD("type", "raw"),
	OTHER("offset", RULE_OFFSET),
	{ "size", NULL, BINARY_HEADER, KEYSLOTS_AREA_MAX, RULE_OFFSET, false },
	WORD("encryption", "aes-xts-plain64"),
	{ "key_size", NULL, 32, 64, RULE_POWER, false }, END,
};
static const struct rule pbkdf2_rules[] = {
	WORD("type", "pbkdf2"), HASH,
	NUMBER("iterations", KDF_ITERATIONS_MIN, KDF_ITERATIONS_MAX),
	OTHER("salt", RULE_ANY), END,
};
static const struct rule argon2_rules[] = {
	WORD("type", "argon2i", "argon2id"),
	NUMBER("time", 1, ARGON2_TIME_MAX),
	NUMBER("memory", 1, ARGON2_KIB_MAX),
	NUMBER("cpus", 1, ARGON2_CPUS_MAX),
	OTHER("salt", RULE_ANY), END,
};
static const struct rule digest_rules[] = {
	WORD("type", "pbkdf2"), HASH,
	NUMBER("iterations", 1, KDF_ITERATIONS_MAX),
	OTHER("salt", RULE_ANY), OTHER("digest", RULE_ANY),
	OTHER("keyslots", RULE_SLOTS), OTHER("segments", RULE_SLOTS), END,
};

/* The ciphers that may go together, and the volume key's sizes: XTS takes two keys, HMAC one. */
static const struct mode {
	const char *integrity; /* NULL: none */
	const char *encryption;
	int64_t key_sizes[2];
} modes[] = {
	{ NULL, "aes-xts-plain64", { 32, 64 } },
	{ "hmac(sha256)", "aes-xts-plain64", { 64, 96 } },
	{ "hmac(sha512)", "aes-xts-plain64", { 96, 128 } },
	{ "aead", "aes-gcm-random", { 16, 32 } },
};

/* Where in the header something is wrong: "key slot 3's area". */
struct place {
	const char *what;
	const char *name;
	const char *part;
};

static int refuse(const struct place *at, struct fault *fault, const char *member,
		  const char *problem)
{
	return fault_set(fault, "%s %s%s: %s %s", at->what, ESCAPED(slice_of(at->name)), at->part,
			 ESCAPED(slice_of(member)), problem);
}

/* Digits only, no zero before others: the one way in which a number can be written. */
static int64_t parse_offset(const char *text)
{
	int64_t number = 0;

	if (!text || !*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *text - '0', &number))
			return -EINVAL;
	return number;
}

static int64_t get_offset(struct json_object *object, const char *member)
{
	return parse_offset(document_text(object, member));
}

static int64_t get_number(struct json_object *object, const char *member)
{
	return json_object_get_int64(document_member(object, member, json_type_int));
}

static bool is_listed(struct json_object *list, const char *text)
{
	size_t count = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), text) == 0)
			return true;
	return false;
}

static bool is_text_list(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!json_object_is_type(json_object_array_get_idx(value, i), json_type_string))
			return false;
	return true;
}

static int check_word(struct json_object *object, const struct rule *rule, const struct place *at,
		      struct fault *fault)
{
	const char *text = document_text(object, rule->member);

	if (!text)
		return refuse(at, fault, rule->member, "is not a text");
	for (const char *const *word = rule->words; *word; word++)
		if (strcmp(text, *word) == 0)
			return 0;
	return fault_set(fault, "%s %s%s: %s \"%s\" is not allowed", at->what,
			 ESCAPED(slice_of(at->name)), at->part, rule->member,
			 ESCAPED(slice_of(text)));
}

static int check_number(int64_t number, const struct rule *rule, const struct place *at,
			struct fault *fault)
{
	if (number >= rule->min && number <= rule->max &&
	    (rule->kind != RULE_POWER || (number & (number - 1)) == 0))
		return 0;
	return refuse(at, fault, rule->member, "is out of bounds");
}

static int check_member(struct json_object *object, const struct rule *rule,
			const struct place *at, struct fault *fault)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, rule->member, &value))
		return rule->optional ? 0 : refuse(at, fault, rule->member, "is missing");
	switch (rule->kind) {
	case RULE_WORD:
		return check_word(object, rule, at, fault);
	case RULE_NUMBER:
	case RULE_POWER:
		if (!json_object_is_type(value, json_type_int))
			return refuse(at, fault, rule->member, "is not an integer");
		return check_number(json_object_get_int64(value), rule, at, fault);
	case RULE_OFFSET:
		return check_number(get_offset(object, rule->member), rule, at, fault);
	case RULE_ANY:
		return document_text(object, rule->member) ? 0 :
		       refuse(at, fault, rule->member, "is not a text");
	case RULE_OBJECT:
		return json_object_is_type(value, json_type_object) ? 0 :
		       refuse(at, fault, rule->member, "is not an object");
	case RULE_SLOTS:
		return is_text_list(value) ? 0 :
		       refuse(at, fault, rule->member, "is not a list of texts");
	}
	return -EINVAL;
}

static bool is_known(const struct rule *rules, const char *member)
{
	for (; rules->member; rules++)
		if (strcmp(rules->member, member) == 0)
			return true;
	return false;
}

static int check(struct json_object *object, const struct rule *rules, const struct place *at,
		 struct fault *fault)
{
	if (!json_object_is_type(object, json_type_object))
		return refuse(at, fault, "it", "is not an object");
	for (const struct rule *rule = rules; rule->member; rule++)
		if (check_member(object, rule, at, fault) < 0)
			return -EINVAL;
	json_object_object_foreach(object, member, value) {
		(void)value;
		if (!is_known(rules, member))
			return refuse(at, fault, member, "is not known here");
	}
	return 0;
}

/* Nothing may be required that this check does not know of, and nothing be in progress. */
static int check_requirements(struct json_object *config, struct fault *fault)
{
	struct json_object *requirements, *mandatory;

	if (!json_object_object_get_ex(config, "requirements", &requirements))
		return 0;
	if (json_object_object_length(requirements) == 0)
		return 0;
	if (json_object_object_length(requirements) == 1 &&
	    json_object_object_get_ex(requirements, "mandatory", &mandatory) &&
	    json_object_is_type(mandatory, json_type_array) &&
	    json_object_array_length(mandatory) == 0)
		return 0;
	return fault_set(fault, "it has requirements, such as that a reencryption be finished first");
}

static int check_config(struct json_object *config, struct policy_layout *layout,
			struct fault *fault)
{
	static const struct place at = { "the", "config", "" };

	if (check(config, config_rules, &at, fault) < 0)
		return -EINVAL;
	layout->areas = 2 * (BINARY_HEADER + get_offset(config, "json_size"));
	layout->end = layout->areas + get_offset(config, "keyslots_size");
	if (layout->areas % BINARY_HEADER != 0 || layout->end % BINARY_HEADER != 0)
		return refuse(&at, fault, "json_size or keyslots_size", "is not a multiple of 4096");
	return check_requirements(config, fault);
}

static const struct mode *find_mode(struct json_object *segment)
{
	struct json_object *integrity = document_member(segment, "integrity", json_type_object);
	const char *type = integrity ? document_text(integrity, "type") : NULL;
	const char *encryption = document_text(segment, "encryption");

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(encryption, modes[i].encryption) == 0 && !type == !modes[i].integrity &&
		    (!type || strcmp(type, modes[i].integrity) == 0))
			return &modes[i];
	return NULL;
}

/* The mode of the one segment, or NULL. */
static const struct mode *check_segment(struct json_object *segments,
					const struct policy_layout *layout, unsigned int terms,
					struct fault *fault)
{
	static const struct place at = { "segment", "0", "" };
	static const struct place integrity_at = { "segment", "0", "'s integrity" };
	struct json_object *segment = document_member(segments, "0", json_type_object);
	struct json_object *integrity;
	const struct mode *mode;

	if (json_object_object_length(segments) != 1 || !segment) {
		fault_set(fault, "it must have exactly one segment, numbered 0");
		return NULL;
	}
	if (check(segment, segment_rules, &at, fault) < 0)
		return NULL;
	integrity = document_member(segment, "integrity", json_type_object);
	if (integrity && check(integrity, integrity_rules, &integrity_at, fault) < 0)
		return NULL;
	mode = find_mode(segment);
	if ((terms & POLICY_INTEGRITY) && !integrity) {
		fault_set(fault, "it has no data integrity, which the option integrity asks for; "
			  "format it with cryptsetup luksFormat --integrity");
		return NULL;
	}
	if (!mode)
		refuse(&at, fault, "encryption", "is not allowed with this integrity");
	else if (!(terms & POLICY_DETACHED) && get_offset(segment, "offset") < layout->end)
		refuse(&at, fault, "offset", "is within the header");
	else
		return mode;
	return NULL;
}

static int check_area(struct json_object *area, const struct policy_layout *layout,
		      const struct place *at, struct fault *fault)
{
	int64_t offset, size;

	if (check(area, area_rules, at, fault) < 0)
		return -EINVAL;
	offset = get_offset(area, "offset");
	size = get_offset(area, "size");
	if (offset < layout->areas || offset > layout->end || size > layout->end - offset)
		return refuse(at, fault, "offset", "is outside the key-slot areas");
	return 0;
}

static int check_kdf(struct json_object *kdf, const struct place *at, struct fault *fault)
{
	const char *type = document_text(kdf, "type");
	bool pbkdf2 = type && strcmp(type, "pbkdf2") == 0;

	return check(kdf, pbkdf2 ? pbkdf2_rules : argon2_rules, at, fault);
}

static int check_keyslot(const char *name, struct json_object *slot, const struct policy_layout *layout,
			 const struct mode *mode, struct fault *fault)
{
	struct place at = { "key slot", name, "" };
	int64_t key_size;

	if (check(slot, keyslot_rules, &at, fault) < 0)
		return -EINVAL;
	key_size = get_number(slot, "key_size");
	if (key_size != mode->key_sizes[0] && key_size != mode->key_sizes[1])
		return refuse(&at, fault, "key_size", "does not fit the cipher");
	at.part = "'s af";
	if (check(json_object_object_get(slot, "af"), af_rules, &at, fault) < 0)
		return -EINVAL;
	at.part = "'s area";
	if (check_area(json_object_object_get(slot, "area"), layout, &at, fault) < 0)
		return -EINVAL;
	at.part = "'s kdf";
	return check_kdf(json_object_object_get(slot, "kdf"), &at, fault);
}

static int check_keyslots(struct json_object *slots, const struct policy_layout *layout,
			  const struct mode *mode, struct fault *fault)
{
	if (json_object_object_length(slots) == 0)
		return fault_set(fault, "it has no key slot");
	if (json_object_object_length(slots) > SLOTS_MAX)
		return fault_set(fault, "it has more than %d key slots", SLOTS_MAX);
	json_object_object_foreach(slots, name, slot) {
		if (check_keyslot(name, slot, layout, mode, fault) < 0)
			return -EINVAL;
	}
	return 0;
}

static int check_digests(struct json_object *digests, struct fault *fault)
{
	int assigned = 0;

	json_object_object_foreach(digests, name, digest) {
		const struct place at = { "digest", name, "" };

		if (check(digest, digest_rules, &at, fault) < 0)
			return -EINVAL;
		assigned += is_listed(json_object_object_get(digest, "segments"), "0");
	}
	if (assigned == 1)
		return 0;
	return fault_set(fault, "the segment must have exactly one digest");
}

int policy_check(struct json_object *document, unsigned int terms, struct policy_layout *layout,
		 struct fault *fault)
{
	static const struct place at = { "the", "metadata", "" };
	struct json_object *metadata = json_object_object_get(document, "metadata");
	const struct mode *mode;

	if (check(metadata, metadata_rules, &at, fault) < 0 ||
	    check_config(json_object_object_get(metadata, "config"), layout, fault) < 0)
		return EXIT_HEADER;
	mode = check_segment(json_object_object_get(metadata, "segments"), layout, terms, fault);
	if (!mode ||
	    check_keyslots(json_object_object_get(metadata, "keyslots"), layout, mode, fault) < 0 ||
	    check_digests(json_object_object_get(metadata, "digests"), fault) < 0)
		return EXIT_HEADER;
	return EXIT_OPENED;
}
