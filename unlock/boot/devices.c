// SPDX-License-Identifier: GPL-2.0-or-later
/* By udev. An initramfs without it has init/devices.c. */
#include "boot/devices.h"

#include <errno.h>
#include <libudev.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"

#define BLOCK_CLASS "/sys/class/block"

enum { RECEIVE_BUFFER = 128 << 20, PATH_SIZE = 2 * DEVICES_NAME_SIZE };

static void unref_device(struct udev_device **device)
{
	udev_device_unref(*device);
}

static void unref_queue(struct udev_queue **queue)
{
	udev_queue_unref(*queue);
}

/* Only a device that udev has finished with, and that is not to be left alone, is looked at. */
static bool is_ready(struct udev_device *device)
{
	const char *action = udev_device_get_action(device);
	const char *ready = udev_device_get_property_value(device, "SYSTEMD_READY");

	if (action && strcmp(action, "remove") == 0)
		return false;
	return udev_device_get_is_initialized(device) > 0 && !(ready && strcmp(ready, "0") == 0);
}

static void report(struct udev_device *device, device_found *found, void *context)
{
	struct device_properties properties;

	if (!device || !is_ready(device))
		return;
	properties = (struct device_properties){
		.node = udev_device_get_devnode(device),
		.links = udev_device_get_property_value(device, "DEVLINKS"),
		.fs_type = udev_device_get_property_value(device, "ID_FS_TYPE"),
		.fs_uuid = udev_device_get_property_value(device, "ID_FS_UUID"),
		.fs_label_enc = udev_device_get_property_value(device, "ID_FS_LABEL_ENC"),
		.part_uuid = udev_device_get_property_value(device, "ID_PART_ENTRY_UUID"),
		.part_name = udev_device_get_property_value(device, "ID_PART_ENTRY_NAME"),
	};
	found(context, &properties);
}

int devices_listen(struct devices *devices)
{
	devices->udev = udev_new();
	if (!devices->udev)
		return -ENOMEM;
	devices->monitor = udev_monitor_new_from_netlink(devices->udev, "udev");
	if (!devices->monitor)
		return -EIO;
	if (udev_monitor_filter_add_match_subsystem_devtype(devices->monitor, "block", NULL) < 0)
		return -EIO;
	/* A coldplug of hundreds of devices must not overrun it; refused, it stays as it is. */
	udev_monitor_set_receive_buffer_size(devices->monitor, RECEIVE_BUFFER);
	return udev_monitor_enable_receiving(devices->monitor);
}

int devices_descriptor(const struct devices *devices)
{
	return udev_monitor_get_fd(devices->monitor);
}

/* A drive or loop device without a medium says so when it gets one. */
static bool is_empty(const char *folder)
{
	CLEANUP(free_text) char *text = NULL;
	char path[PATH_SIZE];
	size_t length;

	snprintf(path, sizeof(path), "%s/size", folder);
	return file_read(path, &text, &length) == 0 && strcmp(text, "0\n") == 0;
}

static struct devices_entry *find(const struct devices *devices, const char *name)
{
	for (size_t i = 0; i < devices->count; i++)
		if (strcmp(devices->list[i].name, name) == 0)
			return &devices->list[i];
	return NULL;
}

static int add(struct devices *devices, const char *name, bool ready)
{
	struct devices_entry *list =
		reallocarray(devices->list, devices->count + 1, sizeof(*devices->list));

	if (!list)
		return -ENOMEM;
	devices->list = list;
	list[devices->count].ready = ready;
	snprintf(list[devices->count++].name, sizeof(list->name), "%s", name);
	return 0;
}

/* A mapping is there only when somebody has opened what it lies on: nobody waits for it. */
static int look_at(struct devices *devices, const char *name, device_found *found, void *context)
{
	CLEANUP(unref_device) struct udev_device *device = NULL;
	char folder[PATH_SIZE - sizeof("/size")];
	bool ready;

	snprintf(folder, sizeof(folder), BLOCK_CLASS "/%s", name);
	if (find(devices, name) || is_empty(folder))
		return 0;
	device = udev_device_new_from_syspath(devices->udev, folder);
	ready = !device || udev_device_get_is_initialized(device) != 0;
	if (ready)
		report(device, found, context);
	return add(devices, name, ready || strncmp(name, "dm-", 3) == 0);
}

/*
 * udev's own enumeration takes every device twice, with a hundred system calls each time, and most of
 * the devices are loop devices that nobody uses.
 */
int devices_enumerate(struct devices *devices, device_found *found, void *context)
{
	CLEANUP(close_dir) DIR *dir = opendir(BLOCK_CLASS);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			r = look_at(devices, entry->d_name, found, context);
	return r;
}

static void set_ready(struct devices *devices, const char *name)
{
	struct devices_entry *entry = find(devices, name);

	if (entry)
		entry->ready = true;
}

void devices_receive(struct devices *devices, device_found *found, void *context)
{
	CLEANUP(unref_device) struct udev_device *device =
		udev_monitor_receive_device(devices->monitor);

	if (device)
		set_ready(devices, udev_device_get_sysname(device));
	report(device, found, context);
}

bool devices_waiting(const struct devices *devices)
{
	struct pollfd events = { .fd = devices_descriptor(devices), .events = POLLIN };

	return poll(&events, 1, 0) > 0;
}

bool devices_queued(const struct devices *devices)
{
	CLEANUP(unref_queue) struct udev_queue *queue = udev_queue_new(devices->udev);

	return queue && !udev_queue_get_queue_is_empty(queue);
}

bool devices_unready(const struct devices *devices)
{
	for (size_t i = 0; i < devices->count; i++)
		if (!devices->list[i].ready)
			return true;
	return false;
}

void devices_close(struct devices *devices)
{
	free(devices->list);
	udev_monitor_unref(devices->monitor);
	udev_unref(devices->udev);
	*devices = (struct devices){ 0 };
}
