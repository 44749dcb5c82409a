// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cocosecret-image, for whoever makes an initramfs: says which kernel modules and files the unlocker
 * needs there, checks the owners' keys for it, and closes an image with systemd. It is a program of
 * its own because nothing in the image starts it. Nothing is asked of the machine that it runs on.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/anchor.h"
#include "config/broker_modules.h"
#include "config/cocotab.h"
#include "config/config.h"
#include "config/crypttab.h"
#include "config/pins.h"
#include "generator/closing.h"
#include "image/machine.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/file.h"

#define USAGE \
	"wants modules COCOTAB, headers COCOTAB, crypttab COCOTAB, owners FOLDER, agent KBS, machine IMAGE " \
	"or close FOLDER-OF-AN-IMAGE"

static const char *const modules[] = {
#include "image/modules.inc"
};

/* Or only says so. */
static int fail(const char *why)
{
	fprintf(stderr, "cocosecret-image: %s\n", why);
	return EXIT_CONFIG;
}

/* An image may have none. */
static int load(const char *path, struct volumes *volumes)
{
	CLEANUP(free_text) char *text = NULL;
	struct fault fault;
	size_t length = 0;
	int r = file_read(path, &text, &length);

	if (r == -ENOENT)
		return EXIT_OPENED;
	if (r < 0) {
		fprintf(stderr, "cocosecret-image: %s: %s\n", path, strerror(-r));
		return EXIT_IO;
	}
	r = cocotab_parse((struct slice){ text, length }, path, volumes, &fault);
	return r < 0 ? fail(fault.text) : EXIT_OPENED;
}

static void print_modules(const struct volumes *volumes)
{
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++)
		puts(modules[i]);
	/* Few volumes have it, and its module is a tenth of what we add to an image. */
	if (volumes_have(volumes, VOLUME_INTEGRITY))
		puts("dm_integrity");
}

static void print_headers(const struct volumes *volumes)
{
	for (size_t i = 0; i < volumes->count; i++)
		if (volumes->list[i].header[0])
			puts(volumes->list[i].header);
}

/* A cocotab that is wrong does not keep the modules back: the image's maker decides. */
static int print(const char *path, void (*list)(const struct volumes *volumes))
{
	CLEANUP(volumes_free) struct volumes volumes = { 0 };
	int code = load(path, &volumes);

	list(&volumes);
	return code;
}

/* A key that a boot cannot read would end it; one that is left out, and the boot asks for none. */
static int check_owners(const char *folder)
{
	struct anchors anchors = { 0 };
	struct fault fault;

	return anchors_add_folder(&anchors, folder, &fault) < 0 ? fail(fault.text) : EXIT_OPENED;
}

static int print_module(void *context, const char *name, bool proves)
{
	(void)context;
	(void)proves;
	return puts(name) == EOF;
}

/* The file @other of the root that has @path, which is its @own; false where it is not. */
static bool find_beside(const char *path, const char *own, const char *other, char found[PATH_MAX])
{
	size_t length = strlen(path), end = strlen(own);

	return length >= end && strcmp(path + length - end, own) == 0 &&
	       snprintf(found, PATH_MAX, "%.*s%s", (int)(length - end), path, other) < PATH_MAX;
}

/* A key that cannot be used is check_owners()'s to tell. */
static void warn_of_owner(const char *kbs)
{
	struct anchors anchors = { 0 };
	char folder[PATH_MAX];
	struct fault fault;

	if (find_beside(kbs, BROKER_FILE, ANCHOR_FOLDER, folder) &&
	    anchors_add_folder(&anchors, folder, &fault) == 0 && anchors.count == 0)
		fail(BROKER_WITHOUT_OWNER);
}

/* What the agent needs beside them, all of it where the file does not say enough. */
static int print_agent(const char *path)
{
	struct broker broker;
	struct fault fault;
	int r = config_read_broker(path, &broker, &fault);

	broker_each_module(&broker, print_module, NULL);
	if (r == 0)
		r = pins_beside(path, &broker, &fault);
	warn_of_owner(path);
	return r < 0 ? fail(fault.text) : EXIT_OPENED;
}

/* What would be masked at each boot is masked already. */
static int close_image(const char *root)
{
	struct closed closed;
	struct fault fault;

	if (closing_apply(root, &closed, &fault) < 0) {
		fail(fault.text);
		return EXIT_IO;
	}
	printf("%u generators and %u units that no list names do not start; name those to keep in "
	       CLOSING_KEEP "\n", closed.generators, closed.units);
	return EXIT_OPENED;
}

/* The reason is not an error's: whoever asks goes on without us. */
static int check_machine(const char *image)
{
	struct fault why;

	if (machine_may_close("", image, &why))
		return EXIT_OPENED;
	fprintf(stderr, "cocosecret-image: %s\n", why.text);
	return EXIT_CONFIG;
}

static const char *name_of(const struct volumes *volumes, struct slice uuid)
{
	for (size_t i = 0; i < volumes->count; i++)
		if (volumes->list[i].device.kind == DEVICE_UUID &&
		    strlen(volumes->list[i].device.value) == uuid.length &&
		    strncasecmp(volumes->list[i].device.value, uuid.at, uuid.length) == 0)
			return volumes->list[i].name;
	return NULL;
}

/* Without a cocotab nobody knows here which volume is which; the root's is opened first of all. */
static void compare_name(void *context, const struct crypttab_entry *entry)
{
	const struct volumes *volumes = context;
	struct slice uuid = crypttab_uuid(entry);
	const char *name = uuid.length ? name_of(volumes, uuid) : NULL;

	if (name && !slice_is(entry->name, name))
		printf(CRYPTTAB_PATH " opens the volume %s of " COCOTAB_PATH " under the name %s; write %s "
		       "there, or the booted system waits for its passphrase\n", name,
		       ESCAPED(entry->name), name);
	else if (volumes->count == 0 && !slice_is(entry->name, "root") &&
		 (crypttab_has(entry, "x-initrd.attach") || crypttab_has(entry, "initramfs")))
		printf(CRYPTTAB_PATH " opens a volume for the initramfs under the name %s; if it is the one "
		       "that is sealed as root, write root there\n", ESCAPED(entry->name));
}

/* The crypttab beside it: what it says of our volumes otherwise than we do, a line each. */
static int check_crypttab(const char *cocotab)
{
	CLEANUP(volumes_free) struct volumes volumes = { 0 };
	CLEANUP(free_text) char *text = NULL;
	char path[PATH_MAX];
	size_t length = 0;

	if (find_beside(cocotab, COCOTAB_PATH, CRYPTTAB_PATH, path) &&
	    load(cocotab, &volumes) == EXIT_OPENED && file_read(path, &text, &length) == 0)
		crypttab_each((struct slice){ text, length }, compare_name, &volumes);
	return EXIT_OPENED;
}

static int run(const char *command, const char *path)
{
	if (strcmp(command, "modules") == 0)
		return print(path, print_modules);
	if (strcmp(command, "headers") == 0)
		return print(path, print_headers);
	if (strcmp(command, "owners") == 0)
		return check_owners(path);
	if (strcmp(command, "agent") == 0)
		return print_agent(path);
	if (strcmp(command, "crypttab") == 0)
		return check_crypttab(path);
	if (strcmp(command, "machine") == 0)
		return check_machine(path);
	if (strcmp(command, "close") == 0)
		return close_image(path);
	return fail(USAGE);
}

int main(int argc, char **argv)
{
	int code;

	if (argc != 3)
		return fail(USAGE);
	code = run(argv[1], argv[2]);
	if (fflush(stdout) == 0)
		return code;
	fail("cannot write");
	return EXIT_IO;
}
