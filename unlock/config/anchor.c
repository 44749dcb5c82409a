// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/anchor.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/file.h"

#define BEGIN "-----BEGIN PUBLIC KEY-----"
#define END "-----END PUBLIC KEY-----"
#define PRIVATE "PRIVATE KEY-----"

/* What stands before the key's bytes: SubjectPublicKeyInfo with id-Ed25519 (RFC 8410, section 4). */
static const unsigned char head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
				      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

enum { INFO_SIZE = sizeof(head) + ANCHOR_SIZE };

/* Points 0 and 1 of the curve have no secret. */
static bool is_placeholder(const unsigned char *bytes)
{
	if (bytes[0] > 1 || bytes[ANCHOR_SIZE - 1] & 0x7f)
		return false;
	for (size_t i = 1; i < ANCHOR_SIZE - 1; i++)
		if (bytes[i])
			return false;
	return true;
}

bool anchors_have(const struct anchors *anchors, const struct anchor *anchor)
{
	for (size_t i = 0; i < anchors->count; i++)
		if (memcmp(&anchors->list[i], anchor, sizeof(*anchor)) == 0)
			return true;
	return false;
}

static int add(struct anchors *anchors, const struct anchor *anchor, struct fault *fault)
{
	if (anchors_have(anchors, anchor))
		return 0;
	if (is_placeholder(anchor->bytes))
		return fault_set(fault, "zeros are no owner's key: anybody could sign for it");
	if (anchors->unwanted)
		return fault_set(fault, "an owner's key, and the word none: one of them must go");
	if (anchors->count == ANCHORS_MAX)
		return fault_set(fault, "more than %d owners' keys", ANCHORS_MAX);
	anchors->list[anchors->count++] = *anchor;
	return 0;
}

int anchors_add_text(struct anchors *anchors, struct slice text, struct fault *fault)
{
	struct anchor anchor;

	if (slice_is(text, "none")) {
		anchors->unwanted = true;
		return anchors->count == 0 ? 0 :
		       fault_set(fault, "the word none, and an owner's key: one of them must go");
	}
	if (base64_decode(text, BASE64URL, anchor.bytes, ANCHOR_SIZE) != ANCHOR_SIZE)
		return fault_set(fault, "\"%s\" is neither none nor an Ed25519 public key, which has 43 "
				 "characters; cocosecret keygen --owner prints it", ESCAPED(text));
	return add(anchors, &anchor, fault);
}

/* From the end of the last one on: the text between the lines, or false. */
static bool next_block(struct slice *rest, struct slice *body)
{
	const char *begin = memmem(rest->at, rest->length, BEGIN, strlen(BEGIN));
	const char *end;
	size_t left;

	if (!begin)
		return false;
	begin += strlen(BEGIN);
	left = rest->length - (size_t)(begin - rest->at);
	end = memmem(begin, left, END, strlen(END));
	*body = (struct slice){ begin, end ? (size_t)(end - begin) : left };
	*rest = (struct slice){ begin + body->length, left - body->length };
	return true;
}

/* In lines of any length. */
static int decode_info(struct slice body, unsigned char info[INFO_SIZE])
{
	char text[BASE64_TEXT_SIZE(INFO_SIZE)];
	size_t length = 0;

	for (size_t i = 0; i < body.length; i++) {
		if (isspace((unsigned char)body.at[i]))
			continue;
		if (length == sizeof(text))
			return -EINVAL;
		text[length++] = body.at[i];
	}
	return base64_decode((struct slice){ text, length }, BASE64, info, INFO_SIZE);
}

int anchors_add_pem(struct anchors *anchors, struct slice pem, const char *name,
		    struct fault *fault)
{
	unsigned char info[INFO_SIZE];
	struct anchor anchor;
	struct slice body;
	bool any = false;

	if (memmem(pem.at, pem.length, PRIVATE, strlen(PRIVATE)))
		return fault_set(fault, "%s: holds a private key, which stays with its owner", name);
	while (next_block(&pem, &body)) {
		if (decode_info(body, info) != INFO_SIZE ||
		    memcmp(info, head, sizeof(head)) != 0)
			return fault_set(fault, "%s: holds a public key that is not one for Ed25519; "
					 "cocosecret keygen --owner makes one", name);
		memcpy(anchor.bytes, info + sizeof(head), ANCHOR_SIZE);
		if (add(anchors, &anchor, fault) < 0)
			return fault_prefix(fault, "%s: ", name);
		any = true;
	}
	return any ? 0 : fault_set(fault, "%s: holds no public key in PEM, as cocosecret keygen --owner "
				   "makes it", name);
}

void anchor_pem(const struct anchor *anchor, char pem[ANCHOR_PEM_SIZE])
{
	char text[BASE64_TEXT_SIZE(INFO_SIZE)];
	unsigned char info[INFO_SIZE];

	memcpy(info, head, sizeof(head));
	memcpy(info + sizeof(head), anchor->bytes, ANCHOR_SIZE);
	base64_encode(info, sizeof(info), BASE64, text);
	snprintf(pem, ANCHOR_PEM_SIZE, BEGIN "\n%s\n" END "\n", text);
}

int anchors_add_file(struct anchors *anchors, const char *path, struct fault *fault)
{
	CLEANUP(free_text) char *text = NULL;
	size_t length;
	int r = file_read(path, &text, &length);

	if (r < 0)
		return fault_set(fault, "%s: %s", path, strerror(-r));
	return anchors_add_pem(anchors, (struct slice){ text, length }, path, fault);
}

static bool is_pem(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && name[0] != '.' && strcmp(name + length - 4, ".pem") == 0;
}

static int add_entry(struct anchors *anchors, const char *folder, const char *name,
		     struct fault *fault)
{
	char path[4096];

	if (name[0] == '.')
		return 0;
	if (!is_pem(name))
		return fault_set(fault, "%s/%s: is not named *.pem, so nobody would look into it",
				 folder, name);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
		return fault_set(fault, "%s: a path in it is too long", folder);
	return anchors_add_file(anchors, path, fault);
}

int anchors_add_folder(struct anchors *anchors, const char *folder, struct fault *fault)
{
	CLEANUP(close_dir) DIR *dir = opendir(folder);
	const struct dirent *entry;
	struct stat st;
	int r = 0;

	if (!dir && errno == ENOENT && lstat(folder, &st) < 0 && errno == ENOENT)
		return 0;
	/* Also where a link leads nowhere: that folder got lost. */
	if (!dir)
		return fault_set(fault, "%s: %s", folder, strerror(errno));
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		r = add_entry(anchors, folder, entry->d_name, fault);
	if (r == 0 && errno)
		r = fault_set(fault, "%s: %s", folder, strerror(errno));
	return r;
}
