// SPDX-License-Identifier: GPL-2.0-or-later
#include "root/state.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file.h"

#define VOLUMES   STATE_VOLUMES
#define WIPE_REST "wipe-rest"
#define LOST      "lost"
#define VERIFIED  "verified.json"
#define ROOT_LINK "root"
#define ROOT_ANY  "any-root"
#define MAPPER    "/dev/mapper/"

enum { FILE_NAME_SIZE = sizeof(VOLUMES "/.json.new") + VOLUME_NAME_SIZE, RECORD_MAX = 8192 };

static void put_json(struct json_object **object)
{
	json_object_put(*object);
}

static void add_text(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value ? value : ""));
}

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static void add_bool(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

static void add_cookies(struct json_object *object, const struct state_cookies *left)
{
	struct json_object *cookies = json_object_new_array();

	for (size_t i = 0; i < STATE_COOKIES; i++)
		if (left->list[i])
			json_object_array_add(cookies, json_object_new_uint64(left->list[i]));
	json_object_object_add(object, "udev_cookies", cookies);
}

int state_look(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/* A file that others may write to is not a record. */
static bool is_our_own(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* The folder for @path, made where it is missing; only root may look. */
int state_open(const char *path)
{
	int fd, r = 0;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = state_look(path);
	if (fd < 0)
		return fd;
	if (!is_our_own(fd))
		r = -EPERM;
	else if (mkdirat(fd, VOLUMES, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static int write_new(int state, const char *name, struct json_object *object)
{
	CLEANUP(close_fd) int fd =
		openat(state, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY);
	int r;

	if (fd < 0)
		return -errno;
	if (!text)
		return -ENOMEM;
	r = file_write(fd, text, strlen(text));
	return r < 0 ? r : file_write(fd, "\n", 1);
}

/* A record is there whole or not at all. */
static int replace(int state, const char *name, struct json_object *object)
{
	char new_name[FILE_NAME_SIZE];
	int r;

	snprintf(new_name, sizeof(new_name), "%s.new", name);
	r = write_new(state, new_name, object);
	if (r == 0 && renameat(state, new_name, state, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(state, new_name, 0);
	return r;
}

static void volume_file(char out[FILE_NAME_SIZE], const char *name)
{
	snprintf(out, FILE_NAME_SIZE, VOLUMES "/%s.json", name);
}

int state_add(int state, const struct volume *volume, const struct volume_record *record)
{
	CLEANUP(put_json) struct json_object *object = json_object_new_object();
	char file[FILE_NAME_SIZE];

	if (!object)
		return -ENOMEM;
	add_text(object, "name", volume->name);
	add_text(object, "device", record->device);
	add_text(object, "luks_uuid", record->luks_uuid);
	add_text(object, "dm_uuid", record->mapping->dm_uuid);
	add_text(object, "diskseq", record->mapping->diskseq);
	add_text(object, "secret", volume->secret);
	add_number(object, "header_us", record->header_us);
	add_number(object, "secret_us", record->secret_us);
	add_number(object, "seal_us", record->seal_us);
	add_number(object, "activate_us", record->activate_us);
	add_number(object, "opened_us", record->opened_us);
	add_bool(object, "sealed", !(volume->options & VOLUME_UNSEALED));
	if (record->owner && record->owner[0])
		add_text(object, "owner", record->owner);
	if (record->slot >= 0)
		add_number(object, "keyslot", (uint64_t)record->slot);
	add_cookies(object, &record->cookies);
	if (volume->header[0])
		add_text(object, "header", volume->header);
	volume_file(file, volume->name);
	return replace(state, file, object);
}

static bool has_text(struct json_object *object, const char *key, const char *value)
{
	struct json_object *found;

	return json_object_object_get_ex(object, key, &found) &&
	       json_object_is_type(found, json_type_string) &&
	       strcmp(json_object_get_string(found), value) == 0;
}

struct json_object *state_read(int state, const char *folder, const char *name)
{
	CLEANUP(close_fd) int fd = -1;
	char file[FILE_NAME_SIZE], text[RECORD_MAX];
	ssize_t length;

	snprintf(file, sizeof(file), "%s/%s.json", folder, name);
	fd = openat(state, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (length < 0)
		return NULL;
	text[length] = '\0';
	return json_tokener_parse(text);
}

bool state_knows(int state, const char *name, const struct mapping_id *mapping)
{
	CLEANUP(put_json) struct json_object *object = state_read(state, VOLUMES, name);

	return has_text(object, "dm_uuid", mapping->dm_uuid) &&
	       has_text(object, "diskseq", mapping->diskseq);
}

void state_get_cookies(int state, const char *name, struct state_cookies *left)
{
	CLEANUP(put_json) struct json_object *object = state_read(state, VOLUMES, name);
	struct json_object *cookies = NULL;
	size_t count = 0;

	*left = (struct state_cookies){ 0 };
	if (json_object_object_get_ex(object, "udev_cookies", &cookies) &&
	    json_object_is_type(cookies, json_type_array))
		count = json_object_array_length(cookies);
	for (size_t i = 0; i < count && i < STATE_COOKIES; i++)
		left->list[i] =
			(uint32_t)json_object_get_uint64(json_object_array_get_idx(cookies, i));
}

void state_remove(int state, const char *name)
{
	char file[FILE_NAME_SIZE];

	volume_file(file, name);
	unlinkat(state, file, 0);
}

void state_each_in(int state, const char *folder, state_use *use, void *context)
{
	CLEANUP(close_dir) DIR *dir = NULL;
	int fd = openat(state, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	const struct dirent *entry;

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir)
		close(fd);
	while (dir && (entry = readdir(dir)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');
		char name[VOLUME_NAME_SIZE];

		if (!end || strcmp(end, ".json") != 0 ||
		    end - entry->d_name >= (ptrdiff_t)sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(end - entry->d_name), entry->d_name);
		use(context, name);
	}
}

void state_each(int state, state_use *use, void *context)
{
	state_each_in(state, VOLUMES, use, context);
}

static int add_mark(int state, const char *name)
{
	CLEANUP(close_fd) int fd =
		openat(state, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : 0;
}

int state_ask_wipe_rest(int state)
{
	return add_mark(state, WIPE_REST);
}

int state_wants_wipe_rest(int state)
{
	if (faccessat(state, WIPE_REST, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

int state_add_lost(int state)
{
	return add_mark(state, LOST);
}

static bool is_there(int state, const char *name)
{
	return faccessat(state, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool state_has_lost(int state)
{
	return is_there(state, LOST);
}

int state_set_root(int state, const char *name)
{
	char target[sizeof(MAPPER) + VOLUME_NAME_SIZE];
	CLEANUP(close_fd) int fd = -1;

	if (is_there(state, ROOT_LINK) || is_there(state, ROOT_ANY))
		return 0;
	if (name) {
		snprintf(target, sizeof(target), MAPPER "%s", name);
		return symlinkat(target, state, ROOT_LINK) < 0 ? -errno : 0;
	}
	fd = openat(state, ROOT_ANY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : 0;
}

int state_get_root(int state, char name[VOLUME_NAME_SIZE])
{
	char target[sizeof(MAPPER) + VOLUME_NAME_SIZE] = "";
	ssize_t length = readlinkat(state, ROOT_LINK, target, sizeof(target) - 1);
	struct slice rest = slice_of(target);

	name[0] = '\0';
	if (length < 0)
		return errno == ENOENT && is_there(state, ROOT_ANY) ? 0 : -errno;
	if (!slice_skip_prefix(&rest, MAPPER) || !rest.length || rest.length >= VOLUME_NAME_SIZE)
		return -EBADMSG;
	memcpy(name, rest.at, rest.length + 1);
	return 1;
}

int state_add_run(int state, const struct run_record *record)
{
	CLEANUP(put_json) struct json_object *object = json_object_new_object();

	if (!object)
		return -ENOMEM;
	add_number(object, "begin_us", record->begin_us);
	add_number(object, "end_us", record->end_us);
	add_number(object, "module_us", record->module_us);
	add_number(object, "devices_us", record->devices_us);
	add_number(object, "unlink_us", record->unlink_us);
	add_number(object, "exit_status", (uint64_t)record->exit_status);
	return replace(state, "run.json", object);
}

int state_add_agent(int state, const struct agent_record *record)
{
	CLEANUP(put_json) struct json_object *object = json_object_new_object();

	if (!object)
		return -ENOMEM;
	add_text(object, "broker", record->broker);
	add_text(object, "tee", record->tee);
	add_number(object, "begin_us", record->begin_us);
	add_number(object, "proved_us", record->proved_us);
	add_number(object, "end_us", record->end_us);
	add_number(object, "secrets", record->secrets);
	add_number(object, "exit_status", (uint64_t)record->exit_status);
	return replace(state, "agent.json", object);
}

int state_add_wiped(int state, const char *secret)
{
	CLEANUP(put_json) struct json_object *object = json_object_new_object();
	char file[FILE_NAME_SIZE];

	if (!object)
		return -ENOMEM;
	if (mkdirat(state, STATE_WIPED, 0700) < 0 && errno != EEXIST)
		return -errno;
	add_text(object, "secret", secret);
	add_number(object, "wiped_us", clock_us());
	snprintf(file, sizeof(file), STATE_WIPED "/%s.json", secret);
	return replace(state, file, object);
}

bool state_has_verified(int state)
{
	return is_there(state, VERIFIED);
}

int state_add_verified(int state, const char *dir)
{
	CLEANUP(put_json) struct json_object *object = json_object_new_object();

	if (!object)
		return -ENOMEM;
	add_text(object, "dir", dir);
	add_number(object, "verified_us", clock_us());
	return replace(state, VERIFIED, object);
}
