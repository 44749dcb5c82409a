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

enum volume_option_bit {
#define OPTION(name, word, crypt_flag) VOLUME_##name##_BIT,
#include "config/options.def"
	VOLUME_DISCOVERED_BIT,
};

enum volume_option {
#define OPTION(name, word, crypt_flag) VOLUME_##name = 1 << VOLUME_##name##_BIT,
#include "config/options.def"
	/* No word for it: nothing but its own header speaks for it. */
	VOLUME_DISCOVERED = 1 << VOLUME_DISCOVERED_BIT,
};

enum device_kind {
	DEVICE_PATH,
#define TAG(kind, prefix) DEVICE_##kind,
#include "config/device_tags.def"
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

/* Whether any of them has an option, one of enum volume_option. */
bool volumes_have(const struct volumes *volumes, unsigned int option);
struct volume *volumes_find(const struct volumes *volumes, const char *name);
/* What is there already, in the same words, is there once. */
int volumes_add(struct volumes *volumes, const struct volume *volume, struct fault *fault);
void volumes_free(struct volumes *volumes);

#endif
