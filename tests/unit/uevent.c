// SPDX-License-Identifier: GPL-2.0-or-later
#include "init/uevent.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

static void take(struct uevent *event, const char *text, size_t size)
{
	memset(event->text, 'A', sizeof(event->text));
	memcpy(event->text, text, size);
	uevent_split(event, size);
}

static void finds_the_words(void **state)
{
	static const char text[] = "add@/devices/x\0ACTION=add\0SUBSYSTEM=block\0DEVNAME=vda\0"
				   "MODALIAS=virtio:d00000002v00001AF4";
	struct uevent event;

	(void)state;
	take(&event, text, sizeof(text));
	assert_string_equal(event.action, "add");
	assert_string_equal(event.subsystem, "block");
	assert_string_equal(event.name, "vda");
	assert_string_equal(event.modalias, "virtio:d00000002v00001AF4");
}

static void ends_where_the_event_does(void **state)
{
	struct uevent event;

	(void)state;
	take(&event, "x\0DEVNAME=vda", 12);
	assert_string_equal(event.name, "vd");
	assert_string_equal(event.action, "");
	take(&event, "", 0);
	assert_string_equal(event.name, "");
}

static void takes_whole_words_only(void **state)
{
	struct uevent event;

	(void)state;
	take(&event, "XDEVNAME=a\0DEVNAMES=b\0DEVNAME", 30);
	assert_string_equal(event.name, "");
}

/* Another process's words have that process's number. */
static void hears_the_kernel_only(void **state)
{
	int ends[2];
	struct uevent event;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(write(ends[1], "DEVNAME=vda", 12), 12);
	assert_int_equal(uevent_receive(ends[0], &event), -EAGAIN);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_words),
		cmocka_unit_test(ends_where_the_event_does),
		cmocka_unit_test(takes_whole_words_only),
		cmocka_unit_test(hears_the_kernel_only),
	};

	return cmocka_run_group_tests_name("uevent", tests, NULL, NULL);
}
