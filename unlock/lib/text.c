// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct slice slice_of(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

bool slice_is(struct slice s, const char *text)
{
	return s.length == strlen(text) && memcmp(s.at, text, s.length) == 0;
}

bool slice_skip_prefix(struct slice *s, const char *prefix)
{
	size_t length = strlen(prefix);

	if (s->length < length || memcmp(s->at, prefix, length) != 0)
		return false;
	s->at += length;
	s->length -= length;
	return true;
}

/* Cuts the next piece off @rest; false once nothing is left. A last, empty piece is not one. */
bool slice_cut(struct slice *rest, char separator, struct slice *piece)
{
	const char *end;

	if (rest->length == 0)
		return false;
	end = memchr(rest->at, separator, rest->length);
	piece->at = rest->at;
	piece->length = end ? (size_t)(end - rest->at) : rest->length;
	rest->at += piece->length;
	rest->length -= piece->length;
	if (end) {
		rest->at++;
		rest->length--;
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct slice slice_field(struct slice *line)
{
	struct slice field;

	while (line->length && is_blank(*line->at)) {
		line->at++;
		line->length--;
	}
	field = (struct slice){ line->at, 0 };
	while (line->length && !is_blank(*line->at)) {
		line->at++;
		line->length--;
		field.length++;
	}
	return field;
}

int fault_set(struct fault *fault, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	return -EINVAL;
}

int fault_prefix(struct fault *fault, const char *format, ...)
{
	struct fault what = *fault;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(fault->text))
		snprintf(fault->text + n, sizeof(fault->text) - (size_t)n, "%s", what.text);
	return -EINVAL;
}

char *text_escape(char out[ESCAPED_MAX], struct slice text)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;

	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.at[i];

		if (used + sizeof("\\xNN...") > ESCAPED_MAX) {
			memcpy(out + used, "...", 3);
			used += 3;
			break;
		}
		if (c >= ' ' && c <= '~' && c != '\\' && c != '"') {
			out[used++] = (char)c;
			continue;
		}
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = hex[c >> 4];
		out[used++] = hex[c & 15];
	}
	out[used] = '\0';
	return out;
}
