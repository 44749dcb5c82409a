// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The length of a body or of a chunk is the number that its text says, decimal or hexadecimal and all of it,
 * and at most HTTP_BODY_MAX; any other text is refused. A head says once how its body ends: not by two
 * lengths, nor by one and by chunks.
 *
 * Bound: texts of 0 to 8 characters, heads of three fields
 * Instrument: --replace-calls read_line:any_line --replace-calls read_status:any_status --replace-calls take_field:any_field
 * CBMC: --unsigned-overflow-check --unwind 10
 *
 * A longer text has more zeros before its number, or one that is too large. Which name a field has is
 * left out.
 */
#include <assert.h>
#include <stdint.h>

#include "unlock/agent/http.c"
#include "unlock/lib/text.c"

enum { TEXT = 8, FIELDS = 3 };

static unsigned int fields, framings;

int any_status(struct reader *reader, unsigned int *status)
{
	return 0;
}

int any_line(struct reader *reader, struct slice *line)
{
	line->length = fields++ < FIELDS;
	return 0;
}

int any_field(struct slice line, struct framing *framing, struct http_answer *answer)
{
	unsigned int kind;

	framings += kind < 2;
	return kind == 0 ? set_length(framing, SLICE("7")) :
	       kind == 1 ? set_coding(framing, SLICE("chunked")) : 0;
}

int strncasecmp(const char *one, const char *other, size_t size)
{
	return strncmp(one, other, size);
}

static void check_size(int base)
{
	uint64_t expected = 0;
	size_t length, size;
	char text[TEXT];
	bool is_number;

	__CPROVER_assume(length <= TEXT);
	is_number = length > 0;
	for (size_t i = 0; i < length; i++) {
		char c = text[TEXT - length + i];
		int value = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 :
			    c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;

		is_number = is_number && value < base;
		expected = expected * (uint64_t)base + (uint64_t)value;
	}
	if (parse_size((struct slice){ text + TEXT - length, length }, base, &size) == 0)
		assert(is_number && size == expected && size <= HTTP_BODY_MAX);
	else
		assert(!is_number || expected > HTTP_BODY_MAX);
}

int main(void)
{
	struct http_answer answer;
	struct framing framing;

	check_size(10);
	check_size(16);
	if (read_head(NULL, &framing, &answer) == 0)
		assert(framings <= 1 && framings == framing.has_length + framing.is_chunked);
	return 0;
}
