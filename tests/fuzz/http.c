// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes are an answer within its bounds or none, and however they come, they are the same one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at;
	size_t left, piece;
};

static ssize_t read_input(void *context, void *bytes, size_t size)
{
	struct input *input = context;

	if (size > input->piece)
		size = input->piece;
	if (size > input->left)
		size = input->left;
	memcpy(bytes, input->at, size);
	input->at += size;
	input->left -= size;
	return (ssize_t)size;
}

static int read_in_pieces(const uint8_t *data, size_t size, size_t piece, struct http_answer *answer)
{
	struct input input = { data, size, piece };
	const struct http_source source = { read_input, &input };

	return http_read(&source, answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_answer whole, pieces;
	int r = read_in_pieces(data, size, 4096, &whole);

	if (read_in_pieces(data, size, 3, &pieces) != r)
		abort();
	if (r == 0 && (whole.status < 200 || whole.status > 599 || whole.size > HTTP_BODY_MAX ||
		       whole.size != pieces.size || whole.status != pieces.status ||
		       (whole.session[0] && !http_is_session(slice_of(whole.session))) ||
		       (whole.size && (whole.body[whole.size] || memcmp(whole.body, pieces.body, whole.size)))))
		abort();
	http_forget(&whole);
	http_forget(&pieces);
	return 0;
}
