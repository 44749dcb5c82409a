// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Of a command line of any characters the next parameter is cut off as Linux does (next_arg() of
 * lib/cmdline.c): the same name and value, which are pieces of it; and what is left begins where the
 * parameter ends.
 *
 * Bound: 0 to 10 characters
 * CBMC: --unsigned-overflow-check --unwind 12
 *
 * Not compared, as Linux reads it in another way: a parameter that begins with =, which has no name here,
 * and one that has quotes round itself and round its value, which loses all four here. Blanks are stood in
 * for by those of the C locale; to Linux 0xa0 is one, too.
 */
#include <assert.h>
#include <ctype.h>

#undef isspace
#define isspace is_blank
static int is_blank(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

#include "unlock/config/cmdline.c"

enum { LINE = 10 };

static char line[LINE];
static size_t length;

/* CBMC has none of its own. */
void *memchr(const void *memory, int byte, size_t size)
{
	const char *bytes = memory;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] == byte)
			return (void *)(bytes + i);
	return NULL;
}

/* A second reader, by the rules of Linux: from where it is, or the end. */
static size_t skip_blanks(size_t at)
{
	while (at < length && isspace((unsigned char)line[at]))
		at++;
	return at;
}

static size_t end_of(size_t at)
{
	bool in_quotes = false;

	for (; at < length && (in_quotes || !isspace((unsigned char)line[at])); at++)
		in_quotes ^= line[at] == '"';
	return at;
}

static void check(const struct parameter *parameter, size_t at, size_t end)
{
	bool quoted = line[at] == '"', value_quoted = false;
	size_t equals;

	at += quoted;
	for (equals = at; equals < end && line[equals] != '='; equals++)
		;
	__CPROVER_assume(equals > at);
	value_quoted = equals + 1 < end && line[equals + 1] == '"';
	__CPROVER_assume(!quoted || !value_quoted);
	end -= (quoted && end > at && line[end - 1] == '"') ||
	       (value_quoted && end > equals + 2 && line[end - 1] == '"');
	assert(parameter->has_value == (equals < end));
	assert(parameter->key.at == line + at);
	assert(parameter->key.length == (equals < end ? equals : end) - at);
	if (equals >= end)
		return;
	assert(parameter->value.at == line + equals + 1 + value_quoted);
	assert(parameter->value.length == end - equals - 1 - value_quoted);
}

int main(void)
{
	struct parameter parameter;
	struct slice rest;
	size_t at;

	__CPROVER_havoc_object(line);
	__CPROVER_havoc_object(&length);
	__CPROVER_assume(length <= LINE);
	rest = (struct slice){ line, length };
	at = skip_blanks(0);
	assert(cut_parameter(&rest, &parameter) == (at < length));
	assert(rest.at == line + end_of(at) && rest.length == length - end_of(at));
	if (at < length)
		check(&parameter, at, end_of(at));
	return 0;
}
