// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/volume.h"
#include "header/copies.h"
#include "header/keyslot.h"
#include "header/seal.h"
#include "header/volume_key.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"
#include "owner/kind.h"
#include "owner/options.h"
#include "owner/table_file.h"

/* Besides what each of them takes. */
static const struct {
	uint64_t options;
	unsigned int takes;
} conditions[] = {
	{ TAKES(NAME), OWNER_TAKES_NAME },
	{ TAKES(NEW_KEY_FILE), OWNER_TAKES_NEW_KEY },
	{ TAKES(ALSO) | TAKES(FORCE), OWNER_TAKES_OTHERS },
	{ TAKES(SIGN_KEY), OWNER_TAKES_SIGN_KEY },
	{ TAKES(TO_SIGN) | TAKES(SIGNATURE), OWNER_TAKES_SIGNATURE },
	{ TAKES(OWNER), OWNER_TAKES_OWNER },
	{ TAKES(JSON), OWNER_TAKES_JSON },
	{ TAKES(TOKEN), OWNER_REMOVES },
};

struct files {
	const char *key;
	const char *new_key;
	const char *partition;
};

/* The size of a partition's header and key slots, unless cryptsetup was told otherwise. */
enum { USUAL_HEADER = 16 << 20 };

static uint64_t taken(unsigned int takes)
{
	uint64_t options = TAKES(HEADER) | TAKES(PARTITION);

	if (!(takes & OWNER_TAKES_NO_KEY))
		options |= TAKES(SECRET) | TAKES(KEY_FILE) | TAKES(QUIET);
	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++)
		if (takes & conditions[i].takes)
			options |= conditions[i].options;
	return options;
}

static int set_secret(const struct owner *owner, const char *text, char secret[GUID_TEXT_SIZE])
{
	if (guid_parse(slice_of(text), secret) == 0)
		return EXIT_OPENED;
	complain("%s: --secret %s: not a UUID", owner->command, text);
	return EXIT_CONFIG;
}

static int set_name(struct owner *owner, const char *text)
{
	struct volume volume = { 0 };
	struct fault fault;

	owner->name = text;
	if (volume_set_name(&volume, slice_of(text), &fault) == 0)
		return EXIT_OPENED;
	complain("%s: --name: %s", owner->command, fault.text);
	return EXIT_CONFIG;
}

static int set_token(struct owner *owner, const char *text)
{
	char *end;
	long id = strtol(text, &end, 10);

	if (end == text || *end || id < 0 || id >= TOKENS_MAX) {
		complain("%s: --token %s: not a token's number, 0 to %d; see cocosecret show",
			 owner->command, ESCAPED(slice_of(text)), TOKENS_MAX - 1);
		return EXIT_CONFIG;
	}
	owner->token = (int)id;
	return EXIT_OPENED;
}

/* NULL where there is no room, reported. */
static struct owner_key *add_key(struct owner *owner, const char *file)
{
	if (owner->key_count == OWNER_KEYS_MAX) {
		complain("%s: more than %d keys", owner->command, OWNER_KEYS_MAX);
		return NULL;
	}
	owner->keys[owner->key_count].file = file;
	return &owner->keys[owner->key_count++];
}

/* A key that may be that of any token. */
static int add_any(struct owner *owner, const char *file)
{
	return add_key(owner, file) ? EXIT_OPENED : EXIT_CONFIG;
}

/* The first two are those of --key-file and --new-key-file. */
static int add_other(struct owner *owner, const char *argument)
{
	const char *equals = strchr(argument, '=');
	struct slice uuid = { argument, equals ? (size_t)(equals - argument) : 0 };
	char secret[GUID_TEXT_SIZE];
	struct owner_key *key;

	if (equals && guid_parse(uuid, secret) == 0) {
		key = add_key(owner, equals + 1);
		if (key)
			memcpy(key->secret, secret, GUID_TEXT_SIZE);
		return key ? EXIT_OPENED : EXIT_CONFIG;
	}
	complain("%s: --also %s: not UUID=KEYFILE", owner->command, argument);
	return EXIT_CONFIG;
}

/* The options that are a text and no more. */
static const char **text_of(struct owner *owner, int option, struct files *files)
{
	switch (option) {
	case OPTION_PARTITION:
		return &files->partition;
	case OPTION_KEY_FILE:
		return files->key && owner->removes ? NULL : &files->key;
	case OPTION_NEW_KEY_FILE:
		return &files->new_key;
	case OPTION_SIGN_KEY:
		return &owner->signing.key_uri;
	case OPTION_TO_SIGN:
		return &owner->signing.to_sign;
	case OPTION_SIGNATURE:
		return &owner->signing.signature;
	case OPTION_OWNER:
		return &owner->signing.owner;
	default:
		return NULL;
	}
}

static int take(struct owner *owner, int option, struct files *files)
{
	const char **text = text_of(owner, option, files);

	if (text) {
		*text = optarg;
		return EXIT_OPENED;
	}
	switch (option) {
	case OPTION_SECRET:
		return set_secret(owner, optarg, owner->secret);
	case OPTION_NAME:
		return set_name(owner, optarg);
	case OPTION_ALSO:
		return add_other(owner, optarg);
	case OPTION_HEADER:
		owner->file = optarg;
		owner->detached = true;
		return EXIT_OPENED;
	case OPTION_QUIET:
		say_nothing();
		return EXIT_OPENED;
	case OPTION_KEY_FILE:
		return add_any(owner, optarg);
	case OPTION_TOKEN:
		return set_token(owner, optarg);
	case OPTION_JSON:
		owner->json = true;
		return EXIT_OPENED;
	default:
		owner->force = true;
		return EXIT_OPENED;
	}
}

static int miss(const struct owner *owner, const char *what)
{
	complain("%s: %s; see cocosecret %s --help", owner->command, what, owner->command);
	return EXIT_CONFIG;
}

static int check_complete(const struct owner *owner, int count, char **devices, unsigned int takes,
			  const struct files *files)
{
	if (count == 0 && !owner->detached)
		return miss(owner, "a DEVICE is missing, or --header FILE in its place");
	if (takes & OWNER_TAKES_NEW_KEY && !files->new_key)
		return miss(owner, "--new-key-file KEY is missing");
	if (!files->key && !(takes & OWNER_TAKES_NO_KEY))
		return miss(owner, "--key-file KEY is missing");
	if (owner->removes && !owner->secret[0] == (owner->token < 0))
		return miss(owner, "wants either --secret UUID or --token NUMBER, what to remove");
	if (count == (owner->detached ? 0 : 1))
		return EXIT_OPENED;
	complain("%s: %s: is one DEVICE too many%s; see cocosecret %s --help", owner->command,
		 devices[count - 1], owner->detached ? " beside --header" : "", owner->command);
	return EXIT_CONFIG;
}

static int parse_options(struct owner *owner, int argc, char **argv, unsigned int takes,
			 struct files *files)
{
	struct options options;
	int option, r;

	options_begin(&options, owner->command, taken(takes));
	while ((option = options_next(&options, argc, argv)) != OPTIONS_END) {
		r = option == OPTIONS_WRONG ? EXIT_CONFIG : take(owner, option, files);
		if (r)
			return r;
	}
	if (!files->key && takes & OWNER_MAY_ASK)
		files->key = key_file_asked;
	r = check_complete(owner, argc - optind, argv + optind, takes, files);
	if (r)
		return r;
	if (!owner->detached)
		owner->file = argv[optind];
	owner->device = owner->file;
	return EXIT_OPENED;
}

/* An owner's old passphrase may be short, but then it is no launch secret. */
static int check_length(const struct owner *owner, const struct owner_key *key)
{
	if (!key->secret[0] || key->bytes.size >= SEAL_SECRET_MIN)
		return EXIT_OPENED;
	complain("%s: %s: a key has at least %d random bytes, as cocosecret keygen makes them; the "
		 "seal would let the host guess a shorter one", owner->command, key->file,
		 SEAL_SECRET_MIN);
	return EXIT_CONFIG;
}

/*
 * No table at all takes the one, and that of the usual area does not take the other, but an agent of
 * the owner's may bring it, or another firmware.
 */
static int check_room(const struct owner *owner, const struct owner_key *key)
{
	size_t needed = key->bytes.size + 2 * (size_t)SECRET_HEAD_SIZE;

	if (needed > SECRET_AREA_MAX) {
		complain("%s: %s: no secret table takes a key of %zu bytes; 32 are enough, as "
			 "cocosecret keygen makes them", owner->command, key->file, key->bytes.size);
		return EXIT_CONFIG;
	}
	if (needed > TABLE_AREA_DEFAULT)
		complain("%s: %s: warning: a key of %zu bytes does not fit into the %d bytes that the "
			 "AmdSev OVMF has for a table; 32 are enough, as cocosecret keygen makes them",
			 owner->command, key->file, key->bytes.size, TABLE_AREA_DEFAULT);
	return EXIT_OPENED;
}

static int explain_open(const struct owner *owner, const char *why)
{
	complain("%s: %s: %s", owner->command, owner->file, why);
	return EXIT_IO;
}

/* A pipe would be waited for, and a socket or a terminal is no disk: told before it is opened. */
static int open_device(struct owner *owner, bool writes)
{
	CLEANUP(close_fd) int named = open(owner->file, O_PATH | O_CLOEXEC);
	struct stat st;

	if (named < 0 || fstat(named, &st) < 0)
		return explain_open(owner, strerror(errno));
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode)) {
		complain("%s: %s: is neither a block device nor an image file", owner->command,
			 owner->file);
		return EXIT_CONFIG;
	}
	snprintf(owner->path, sizeof(owner->path), "/proc/self/fd/%d", named);
	owner->fd = open(owner->path, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY);
	if (owner->fd < 0)
		return explain_open(owner, errno == ENOENT ? "cannot be opened without /proc" :
					   strerror(errno));
	snprintf(owner->path, sizeof(owner->path), "/proc/self/fd/%d", owner->fd);
	return EXIT_OPENED;
}

static int find_partition(struct owner *owner, const char *wanted)
{
	struct fault fault;
	int r = partition_find(owner->fd, owner->file, wanted, &owner->partition, &fault);

	if (r) {
		complain("%s: %s", owner->command, fault.text);
		return r;
	}
	if (owner->partition.size) {
		snprintf(owner->label, sizeof(owner->label), "%s, %s", owner->file,
			 owner->partition.name);
		owner->device = owner->label;
	}
	return EXIT_OPENED;
}

static int open_signing(struct owner *owner)
{
	struct fault fault;
	int r = signing_open(&owner->signing, &fault);

	if (r)
		complain("%s: %s", owner->command, fault.text);
	return r;
}

int owner_parse(struct owner *owner, int argc, char **argv, unsigned int takes)
{
	struct files files = { 0 };
	bool has_new = takes & OWNER_TAKES_NEW_KEY;
	int r;

	owner->command = owner->files.command = argv[0];
	owner->fd = -1;
	owner->lock = (struct lock)LOCK_INIT;
	owner->key_count = owner->own_count = takes & OWNER_TAKES_NO_KEY ? 0 : has_new ? 2 : 1;
	owner->token = owner->slot = -1;
	owner->removes = takes & OWNER_REMOVES;
	if (!owner->removes) /* what is taken away is named */
		memcpy(owner->secret, GUID_DISK_KEY, GUID_TEXT_SIZE);
	owner->peek = (struct header_copy)HEADER_COPY_INIT;
	r = parse_options(owner, argc, argv, takes, &files);
	if (r == 0)
		r = open_device(owner, takes & OWNER_WRITES);
	if (r == 0)
		r = open_signing(owner);
	if (r == 0)
		r = find_partition(owner, files.partition);
	if (!owner->removes)
		memcpy(owner->keys[0].secret, owner->secret, GUID_TEXT_SIZE);
	owner->keys[0].file = has_new ? files.new_key : files.key;
	if (has_new)
		owner->keys[1].file = files.key;
	for (int i = 0; i < owner->key_count && r == 0; i++) {
		r = key_file_read(&owner->files, owner->keys[i].file, &owner->keys[i].bytes);
		if (r == 0)
			r = check_length(owner, &owner->keys[i]);
	}
	if (r == 0 && has_new)
		r = check_room(owner, &owner->keys[0]);
	return r;
}

void owner_free(struct owner *owner)
{
	for (int i = 0; i < OWNER_KEYS_MAX; i++)
		secret_wipe(&owner->keys[i].bytes);
	signing_close(&owner->signing);
	header_copy_free(&owner->peek);
	lock_release(&owner->lock);
	close_fd(&owner->fd);
}

/* A file may have been put into its place while its lock was waited for. */
static int check_place(const struct owner *owner)
{
	struct stat held, named;

	if (fstat(owner->fd, &held) == 0 && stat(owner->file, &named) == 0 &&
	    held.st_dev == named.st_dev && held.st_ino == named.st_ino)
		return EXIT_OPENED;
	complain("%s: %s: somebody else replaced it meanwhile; nothing was changed, try again",
		 owner->command, owner->device);
	return EXIT_IO;
}

int owner_lock(struct owner *owner)
{
	struct fault fault;
	char name[OWNER_LABEL + 16];
	int r;

	snprintf(name, sizeof(name), "%s: %s", owner->command, owner->device);
	r = lock_take(&owner->lock, owner->fd, name, &fault);
	if (r == 0)
		return check_place(owner);
	complain("%s", fault.text);
	return r;
}

void owner_tell_copies(const struct owner *owner)
{
	struct fault fault;

	if (copies_differ(owner->fd, owner->partition.start, &fault))
		complain("%s: the header of %s: %s", owner->command, owner->device, fault.text);
}

struct header_place owner_place(const struct owner *owner)
{
	return (struct header_place){
		.device = owner->path, .name = owner->device, .start = owner->partition.start,
	};
}

/* libcryptsetup has no offset for a header, so it gets a copy of the beginning. */
static int peek(struct owner *owner, uint64_t size)
{
	struct policy_layout layout = { .end = (int64_t)size };
	struct header_place place = owner_place(owner);
	struct fault fault;
	int r;

	place.read_only = true;
	header_copy_free(&owner->peek);
	r = header_copy_make(&owner->peek, &place, &layout, &fault);
	if (r)
		complain("%s: %s", owner->command, fault.text);
	return r;
}

/* Nobody knows a descriptor by its number. */
static void drop_path(const char *path, struct fault *fault)
{
	size_t length = strlen(path);

	if (strncmp(fault->text, path, length) == 0)
		memmove(fault->text, fault->text + length, strlen(fault->text + length) + 1);
}

/* The content is looked at where it is, not in a copy. */
static int explain_load(const struct owner *owner, const char *path, int code, struct fault *fault)
{
	const struct partition *partition = &owner->partition;
	off_t end = lseek(owner->fd, 0, SEEK_END);
	uint64_t size = partition->size ? partition->size : end < 0 ? 0 : (uint64_t)end;
	int r = kind_explain(owner->fd, partition->start, size, code, fault);

	drop_path(path, fault);
	complain("%s: %s%s%s", owner->command, owner->device, fault->text[0] == ':' ? "" : " ",
		 fault->text);
	return r;
}

int owner_load(const struct owner *owner, const char *path, struct header *header)
{
	const struct header_source source = {
		.name = owner->command, .file = "", .device = path,
		.terms = owner->detached ? POLICY_DETACHED : 0,
	};
	struct fault fault;
	int r = header_read(header, &source, &fault);

	if (r && header->step == HEADER_LOAD)
		return explain_load(owner, path, r, &fault);
	if (r)
		complain("%s: the header of %s is refused: %s", owner->command, owner->device,
			 fault.text);
	return r;
}

static int load_peek(struct owner *owner, uint64_t size, struct header *header)
{
	int r = peek(owner, size);

	return r ? r : owner_load(owner, owner->peek.path, header);
}

int owner_load_device(struct owner *owner, struct header *header)
{
	uint64_t whole = owner->partition.size, size = whole < USUAL_HEADER ? whole : USUAL_HEADER;
	uint64_t end;
	int r;

	if (!whole)
		return owner_load(owner, owner->path, header);
	r = load_peek(owner, size, header);
	end = (uint64_t)header->layout.end;
	if (r || end <= size)
		return r;
	header_free(header);
	return load_peek(owner, end, header);
}

bool owner_key_fits(const struct owner_key *key, const struct token *token)
{
	return key->bytes.size >= SEAL_SECRET_MIN &&
	       (!key->secret[0] || strcmp(key->secret, token->secret) == 0);
}

bool owner_key_opens(struct crypt_device *cd, const struct owner_key *key, int slot)
{
	return crypt_activate_by_passphrase(cd, NULL, slot, (const char *)key->bytes.bytes,
					    key->bytes.size, 0) == slot;
}

/* Of slots that only who names them wants to try; whoever gives a key has named it. */
static int get_volume_key(struct crypt_device *cd, const struct owner_key *opener, int slot,
			  struct secret *volume_key)
{
	int r = crypt_volume_key_get(cd, slot, (char *)volume_key->bytes, &volume_key->size,
				     (const char *)opener->bytes.bytes, opener->bytes.size);

	for (int i = 0; r < 0 && slot == CRYPT_ANY_SLOT && i < crypt_keyslot_max(CRYPT_LUKS2); i++)
		if (crypt_keyslot_get_priority(cd, i) == CRYPT_SLOT_PRIORITY_IGNORE)
			r = get_volume_key(cd, opener, i, volume_key);
	return r;
}

/* The volume key is in locked memory for this moment only. */
int owner_add_keyslot(const struct owner *owner, struct crypt_device *cd,
		      const struct owner_key *opener, int slot)
{
	CLEANUP(secret_wipe) struct secret volume_key = { 0 };
	const struct secret *new = &owner->keys[0].bytes;
	int r = secret_allocate(&volume_key, (size_t)crypt_get_volume_key_size(cd));

	volume_key.size = volume_key.capacity;
	if (r == 0)
		r = get_volume_key(cd, opener, slot, &volume_key);
	if (r >= 0)
		r = keyslot_make_cheap(cd);
	if (r >= 0)
		r = crypt_keyslot_add_by_volume_key(cd, CRYPT_ANY_SLOT,
						    (const char *)volume_key.bytes, volume_key.size,
						    (const char *)new->bytes, new->size);
	if (r < 0)
		complain("%s: %s: %s", owner->command, owner->device, keyslot_explain(r));
	return r;
}

bool owner_volume_key_holds(const struct header *header, const struct owner_key *key)
{
	return !header->token.volume_key ||
	       volume_key_activate(header->cd, header->document, &header->token, &key->bytes, NULL,
				   0) == 0;
}
