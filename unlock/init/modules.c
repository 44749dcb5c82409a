// SPDX-License-Identifier: GPL-2.0-or-later
#include "init/modules.h"

#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "boot/module.h"
#include "init/uevent.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"

/* Disks mostly hang on PCI, and each look into the index costs time. */
static const char *const modaliases[] = {
	"/sys/bus/pci/devices/*/modalias", "/sys/bus/*/devices/*/modalias",
};

enum { ALIAS_SIZE = 512 };

static void load(struct slice name)
{
	char alias[ALIAS_SIZE];

	while (name.length && strchr(" \t\r\n", name.at[name.length - 1]))
		name.length--;
	if (name.length == 0 || name.length >= sizeof(alias) || name.at[0] == '#')
		return;
	memcpy(alias, name.at, name.length);
	alias[name.length] = '\0';
	module_load(alias);
}

void modules_load_listed(const char *list)
{
	CLEANUP(free_text) char *text = NULL;
	struct slice rest, line;
	size_t length;

	if (file_read(list, &text, &length) < 0)
		return;
	rest = (struct slice){ text, length };
	while (slice_cut(&rest, '\n', &line))
		load(line);
}

static void load_from(const char *path)
{
	CLEANUP(free_text) char *text = NULL;
	size_t length;

	if (file_read(path, &text, &length) == 0)
		load((struct slice){ text, length });
}

/* For the devices that have come since. */
static void load_new(int events)
{
	struct uevent event;

	while (events >= 0 && uevent_receive(events, &event) == 0)
		if (strcmp(event.action, "add") == 0)
			load(slice_of(event.modalias));
}

/* A driver that finds its device brings others, a disk among them, which need not wait. */
static void load_present(const char *pattern, int events)
{
	glob_t found = { 0 };

	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			load_from(found.gl_pathv[i]);
			load_new(events);
		}
	globfree(&found);
}

_Noreturn void modules_load_drivers(void)
{
	struct pollfd events = { .fd = uevent_listen(), .events = POLLIN };

	for (size_t i = 0; i < sizeof(modaliases) / sizeof(*modaliases); i++)
		load_present(modaliases[i], events.fd);
	while (events.fd >= 0 && (poll(&events, 1, -1) > 0 || errno == EINTR))
		load_new(events.fd);
	log_error("the kernel's device events cannot be heard: %s", strerror(errno));
	_exit(EXIT_IO);
}
