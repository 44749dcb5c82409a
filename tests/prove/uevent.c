// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever the kernel's message about a device holds, its words are read up to its end and no further,
 * also where its last has none; and each text that is taken lies in it, behind its name, and ends in it.
 *
 * Bound: messages of 0 to 13 bytes, in place of 8191
 * CBMC: --unsigned-overflow-check --unwind 15
 *
 * So short a one has one word that is taken, and others. The event is declared here, as uevent.h does,
 * with a smaller text.
 */
#include <assert.h>
#include <stddef.h>

#define COCOSECRET_UEVENT_H
enum { UEVENT_SIZE = 14 };
struct uevent {
	char text[UEVENT_SIZE];
	const char *action, *subsystem, *name, *modalias;
};

#include "unlock/init/uevent.c"

static void check(const struct uevent *event, const char *text, size_t size, const char *name)
{
	size_t length = strlen(name), at;

	if (!__CPROVER_same_object(text, event)) {
		assert(text[0] == '\0');
		return;
	}
	at = (size_t)(text - event->text);
	assert(at >= length && at <= size && memcmp(text - length, name, length) == 0);
	assert(at == length || text[-(ptrdiff_t)length - 1] == '\0');
	assert(at + strlen(text) <= size);
}

int main(void)
{
	struct uevent event;
	size_t size;

	__CPROVER_assume(size < UEVENT_SIZE);
	uevent_split(&event, size);
	check(&event, event.action, size, "ACTION=");
	check(&event, event.subsystem, size, "SUBSYSTEM=");
	check(&event, event.name, size, "DEVNAME=");
	check(&event, event.modalias, size, "MODALIAS=");
	return 0;
}
