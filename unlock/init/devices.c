// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * boot/devices.h without udev: the kernel's own uevents say which block devices there are, and
 * libblkid reads two things of them only, partition tables and LUKS headers. No other parser sees
 * a byte of a disk that nobody has verified.
 */
#include "boot/devices.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/probe.h"
#include "init/uevent.h"
#include "lib/cleanup.h"
#include "lib/file.h"

#define BLOCK_CLASS "/sys/class/block"

enum { PATH_SIZE = 2 * DEVICES_NAME_SIZE, ENCODED_SIZE = 4 * 64 };

/* False where the kernel has not made its node yet: it says so when it has. */
static bool report(const char *name, device_found *found, void *context)
{
	static char *const luks[] = { "crypto_LUKS", NULL };
	CLEANUP(probe_close) blkid_probe probe = NULL;
	char node[PATH_SIZE], label[ENCODED_SIZE] = "";
	struct device_properties properties;

	snprintf(node, sizeof(node), "/dev/%s", name);
	for (char *at = node; (at = strchr(at, '!')) != NULL;)
		*at = '/';
	probe = probe_open(node, luks, true);
	if (!probe)
		return false;
	if (probe_run(probe) < 0)
		return true;
	properties = (struct device_properties){
		.node = node,
		.fs_type = probe_value(probe, "TYPE"),
		.fs_uuid = probe_value(probe, "UUID"),
		.part_uuid = probe_value(probe, "PART_ENTRY_UUID"),
		.part_name = probe_value(probe, "PART_ENTRY_NAME"),
	};
	if (probe_value(probe, "LABEL") &&
	    blkid_encode_string(probe_value(probe, "LABEL"), label, sizeof(label)) == 0)
		properties.fs_label_enc = label;
	found(context, &properties);
	return true;
}

/* Mappings are what was opened, and loop devices and RAM disks nobody has set up. */
static bool is_disk(const char *name)
{
	static const char *const others[] = { "dm-", "loop", "ram", "zram" };
	CLEANUP(free_text) char *text = NULL;
	char path[PATH_SIZE];
	size_t length;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strncmp(name, others[i], strlen(others[i])) == 0)
			return false;
	snprintf(path, sizeof(path), BLOCK_CLASS "/%s/size", name);
	return file_read(path, &text, &length) == 0 && strcmp(text, "0\n") != 0;
}

static bool is_seen(const struct devices *devices, const char *name)
{
	for (size_t i = 0; i < devices->count; i++)
		if (strcmp(devices->list[i].name, name) == 0)
			return true;
	return false;
}

static int look_at(struct devices *devices, const char *name, device_found *found, void *context)
{
	struct devices_entry *list;

	if (is_seen(devices, name) || !is_disk(name) || !report(name, found, context))
		return 0;
	list = reallocarray(devices->list, devices->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	devices->list = list;
	list[devices->count].ready = true;
	snprintf(list[devices->count++].name, sizeof(list->name), "%s", name);
	return 0;
}

int devices_listen(struct devices *devices)
{
	devices->socket = uevent_listen();
	return devices->socket < 0 ? devices->socket : 0;
}

int devices_descriptor(const struct devices *devices)
{
	return devices->socket;
}

int devices_enumerate(struct devices *devices, device_found *found, void *context)
{
	CLEANUP(close_dir) DIR *dir = opendir(BLOCK_CLASS);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			r = look_at(devices, entry->d_name, found, context);
	return r;
}

static void forget(struct devices *devices, const char *name)
{
	for (size_t i = 0; i < devices->count; i++)
		if (strcmp(devices->list[i].name, name) == 0)
			devices->list[i] = devices->list[--devices->count];
}

/* Which of the devices it was matters less than that there is another look: events may be lost. */
void devices_receive(struct devices *devices, device_found *found, void *context)
{
	struct uevent event;

	while (uevent_receive(devices->socket, &event) == 0)
		if (strcmp(event.subsystem, "block") == 0 && strcmp(event.action, "remove") == 0)
			forget(devices, event.name);
	devices_enumerate(devices, found, context);
}

bool devices_waiting(const struct devices *devices)
{
	struct pollfd events = { .fd = devices->socket, .events = POLLIN };

	return poll(&events, 1, 0) > 0;
}

/* Nobody else looks at a device first. */
bool devices_queued(const struct devices *devices)
{
	(void)devices;
	return false;
}

bool devices_unready(const struct devices *devices)
{
	(void)devices;
	return false;
}

void devices_close(struct devices *devices)
{
	free(devices->list);
	if (devices->socket > 0)
		close(devices->socket);
	*devices = (struct devices){ 0 };
}
