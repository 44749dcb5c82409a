// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/guest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "lib/guid.h"
#include "lib/source.h"
#include "owner/commands.h"
#include "owner/options.h"
#include "root/state.h"

/* Those of a launch, and those that an agent brought; a secret that is gone is in neither. */
static const char *const folders[] = { SOURCE_SECURITYFS_PATH "/" SOURCE_LAUNCH_PATH, SOURCE_RUN_PATH };

int guest_parse(struct guest *guest, int argc, char **argv, unsigned int takes)
{
	struct options options;
	int option;

	*guest = (struct guest){ .command = argv[0], .state = STATE_PATH };
	options_begin(&options, argv[0], TAKES(JSON) | TAKES(SECRETS) |
		      (takes & GUEST_TAKES_STATE ? TAKES(STATE) : 0));
	while ((option = options_next(&options, argc, argv)) != OPTIONS_END) {
		if (option == OPTION_JSON)
			guest->json = true;
		else if (option == OPTION_SECRETS)
			guest->secrets = optarg;
		else if (option == OPTION_STATE)
			guest->state = optarg;
		else
			return EXIT_CONFIG;
	}
	if (optind == argc)
		return EXIT_OPENED;
	complain("%s: takes options only; see cocosecret %s --help", guest->command, guest->command);
	return EXIT_CONFIG;
}

static int by_name(const void *a, const void *b)
{
	struct json_object *const *one = a, *const *other = b;

	return strcmp(json_object_get_string(*one), json_object_get_string(*other));
}

static int add_names(const char *folder, struct json_object *secrets)
{
	CLEANUP(close_dir) DIR *dir = opendir(folder);
	const struct dirent *entry;
	char uuid[GUID_TEXT_SIZE];

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) != NULL)
		if (guid_parse(slice_of(entry->d_name), uuid) == 0)
			json_object_array_add(secrets, json_object_new_string(uuid));
	return 0;
}

/* One of the two usual folders is enough; if neither is there, the first says why. */
int guest_secrets(const struct guest *guest, struct json_object **secrets)
{
	struct json_object *names = json_object_new_array();
	int r, other;

	if (guest->secrets) {
		r = add_names(guest->secrets, names);
	} else {
		r = add_names(folders[0], names);
		other = add_names(folders[1], names);
		r = r == -ENOENT && other != -ENOENT ? other : r;
	}
	if (r < 0) {
		json_object_put(names);
		return r;
	}
	json_object_array_sort(names, by_name);
	*secrets = names;
	return 0;
}

const char *guest_explain(int r)
{
	switch (-r) {
	case ENOENT:
	case ENOTDIR:
		return "no secret area: this machine was not launched with secrets, or efi_secret is not "
		       "loaded (modprobe efi_secret says which)";
	case EACCES:
	case EPERM:
		return "only root may look";
	default:
		return strerror(-r);
	}
}

const char *guest_remark(const char *secret)
{
	return strcmp(secret, GUID_DISK_KEY) == 0 ? " (disk key)" : "";
}
