// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>

#include "header/document.h"
#include "lib/cleanup.h"
#include "lib/exitcode.h"
#include "owner/commands.h"
#include "owner/guest.h"
#include "owner/json.h"

static void print_names(struct json_object *secrets)
{
	size_t count = json_object_array_length(secrets);

	if (count == 0)
		puts("no secret is left in the secret area");
	for (size_t i = 0; i < count; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(secrets, i));

		printf("%s%s\n", name, guest_remark(name));
	}
}

int list_main(int argc, char **argv)
{
	CLEANUP(document_free) struct json_object *secrets = NULL;
	struct guest guest;
	int r = guest_parse(&guest, argc, argv, 0);

	if (r)
		return r;
	r = guest_secrets(&guest, &secrets);
	if (r < 0) {
		complain("list: %s%s%s", guest.secrets ? guest.secrets : "", guest.secrets ? ": " : "",
			 guest_explain(r));
		return r == -ENOENT || r == -ENOTDIR ? EXIT_NO_SECRET : EXIT_IO;
	}
	if (guest.json)
		json_print(secrets);
	else
		print_names(secrets);
	return EXIT_OPENED;
}
