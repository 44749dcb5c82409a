// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static struct http_answer answer;

struct text {
	const char *at;
	size_t left, piece;
};

static ssize_t read_text(void *context, void *bytes, size_t size)
{
	struct text *text = context;

	if (size > text->piece)
		size = text->piece;
	if (size > text->left)
		size = text->left;
	memcpy(bytes, text->at, size);
	text->at += size;
	text->left -= size;
	return (ssize_t)size;
}

static int read_in_pieces(const char *text, size_t piece)
{
	struct text rest = { text, strlen(text), piece };
	const struct http_source source = { read_text, &rest };

	http_forget(&answer);
	return http_read(&source, &answer);
}

static int forget(void **state)
{
	(void)state;
	http_forget(&answer);
	return 0;
}

static void an_answer_is_read_whatever_the_pieces(void **state)
{
	static const char *const texts[] = {
		"HTTP/1.1 200 OK\r\nSet-Cookie: other=1\r\nset-cookie:kbs-session-id=00ff-_Z; Path=/\r\n"
		"Content-Length: 5\r\n\r\nhello more",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200\r\nTransfer-Encoding: chunked\r\n"
		"Set-Cookie: kbs-session-id=00ff-_Z\r\n\r\n2;a=\"b\"\r\nhe\r\n03 \r\nllo\r\n0\r\nX: y\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t piece = 1; piece < 200; piece += 7) {
			assert_int_equal(read_in_pieces(texts[i], piece), 0);
			assert_int_equal(answer.status, 200);
			assert_string_equal(answer.session, "00ff-_Z");
			assert_string_equal(answer.body, "hello");
			assert_int_equal(answer.size, 5);
		}
}

static void what_ends_early_is_no_answer(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\n\r\n";
	char part[sizeof(text)];

	(void)state;
	assert_int_equal(read_in_pieces(text, 100), 0);
	for (size_t length = 0; length < sizeof(text) - 1; length++) {
		memcpy(part, text, length);
		part[length] = '\0';
		assert_int_equal(read_in_pieces(part, 100), -ECONNRESET);
	}
	assert_int_equal(read_in_pieces("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", 9),
			 -ECONNRESET);
}

#define HEAD "HTTP/1.1 200 OK\r\n"

static void what_can_be_read_in_two_ways_is_refused(void **state)
{
	static const char *const wrong[] = {
		"HTTP/2 200\r\n\r\n", "HTTP/1.1  200\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2000\r\n\r\n",
		"HTTP/1.1 099 x\r\n\r\n", "HTTP/1.1 101 x\r\n\r\n", "ICY 200 OK\r\n\r\n",
		HEAD "\r\nhello", /* no length: as long as the connection */
		HEAD "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		HEAD "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
		HEAD "Content-Length: +1\r\n\r\nx", HEAD "Content-Length: 0x1\r\n\r\nx",
		HEAD "Content-Length: \r\n\r\nx", HEAD "Content-Length: 1,1\r\n\r\nx",
		HEAD "Content-Length : 1\r\n\r\nx", HEAD " Content-Length: 1\r\n\r\nx",
		HEAD "Content-Length: 1\n\nx", HEAD "Content-Length: 1\r\rx", HEAD "no field\r\n\r\n",
		HEAD ": 1\r\n\r\n", HEAD "A: \x01\r\nContent-Length: 0\r\n\r\n",
		HEAD "Transfer-Encoding: chunked\r\n\r\n\r\n", HEAD "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
		HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
		HEAD "Set-Cookie: kbs-session-id=\r\nContent-Length: 0\r\n\r\n",
		HEAD "Set-Cookie: kbs-session-id=a b\r\nContent-Length: 0\r\n\r\n",
		HEAD "Set-Cookie: kbs-session-id=a\r\nSet-Cookie: kbs-session-id=b\r\n"
		"Content-Length: 0\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(read_in_pieces(wrong[i], 1000), -EBADMSG);
	}
}

static char *repeat(const char *begin, const char *piece, size_t times)
{
	size_t length = strlen(begin), one = strlen(piece);
	char *text = malloc(length + one * times + 1);

	memcpy(text, begin, length + 1);
	for (size_t i = 0; i < times; i++)
		memcpy(text + length + one * i, piece, one + 1);
	return text;
}

static void everything_has_a_limit(void **state)
{
	static const struct {
		const char *begin, *piece;
		size_t times;
	} cases[] = {
		{ "HTTP/1.1 200 ", "x", HTTP_HEAD_MAX },
		{ HEAD, "A: b\r\n", HTTP_HEAD_MAX / 6 },
		{ "", "HTTP/1.1 100 x\r\n\r\n", HTTP_HEAD_MAX / 16 },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", HTTP_HEAD_MAX / 3 },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n", HTTP_HEAD_MAX / 6 },
		{ HEAD "Content-Length: 1048577\r\n\r\n", "x", 1 },
		{ HEAD "Content-Length: 99999999999999999999999\r\n\r\n", "x", 1 },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffffff\r\n", "x", 1 },
		{ HEAD "Transfer-Encoding: chunked\r\n\r\n100000\r\n", "x", (1 << 20) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = repeat(cases[i].begin, cases[i].piece, cases[i].times);
		int wanted = i + 1 < sizeof(cases) / sizeof(*cases) ? -EMSGSIZE : -ECONNRESET;

		assert_int_equal(read_in_pieces(text, 4096), wanted);
		free(text);
	}
}

static void two_chunks_have_one_limit(void **state)
{
	char *half = repeat("80000\r\n", "x", 1 << 19), *text;
	size_t size = 3 * strlen(half) + 200;

	(void)state;
	text = malloc(size);
	snprintf(text, size, HEAD "Transfer-Encoding: chunked\r\n\r\n%s\r\n%s\r\n1\r\nx\r\n0\r\n\r\n", half, half);
	assert_int_equal(read_in_pieces(text, 4096), -EMSGSIZE);
	snprintf(text, size, HEAD "Transfer-Encoding: chunked\r\n\r\n%s\r\n%s\r\n0\r\n\r\n", half, half);
	assert_int_equal(read_in_pieces(text, 4096), 0);
	assert_int_equal(answer.size, HTTP_BODY_MAX);
	free(text);
	free(half);
}

static void a_request_is_what_a_server_reads(void **state)
{
	struct http_request request = { "POST", "[::1]:80", "/a", "0f", "{}", true };
	char *text;
	size_t size;

	(void)state;
	assert_int_equal(http_write(&request, &text, &size), 0);
	assert_string_equal(text, "POST /a HTTP/1.1\r\nHost: [::1]:80\r\nAccept: */*\r\n"
			    "Cookie: kbs-session-id=0f\r\nContent-Type: application/json\r\n"
			    "Content-Length: 2\r\nConnection: close\r\n\r\n{}");
	assert_int_equal(size, strlen(text));
	free(text);
	request = (struct http_request){ "GET", "h", "/", "", NULL, false };
	assert_int_equal(http_write(&request, &text, &size), 0);
	assert_string_equal(text, "GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(an_answer_is_read_whatever_the_pieces, forget),
		cmocka_unit_test_teardown(what_ends_early_is_no_answer, forget),
		cmocka_unit_test_teardown(what_can_be_read_in_two_ways_is_refused, forget),
		cmocka_unit_test_teardown(everything_has_a_limit, forget),
		cmocka_unit_test_teardown(two_chunks_have_one_limit, forget),
		cmocka_unit_test_teardown(a_request_is_what_a_server_reads, forget),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
