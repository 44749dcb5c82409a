// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/options.h"

#include <stdbool.h>

#include "lib/text.h"
#include "owner/commands.h"

/* What getopt returns for an option by its name: no letter. */
enum { BY_NAME = 256 };

static const struct {
	const char *name;
	char letter;
	int argument;
} known[] = {
#define OPTION(id, long_name, short_name, takes) \
	[OPTION_##id] = { .name = (long_name), .letter = (short_name), .argument = (takes) },
#include "owner/options.def"
#undef OPTION
};

static void add(struct options *options, size_t *count, char **letters, int id)
{
	options->list[(*count)++] = (struct option){
		.name = known[id].name, .has_arg = known[id].argument, .val = BY_NAME + id,
	};
	if (!known[id].letter)
		return;
	*(*letters)++ = known[id].letter;
	if (known[id].argument == required_argument)
		*(*letters)++ = ':';
}

void options_begin(struct options *options, const char *command, uint64_t takes)
{
	char *letters = options->letters;
	size_t count = 0;

	*options = (struct options){ .command = command };
	*letters++ = ':'; /* tell a missing value from an unknown option */
	for (int id = 0; id < OPTION_COUNT; id++)
		if (takes >> id & 1)
			add(options, &count, &letters, id);
	opterr = 0;
	optind = 0; /* getopt starts afresh, also where a test calls this twice */
}

/* Two options of one name are never those of one command. */
static int find(const struct options *options, int found)
{
	for (const struct option *option = options->list; option->name; option++)
		if (option->val == found || known[option->val - BY_NAME].letter == found)
			return option->val - BY_NAME;
	return OPTIONS_WRONG;
}

static int explain(const struct options *options, char **argv, bool is_known)
{
	const char letter[] = { '-', (char)optopt, 0 };
	int id = find(options, optopt);

	if (is_known || optopt >= BY_NAME)
		complain("%s: --%s %s; see cocosecret %s --help", options->command, known[id].name,
			 is_known ? "wants a value" : "takes no value", options->command);
	else
		complain("%s: there is no option %s; see cocosecret %s --help", options->command,
			 ESCAPED(slice_of(optopt ? letter : argv[optind - 1])), options->command);
	return OPTIONS_WRONG;
}

int options_next(const struct options *options, int argc, char **argv)
{
	int found = getopt_long(argc, argv, options->letters, options->list, NULL);

	if (found == -1)
		return OPTIONS_END;
	if (found == ':' || found == '?')
		return explain(options, argv, found == ':');
	return find(options, found);
}
