// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/volume.h"
#include "header/copies.h"
#include "header/seal.h"
#include "header/volume_key.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"

static const struct option options[] = {
	{ "header", required_argument, NULL, 'h' },
	{ "partition", required_argument, NULL, 'p' },
	{ "secret", required_argument, NULL, 's' },
	{ "key-file", required_argument, NULL, 'k' },
	{ "name", required_argument, NULL, 'n' },
	{ "new-key-file", required_argument, NULL, 'w' },
	{ "also", required_argument, NULL, 'a' },
	{ "force", no_argument, NULL, 'f' },
	{ "sign-key", required_argument, NULL, 'S' },
	{ "to-sign", required_argument, NULL, 'T' },
	{ "signature", required_argument, NULL, 'V' },
	{ "owner", required_argument, NULL, 'O' },
	{ 0 },
};

static const struct {
	int option;
	unsigned int takes;
} conditions[] = {
	{ 'n', OWNER_TAKES_NAME },
	{ 'w', OWNER_TAKES_NEW_KEY },
	{ 'a', OWNER_TAKES_OTHERS },
	{ 'f', OWNER_TAKES_OTHERS },
	{ 'S', OWNER_TAKES_SIGN_KEY },
	{ 'T', OWNER_TAKES_SIGNATURE },
	{ 'V', OWNER_TAKES_SIGNATURE },
	{ 'O', OWNER_TAKES_OWNER },
};

struct files {
	const char *key;
	const char *new_key;
	const char *partition;
};

/* The size of a partition's header and key slots, unless cryptsetup was told otherwise. */
enum { USUAL_HEADER = 16 << 20 };

static bool is_taken(int option, unsigned int takes)
{
	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++)
		if (conditions[i].option == option)
			return takes & conditions[i].takes;
	return option != '?';
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

static struct owner_key *add_key(struct owner *owner, const char *file)
{
	struct owner_key *key = &owner->keys[owner->key_count++];

	key->file = file;
	return key;
}

/* The first two are those of --key-file and --new-key-file. */
static int add_other(struct owner *owner, const char *argument)
{
	const char *equals = strchr(argument, '=');
	struct slice uuid = { argument, equals ? (size_t)(equals - argument) : 0 };

	if (owner->key_count == OWNER_KEYS_MAX) {
		complain("%s: more than %d keys", owner->command, OWNER_KEYS_MAX);
		return EXIT_CONFIG;
	}
	if (equals && guid_parse(uuid, add_key(owner, equals + 1)->secret) == 0)
		return EXIT_OPENED;
	complain("%s: --also %s: not UUID=KEYFILE", owner->command, argument);
	return EXIT_CONFIG;
}

/* The options that are a text and no more. */
static const char **text_of(struct owner *owner, int option, struct files *files)
{
	switch (option) {
	case 'p':
		return &files->partition;
	case 'k':
		return &files->key;
	case 'w':
		return &files->new_key;
	case 'S':
		return &owner->signing.key_uri;
	case 'T':
		return &owner->signing.to_sign;
	case 'V':
		return &owner->signing.signature;
	case 'O':
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
	case 's':
		return set_secret(owner, optarg, owner->secret);
	case 'n':
		return set_name(owner, optarg);
	case 'a':
		return add_other(owner, optarg);
	case 'h':
		owner->file = optarg;
		owner->detached = true;
		return EXIT_OPENED;
	default:
		owner->force = true;
		return EXIT_OPENED;
	}
}

static int parse_options(struct owner *owner, int argc, char **argv, unsigned int takes,
			 struct files *files)
{
	int option, r;

	opterr = 0;
	optind = 0; /* getopt starts afresh, also where a test calls this twice */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!is_taken(option, takes)) {
			complain("%s: unknown or incomplete option %s; see cocosecret %s --help",
				 owner->command, argv[optind - 1], owner->command);
			return EXIT_CONFIG;
		}
		r = take(owner, option, files);
		if (r)
			return r;
	}
	if (!files->key && takes & OWNER_MAY_ASK)
		files->key = key_file_asked;
	if (argc - optind != (owner->detached ? 0 : 1) || !files->key ||
	    ((takes & OWNER_TAKES_NEW_KEY) && !files->new_key)) {
		complain("%s: wants one DEVICE or --header%s%s; see cocosecret %s --help",
			 owner->command, takes & OWNER_TAKES_NEW_KEY ? " and --new-key-file" : "",
			 takes & OWNER_MAY_ASK ? "" : " and --key-file", owner->command);
		return EXIT_CONFIG;
	}
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
	owner->key_count = owner->own_count = has_new ? 2 : 1;
	memcpy(owner->secret, GUID_DISK_KEY, GUID_TEXT_SIZE);
	owner->peek = (struct header_copy)HEADER_COPY_INIT;
	r = parse_options(owner, argc, argv, takes, &files);
	if (r == 0)
		r = open_device(owner, takes & OWNER_WRITES);
	if (r == 0)
		r = open_signing(owner);
	if (r == 0)
		r = find_partition(owner, files.partition);
	memcpy(owner->keys[0].secret, owner->secret, GUID_TEXT_SIZE);
	owner->keys[0].file = has_new ? files.new_key : files.key;
	if (has_new)
		owner->keys[1].file = files.key;
	for (int i = 0; i < owner->key_count && r == 0; i++) {
		r = key_file_read(&owner->files, owner->keys[i].file, &owner->keys[i].bytes);
		if (r == 0)
			r = check_length(owner, &owner->keys[i]);
	}
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

/* Nobody knows a descriptor by its number. */
static const char *without_path(const char *path, const char *said)
{
	size_t length = strlen(path);

	return strncmp(said, path, length) == 0 ? said + length : NULL;
}

int owner_load(const struct owner *owner, const char *path, struct header *header)
{
	const struct header_source source = {
		.name = owner->command, .file = "", .device = path,
		.terms = owner->detached ? POLICY_DETACHED : 0,
	};
	struct fault fault;
	int r = header_read(header, &source, &fault);

	if (r && header->step == HEADER_LOAD) {
		const char *rest = without_path(path, fault.text);

		complain("%s: %s%s", owner->command, rest ? owner->device : "",
			 rest ? rest : fault.text);
	} else if (r) {
		complain("%s: the header of %s is refused: %s", owner->command, owner->device,
			 fault.text);
	}
	return r;
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

bool owner_volume_key_holds(const struct header *header, const struct owner_key *key)
{
	return !header->token.volume_key ||
	       volume_key_activate(header->cd, header->document, &header->token, &key->bytes, NULL,
				   0) == 0;
}
