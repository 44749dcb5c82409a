// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a courier can do to its master once the network has taken it over: here it never was ours.
 * With the real one: tests/test_agent.py.
 */
#include "agent/courier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/confine.h"
#include "agent/transport.h"
#include "lib/clock.h"
#include "support.h"

/* As courier.c sends it. */
struct report {
	int32_t r;
	uint32_t status;
	uint64_t size;
	char session[HTTP_SESSION_SIZE];
};

static const struct broker broker = { .kind = BROKER_HTTP, .host = "127.0.0.1", .port = 1 };
static struct http_answer answer;
static struct report sent;
static size_t sent_size;  /* of the report */
static const char *body;
static bool stays;

int confine(const struct confinement *confinement)
{
	return confinement->fds[0] < 0 ? -EINVAL : 0;
}

static bool is_master(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

/* Whatever it is asked, this is what it says, on each socket that it has. */
int transport_prepare(struct transport *transport, uint64_t deadline_us)
{
	(void)transport;
	(void)deadline_us;
	for (int fd = 3; fd < 64; fd++)
		if (is_master(fd) && send(fd, &sent, sent_size, MSG_NOSIGNAL) > 0)
			send(fd, body, strlen(body), MSG_NOSIGNAL);
	while (stays)
		pause();
	_exit(0);
}

int transport_connect(struct transport *transport, uint64_t deadline_us)
{
	(void)transport;
	(void)deadline_us;
	return -EIO;
}

int transport_send(struct transport *transport, const char *bytes, size_t size)
{
	(void)transport;
	(void)bytes;
	(void)size;
	return -EIO;
}

ssize_t transport_receive(void *transport, void *bytes, size_t size)
{
	(void)transport;
	(void)bytes;
	(void)size;
	return -EIO;
}

void transport_hang_up(struct transport *transport)
{
	(void)transport;
}

static int ask(const struct report *report, size_t size, const char *text)
{
	uint64_t deadline_us = clock_us() + US_PER_S / 2;
	struct courier courier;
	int r;

	sent = *report;
	sent_size = size;
	body = text;
	http_forget(&answer);
	assert_int_equal(courier_start(&courier, &broker, NULL, deadline_us), 0);
	r = courier_ask(&courier, "GET", 3, deadline_us, &answer);
	courier_end(&courier);
	return r;
}

static const struct report good = { .status = 200, .size = 2, .session = "0f" };

static int begin(void **state)
{
	(void)state;
	stays = true;
	return 0;
}

static int forget(void **state)
{
	(void)state;
	http_forget(&answer);
	return 0;
}

static void an_answer_comes_through(void **state)
{
	struct report report = good;

	(void)state;
	assert_int_equal(ask(&report, sizeof(report), "{}"), 0);
	assert_string_equal(answer.body, "{}");
	assert_string_equal(answer.session, "0f");
	report.r = -ECONNREFUSED;
	assert_int_equal(ask(&report, sizeof(report), ""), -ECONNREFUSED);
	assert_true(courier_may_pass(-ECONNREFUSED));
}

static void what_no_answer_can_be_is_none(void **state)
{
	struct report wrong[] = { good, good, good, good, good, good, good };

	(void)state;
	wrong[0].r = 1;
	wrong[1].r = INT32_MIN;
	wrong[2].size = HTTP_BODY_MAX + 1;
	wrong[3].size = UINT64_MAX;
	wrong[4].status = 100;
	memcpy(wrong[5].session, "a\r\nb", 5);
	memset(wrong[6].session, 'a', sizeof(wrong[6].session));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(ask(&wrong[i], sizeof(wrong[i]), "{}"), -ECHILD);
	assert_false(courier_may_pass(-ECHILD));
}

static void silence_has_an_end(void **state)
{
	uint64_t before = clock_us();

	(void)state;
	assert_int_equal(ask(&good, sizeof(good) - 1, ""), -ECHILD);
	assert_int_equal(ask(&good, sizeof(good), "{"), -ECHILD);
	assert_true(clock_us() - before < 20 * US_PER_S);
}

static void an_end_is_seen(void **state)
{
	(void)state;
	stays = false;
	assert_int_equal(ask(&good, 0, ""), -ECHILD);
	assert_int_equal(ask(&good, sizeof(good), "{"), -ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_answer_comes_through, begin, forget),
		cmocka_unit_test_setup_teardown(what_no_answer_can_be_is_none, begin, forget),
		cmocka_unit_test_setup_teardown(silence_has_an_end, begin, forget),
		cmocka_unit_test_setup_teardown(an_end_is_seen, begin, forget),
	};

	return cmocka_run_group_tests_name("courier", tests, NULL, NULL);
}
