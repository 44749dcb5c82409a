// SPDX-License-Identifier: GPL-2.0-or-later
/* cocosecret audit: the doors that an image's root leaves open to a host. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/doors.h"
#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"
#include "owner/json.h"
#include "owner/options.h"

/* Of this command only: nothing failed. */
enum { EXIT_OPEN_DOOR = 1 };

struct request {
	const char *root, *cmdline;
	bool json, closed;
};

/* What is said of a root, and how. */
struct report {
	bool json;
	struct json_object *doors;
};

static int parse(struct request *request, int argc, char **argv)
{
	struct options options;
	int option;

	*request = (struct request){ 0 };
	options_begin(&options, "audit", TAKES(JSON) | TAKES(CMDLINE) | TAKES(CLOSED_INITRAMFS));
	while ((option = options_next(&options, argc, argv)) != OPTIONS_END) {
		if (option == OPTION_JSON)
			request->json = true;
		else if (option == OPTION_CMDLINE)
			request->cmdline = optarg;
		else if (option == OPTION_CLOSED_INITRAMFS)
			request->closed = true;
		else
			return EXIT_CONFIG;
	}
	request->root = optind < argc ? argv[optind] : NULL;
	if (optind + 1 == argc)
		return EXIT_OPENED;
	complain("audit: wants one ROOT, the folder of an image's root, or /; see cocosecret audit --help");
	return EXIT_CONFIG;
}

/* What closes several openings alike is said once, after the last. */
static bool is_last_of_kind(struct json_object *found, size_t i)
{
	struct json_object *next = json_object_array_get_idx(found, i + 1);

	return !next || strcmp(document_text(next, "close"),
			       document_text(json_object_array_get_idx(found, i), "close")) != 0;
}

static void print_door(const struct door *door, struct json_object *found)
{
	printf("%s: the host %s\n", door->name, door->host);
	for (size_t i = 0; i < json_object_array_length(found); i++) {
		struct json_object *opening = json_object_array_get_idx(found, i);
		const char *what = document_text(opening, "what");

		printf("  opened by %s%s%s\n", document_text(opening, "file"), what ? ": " : "",
		       what ? what : "");
		if (is_last_of_kind(found, i))
			printf("  close it: %s\n", document_text(opening, "close"));
	}
	puts("");
}

static void take_door(void *context, const struct door *door, struct json_object *found)
{
	struct report *report = context;
	struct json_object *entry = json_object_new_object();

	json_object_object_add(entry, "door", json_object_new_string(door->name));
	json_object_object_add(entry, "host", json_object_new_string(door->host));
	json_object_object_add(entry, "openings", json_object_get(found));
	json_object_array_add(report->doors, entry);
	if (!report->json)
		print_door(door, found);
}

static void print_json(const struct request *request, const struct audit *audit,
		       struct json_object *doors)
{
	CLEANUP(document_free) struct json_object *whole = json_object_new_object();

	json_object_object_add(whole, "root", json_object_new_string(ESCAPED(slice_of(request->root))));
	json_object_object_add(whole, "closed_initramfs", json_object_new_boolean(audit->boot.closed));
	json_object_object_add(whole, "doors", json_object_get(doors));
	json_object_object_add(whole, "unread", json_object_get(audit->image.unread));
	json_print(whole);
}

static void print_sum(const struct audit *audit, size_t open)
{
	printf("%zu door%s open; the initramfs is %s%s\n", open, open == 1 ? " is" : "s are",
	       audit->boot.closed ? "cocosecret's" : "not cocosecret's, as far as this root tells",
	       audit->boot.count ? "" :
	       "; no file tells the kernel command line (--cmdline)");
}

static void complain_of_unread(struct json_object *unread)
{
	for (size_t i = 0; i < json_object_array_length(unread); i++) {
		struct json_object *entry = json_object_array_get_idx(unread, i);

		complain("audit: %s: %s; it was not looked at", document_text(entry, "file"),
			 document_text(entry, "why"));
	}
}

static int report(const struct request *request, struct audit *audit)
{
	CLEANUP(document_free) struct json_object *doors = json_object_new_array();
	struct report report = { request->json, doors };
	size_t open;

	audit_run(audit, take_door, &report);
	open = json_object_array_length(doors);
	if (request->json)
		print_json(request, audit, doors);
	else
		print_sum(audit, open);
	complain_of_unread(audit->image.unread);
	if (open)
		return EXIT_OPEN_DOOR;
	return json_object_array_length(audit->image.unread) ? EXIT_IO : EXIT_OPENED;
}

static int look(const struct request *request, struct audit *audit)
{
	int code;

	if (!image_has(&audit->image, "/etc") && !image_has(&audit->image, "/usr")) {
		complain_of_unread(audit->image.unread);
		complain("audit: %s: is not the folder of a root: it has no etc and no usr",
			 ESCAPED(slice_of(request->root)));
		return EXIT_CONFIG;
	}
	boot_read(&audit->boot, &audit->image, request->cmdline, request->closed);
	units_read(&audit->units, &audit->image);
	code = report(request, audit);
	units_free(&audit->units);
	boot_free(&audit->boot);
	return code;
}

int audit_main(int argc, char **argv)
{
	struct request request;
	struct audit audit = { 0 };
	int r, code = parse(&request, argc, argv);

	if (code)
		return code;
	r = image_open(&audit.image, request.root);
	if (r < 0) {
		complain("audit: %s: %s; ROOT is the folder of an image's root", request.root,
			 strerror(-r));
		code = r == -ENOENT || r == -ENOTDIR ? EXIT_CONFIG : EXIT_IO;
	} else {
		code = look(&request, &audit);
	}
	image_close(&audit.image);
	return code;
}
