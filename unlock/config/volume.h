/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_VOLUME_H
#define COCOSECRET_VOLUME_H

#include <stdint.h>

#include "lib/guid.h"
#include "lib/text.h"

enum {
	VOLUME_NAME_SIZE = 128,  /* device-mapper's own limit, the NUL included */
	DEVICE_VALUE_SIZE = 512, /* no udev link or label is longer */
	HEADER_PATH_SIZE = 256,
	VOLUMES_MAX = 128,       /* each is a process; more is a mistake */
};

enum volume_option {
	VOLUME_ROOT = 1 << 0,
	VOLUME_DISCARD = 1 << 1,
	VOLUME_READ_ONLY = 1 << 2,
	VOLUME_NO_READ_WORKQUEUE = 1 << 3,
	VOLUME_NO_WRITE_WORKQUEUE = 1 << 4,
	VOLUME_SAME_CPU_CRYPT = 1 << 5,
	VOLUME_SUBMIT_FROM_CRYPT_CPUS = 1 << 6,
	VOLUME_NOFAIL = 1 << 7,
	VOLUME_INTEGRITY = 1 << 8,
	VOLUME_KEEP_SECRET = 1 << 9,
	VOLUME_UNSEALED = 1 << 10,
	VOLUME_WIPE_REST = 1 << 11,
	VOLUME_DISCOVERED = 1 << 12, /* no word for it: nothing but its own header speaks for it */
};

enum device_kind {
	DEVICE_PATH,
	DEVICE_UUID,
	DEVICE_LABEL,
	DEVICE_PARTUUID,
	DEVICE_PARTLABEL,
};

struct device_spec {
	enum device_kind kind;
	char value[DEVICE_VALUE_SIZE]; /* without UUID= or its like */
};

struct volume {
	char name[VOLUME_NAME_SIZE]; /* of the mapping; only characters safe in a path */
	struct device_spec device;
	char secret[GUID_TEXT_SIZE];
	char header[HEADER_PATH_SIZE]; /* a file in the initramfs; empty: on the device */
	unsigned int options;
};

struct volumes {
	struct volume *list;
	size_t count;
};

int volume_set_name(struct volume *volume, struct slice text, struct fault *fault);
int volume_set_device(struct volume *volume, struct slice text, struct fault *fault);
int volume_set_secret(struct volume *volume, struct slice text, struct fault *fault);
int volume_set_options(struct volume *volume, struct slice text, struct fault *fault);
uint32_t volume_crypt_flags(const struct volume *volume);

/* The device as the configuration wrote it, for messages. */
char *device_describe(char out[ESCAPED_MAX], const struct device_spec *device);
#define DEVICE_TEXT(device) device_describe((char[ESCAPED_MAX]){ 0 }, (device))

bool volumes_wipe_rest(const struct volumes *volumes);
struct volume *volumes_find(const struct volumes *volumes, const char *name);
int volumes_add(struct volumes *volumes, const struct volume *volume, struct fault *fault);
void volumes_free(struct volumes *volumes);

#endif
