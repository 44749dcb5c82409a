/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_GUEST_H
#define COCOSECRET_GUEST_H

#include <json-c/json.h>
#include <stdbool.h>

/* The arguments of list and status. */
struct guest {
	const char *command;
	const char *secrets; /* their folder; NULL: where they usually are */
	const char *state;   /* what cocosecret-unlock left */
	bool json;
};

enum guest_takes { GUEST_TAKES_STATE = 1 };

/* An exit code; it reports any fault. */
int guest_parse(struct guest *guest, int argc, char **argv, unsigned int takes);

/* The names of the secrets that are there, in order, as an array. 0 or negative errno. */
int guest_secrets(const struct guest *guest, struct json_object **secrets);

/* Explains a failure of that to people. */
const char *guest_explain(int r);

/* " (disk key)" for the usual one. */
const char *guest_remark(const char *secret);

#endif
