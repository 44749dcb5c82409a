// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * However large the chunks of an answer are, and in whatever pieces it comes: the body has room for all
 * that is put into it and for its end, is no larger than HTTP_BODY_MAX, and of what was read no byte is
 * taken that is not there.
 *
 * Bound: two chunks, 2 pieces, behind a body of any size
 * Instrument: --replace-calls read_chunk_size:any_chunk --replace-calls read_line:any_line --replace-calls fill:any_piece
 * CBMC: --unsigned-overflow-check --unwind 4 --unwindset read_body.0:7
 *
 * What the chunks hold is not looked at. An answer of more pieces than two ends early here; what came
 * before them is any number of bytes that is there already.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *memory, size_t size);
static void copy(void *to, const void *from, size_t size);
#define realloc grow
#define memcpy copy
#include "unlock/agent/http.c"

static size_t room, filled;
static int chunks, pieces;
static struct reader reader;
static struct http_answer answer;

static void *grow(void *memory, size_t size)
{
	_Bool fails;

	assert(memory == answer.body);
	if (fails)
		return NULL;
	room = size;
	return __CPROVER_allocate(size, 0);
}

static void copy(void *to, const void *from, size_t size)
{
	assert(__CPROVER_w_ok(to, size) && __CPROVER_r_ok(from, size));
	assert((char *)to == answer.body + filled);
	assert((const unsigned char *)from + size <= reader.bytes + reader.end);
	filled += size;
}

int any_piece(struct reader *of)
{
	size_t size;

	if (pieces++ == 2)
		return -ECONNRESET;
	__CPROVER_assume(size > 0 && size <= sizeof(of->bytes));
	of->at = 0;
	of->end = size;
	return 0;
}

/* As parse_size() promises. */
int any_chunk(struct reader *of, size_t *size)
{
	__CPROVER_havoc_object(size);
	__CPROVER_assume(*size <= HTTP_BODY_MAX && (chunks < 2 || *size == 0));
	chunks++;
	return 0;
}

int any_line(struct reader *of, struct slice *line)
{
	line->length = 0;
	return 0;
}

int main(void)
{
	__CPROVER_havoc_object(&filled);
	__CPROVER_assume(filled <= HTTP_BODY_MAX);
	answer.size = filled;
	answer.body = filled ? __CPROVER_allocate(filled + 1, 1) : NULL;
	room = filled + 1;
	if (read_chunks(&reader, &answer) == 0)
		assert(answer.size == filled && (!answer.body || answer.body[filled] == '\0'));
	assert(answer.size <= HTTP_BODY_MAX && (!answer.body || answer.size < room));
	return 0;
}
