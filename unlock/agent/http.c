// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SESSION "kbs-session-id="

/* What of an answer was read and not yet looked at. */
struct reader {
	const struct http_source *source;
	unsigned char bytes[4096];
	size_t at, end;
	size_t head; /* how long all lines were until now */
	char line[HTTP_HEAD_MAX];
};

/* How the body comes. */
struct framing {
	bool has_length, is_chunked;
	size_t length;
};

int http_write(const struct http_request *request, char **text, size_t *size)
{
	FILE *out = open_memstream(text, size);
	int failed;

	if (!out)
		return -ENOMEM;
	fprintf(out, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n", request->method, request->path,
		request->host);
	if (request->session[0])
		fprintf(out, "Cookie: " SESSION "%s\r\n", request->session);
	if (request->body)
		fprintf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
			strlen(request->body));
	fprintf(out, "%s\r\n%s", request->closes ? "Connection: close\r\n" : "",
		request->body ? request->body : "");
	failed = ferror(out);
	if (fclose(out) == 0 && !failed)
		return 0;
	free(*text);
	*text = NULL;
	return -ENOMEM;
}

bool http_is_session(struct slice text)
{
	if (text.length == 0 || text.length >= HTTP_SESSION_SIZE)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (!text.at[i] || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					   "0123456789-_", text.at[i]))
			return false;
	return true;
}

static int fill(struct reader *reader)
{
	ssize_t n = reader->source->read(reader->source->context, reader->bytes, sizeof(reader->bytes));

	if (n <= 0)
		return n < 0 ? (int)n : -ECONNRESET;
	reader->at = 0;
	reader->end = (size_t)n;
	return 0;
}

static int read_byte(struct reader *reader, char *byte)
{
	int r = reader->at < reader->end ? 0 : fill(reader);

	if (r == 0)
		*byte = (char)reader->bytes[reader->at++];
	return r;
}

/* Without its end; the next one takes its place. */
static int read_line(struct reader *reader, struct slice *line)
{
	size_t used = 0;
	char byte = '\0';
	int r;

	while ((r = read_byte(reader, &byte)) == 0 && byte != '\r') {
		if (reader->head++ >= HTTP_HEAD_MAX)
			return -EMSGSIZE;
		if (byte == '\x7f' || (byte >= '\0' && byte < ' ' && byte != '\t'))
			return -EBADMSG;
		reader->line[used++] = byte;
	}
	if (r == 0)
		r = read_byte(reader, &byte);
	if (r == 0 && byte != '\n')
		r = -EBADMSG;
	reader->head += 2;
	*line = (struct slice){ reader->line, used };
	return r;
}

static int read_status(struct reader *reader, unsigned int *status)
{
	struct slice line;
	int r = read_line(reader, &line);

	if (r < 0)
		return r;
	if ((!slice_skip_prefix(&line, "HTTP/1.1 ") && !slice_skip_prefix(&line, "HTTP/1.0 ")) ||
	    line.length < 3 || (line.length > 3 && line.at[3] != ' '))
		return -EBADMSG;
	*status = 0;
	for (int i = 0; i < 3; i++) {
		if (line.at[i] < '0' || line.at[i] > '9')
			return -EBADMSG;
		*status = *status * 10 + (unsigned int)(line.at[i] - '0');
	}
	return *status >= 100 && *status < 600 && *status != 101 ? 0 : -EBADMSG;
}

static void trim(struct slice *text)
{
	while (text->length && (*text->at == ' ' || *text->at == '\t')) {
		text->at++;
		text->length--;
	}
	while (text->length && strchr(" \t", text->at[text->length - 1]))
		text->length--;
}

static bool is_word(struct slice text, const char *word)
{
	return text.length == strlen(word) && strncasecmp(text.at, word, text.length) == 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* All of the text, up to what a body may be. */
static int parse_size(struct slice text, int base, size_t *size)
{
	*size = 0;
	for (size_t i = 0; i < text.length; i++) {
		if (digit(text.at[i]) >= base)
			return -EBADMSG;
		*size = *size * (size_t)base + (size_t)digit(text.at[i]);
		if (*size > HTTP_BODY_MAX)
			return -EMSGSIZE;
	}
	return text.length ? 0 : -EBADMSG;
}

static int set_length(struct framing *framing, struct slice value)
{
	if (framing->has_length)
		return -EBADMSG;
	framing->has_length = true;
	return parse_size(value, 10, &framing->length);
}

static int set_coding(struct framing *framing, struct slice value)
{
	if (framing->is_chunked || !is_word(value, "chunked"))
		return -EBADMSG;
	framing->is_chunked = true;
	return 0;
}

/* Other cookies than the session's are none of ours. */
static int set_session(struct http_answer *answer, struct slice value)
{
	struct slice session = { 0 };

	if (!slice_skip_prefix(&value, SESSION))
		return 0;
	slice_cut(&value, ';', &session);
	trim(&session);
	if (answer->session[0] || !http_is_session(session))
		return -EBADMSG;
	memcpy(answer->session, session.at, session.length);
	return 0;
}

static int take_field(struct slice line, struct framing *framing, struct http_answer *answer)
{
	struct slice name = { 0 };

	if (!memchr(line.at, ':', line.length) || !slice_cut(&line, ':', &name) || name.length == 0 ||
	    memchr(name.at, ' ', name.length) || memchr(name.at, '\t', name.length))
		return -EBADMSG;
	trim(&line);
	if (is_word(name, "Content-Length"))
		return set_length(framing, line);
	if (is_word(name, "Transfer-Encoding"))
		return set_coding(framing, line);
	if (is_word(name, "Content-Encoding"))
		return is_word(line, "identity") ? 0 : -EBADMSG;
	return is_word(name, "Set-Cookie") ? set_session(answer, line) : 0;
}

static int read_head(struct reader *reader, struct framing *framing, struct http_answer *answer)
{
	struct slice line = { 0 };
	int r = read_status(reader, &answer->status);

	*framing = (struct framing){ 0 };
	while (r == 0 && (r = read_line(reader, &line)) == 0 && line.length)
		r = take_field(line, framing, answer);
	/* RFC 9112, section 6.3: both together are how one answer is made to look like two. */
	if (r == 0 && framing->has_length && framing->is_chunked)
		r = -EBADMSG;
	return r;
}

/* Behind what is there already. */
static int read_body(struct reader *reader, size_t size, struct http_answer *answer)
{
	char *body = size <= HTTP_BODY_MAX - answer->size ?
		     realloc(answer->body, answer->size + size + 1) : NULL;

	if (!body)
		return size <= HTTP_BODY_MAX - answer->size ? -ENOMEM : -EMSGSIZE;
	answer->body = body;
	while (size > 0) {
		size_t there = reader->end - reader->at;
		size_t some = there < size ? there : size;
		int r = there ? 0 : fill(reader);

		if (r < 0)
			return r;
		memcpy(body + answer->size, reader->bytes + reader->at, some);
		reader->at += some;
		answer->size += some;
		size -= some;
	}
	body[answer->size] = '\0';
	return 0;
}

static int read_chunk_size(struct reader *reader, size_t *size)
{
	struct slice line, digits = { 0 };
	int r = read_line(reader, &line);

	if (r < 0)
		return r;
	slice_cut(&line, ';', &digits);
	trim(&digits);
	return parse_size(digits, 16, size);
}

static int read_chunks(struct reader *reader, struct http_answer *answer)
{
	struct slice line = { 0 };
	size_t size;
	int r;

	while ((r = read_chunk_size(reader, &size)) == 0 && size > 0) {
		r = read_body(reader, size, answer);
		if (r == 0)
			r = read_line(reader, &line);
		if (r == 0 && line.length)
			r = -EBADMSG;
		if (r < 0)
			return r;
	}
	do {
		if (r == 0)
			r = read_line(reader, &line);
	} while (r == 0 && line.length);
	return r;
}

int http_read(const struct http_source *source, struct http_answer *answer)
{
	struct reader reader = { .source = source };
	struct framing framing;
	int r;

	*answer = (struct http_answer){ 0 };
	do {
		r = read_head(&reader, &framing, answer);
	} while (r == 0 && answer->status < 200);
	if (r < 0 || answer->status == 204 || answer->status == 304)
		return r;
	if (framing.is_chunked)
		return read_chunks(&reader, answer);
	/* What ends with the connection cannot be told from what was cut. */
	return framing.has_length ? read_body(&reader, framing.length, answer) : -EBADMSG;
}

void http_forget(struct http_answer *answer)
{
	free(answer->body);
	*answer = (struct http_answer){ 0 };
}
