// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines of an answer, of any bytes: each fits its place, all together are no longer than a head may be,
 * none holds a control character, and each is read to its CR and LF and no further.
 *
 * Bound: heads of 6 bytes, in place of 16384
 * Instrument: --replace-calls read_byte:any_byte
 * CBMC: --unsigned-overflow-check --unwind 9
 *
 * Three lines, with what was counted before them.
 */
#include <assert.h>

#include "agent/http.h"

enum { HEAD = 6 };
#define HTTP_HEAD_MAX HEAD
#include "unlock/agent/http.c"

static char last[2];
static size_t bytes_read;

int any_byte(struct reader *reader, char *byte)
{
	char any;
	int r;

	__CPROVER_assume(r <= 0);
	if (r < 0)
		return r;
	last[0] = last[1];
	last[1] = *byte = any;
	bytes_read++;
	return 0;
}

int main(void)
{
	static struct reader reader;
	struct slice line;
	size_t all = 0, one;

	for (int i = 0; i < 3; i++) {
		bytes_read = 0;
		if (read_line(&reader, &line) < 0)
			return 0;
		assert(line.at == reader.line && bytes_read == line.length + 2);
		assert(last[0] == '\r' && last[1] == '\n');
		all += line.length;
		assert(all <= HEAD);
		__CPROVER_assume(one < line.length);
		assert(line.at[one] == '\t' || ((line.at[one] & 0xe0) && line.at[one] != 0x7f));
	}
	return 0;
}
