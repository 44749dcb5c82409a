// SPDX-License-Identifier: GPL-2.0-or-later
#include "device.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"

enum { RECEIVE_BUFFER = 128 << 20 };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Compares with text in which udev wrote unsafe bytes as \xNN. */
static bool encoded_is(const char *encoded, const char *plain)
{
	if (!encoded)
		return false;
	while (*encoded && *plain) {
		char c = *encoded++;

		if (c == '\\' && encoded[0] == 'x' && hex_digit(encoded[1]) >= 0 &&
		    hex_digit(encoded[2]) >= 0) {
			c = (char)(hex_digit(encoded[1]) << 4 | hex_digit(encoded[2]));
			encoded += 3;
		}
		if (c != *plain++)
			return false;
	}
	return *encoded == *plain;
}

static bool uuid_is(const char *found, const char *wanted)
{
	return found && strcasecmp(found, wanted) == 0;
}

static bool has_link(const char *links, const char *path)
{
	struct slice rest, link;

	if (!links)
		return false;
	rest = slice_of(links);
	while (slice_cut(&rest, ' ', &link))
		if (slice_is(link, path))
			return true;
	return false;
}

bool device_matches(const struct device_spec *spec, const struct device_properties *properties)
{
	bool is_luks = properties->fs_type && strcmp(properties->fs_type, "crypto_LUKS") == 0;

	if (!properties->node)
		return false;
	switch (spec->kind) {
	case DEVICE_PATH:
		return strcmp(properties->node, spec->value) == 0 ||
		       has_link(properties->links, spec->value);
	case DEVICE_UUID:
		return is_luks && uuid_is(properties->fs_uuid, spec->value);
	case DEVICE_LABEL:
		return is_luks && encoded_is(properties->fs_label_enc, spec->value);
	case DEVICE_PARTUUID:
		return uuid_is(properties->part_uuid, spec->value);
	case DEVICE_PARTLABEL:
		return encoded_is(properties->part_name, spec->value);
	}
	return false;
}

static void unref_device(struct udev_device **device)
{
	udev_device_unref(*device);
}

static void unref_enumerate(struct udev_enumerate **enumerate)
{
	udev_enumerate_unref(*enumerate);
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
		.part_type = udev_device_get_property_value(device, "ID_PART_ENTRY_TYPE"),
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

int devices_enumerate(struct devices *devices, device_found *found, void *context)
{
	CLEANUP(unref_enumerate) struct udev_enumerate *enumerate = udev_enumerate_new(devices->udev);
	struct udev_list_entry *entry;
	int r;

	if (!enumerate)
		return -ENOMEM;
	r = udev_enumerate_add_match_subsystem(enumerate, "block");
	if (r >= 0)
		r = udev_enumerate_add_match_is_initialized(enumerate);
	if (r >= 0)
		r = udev_enumerate_scan_devices(enumerate);
	if (r < 0)
		return r;
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(enumerate)) {
		const char *path = udev_list_entry_get_name(entry);
		CLEANUP(unref_device) struct udev_device *device =
			udev_device_new_from_syspath(devices->udev, path);

		report(device, found, context);
	}
	return 0;
}

void devices_receive(struct devices *devices, device_found *found, void *context)
{
	CLEANUP(unref_device) struct udev_device *device =
		udev_monitor_receive_device(devices->monitor);

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

void devices_close(struct devices *devices)
{
	udev_monitor_unref(devices->monitor);
	udev_unref(devices->udev);
	*devices = (struct devices){ 0 };
}
