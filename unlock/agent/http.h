/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_HTTP_H
#define COCOSECRET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/text.h"

/*
 * HTTP/1.1 (RFC 9112), as much of it as a key broker's client needs: one request, one answer with
 * its length or in chunks. Redirects are not followed, and nothing that is optional is understood.
 */
enum {
	HTTP_HEAD_MAX = 16 << 10, /* status line, fields, lines between chunks and trailers together */
	HTTP_BODY_MAX = 1 << 20,
	HTTP_SESSION_SIZE = 129, /* the broker's cookie; it has 32 hexadecimal digits */
};

struct http_request {
	const char *method, *host, *path;
	const char *session; /* the cookie's value, or empty */
	const char *body;    /* JSON, or NULL */
	bool closes;         /* the connection is for this request alone */
};

/* Allocates @text. -ENOMEM */
int http_write(const struct http_request *request, char **text, size_t *size);

/* Where an answer comes from: bytes, 0 at its end, or a negative errno. */
struct http_source {
	ssize_t (*read)(void *context, void *bytes, size_t size);
	void *context;
};

struct http_answer {
	unsigned int status;
	char session[HTTP_SESSION_SIZE]; /* that it sets, or empty */
	char *body;                      /* allocated, terminated; NULL where it is empty */
	size_t size;
};

/* A name and a value that can be sent back as they are. */
bool http_is_session(struct slice text);

/*
 * -ECONNRESET where it ends too early, -EBADMSG where it is not HTTP or none of ours, -EMSGSIZE
 * where it is too large, or what the source returned. http_forget() frees it in any case.
 */
int http_read(const struct http_source *source, struct http_answer *answer);
void http_forget(struct http_answer *answer);

#endif
