// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes are an event whose words are texts within it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "init/uevent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct uevent *event, const char *word, size_t size)
{
	if (*word && (word <= event->text || word >= event->text + size))
		abort();
	if (strlen(word) >= UEVENT_SIZE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct uevent event;

	if (size >= UEVENT_SIZE)
		return 0;
	memset(event.text, 'A', sizeof(event.text));
	memcpy(event.text, data, size);
	uevent_split(&event, size);
	check(&event, event.action, size);
	check(&event, event.subsystem, size);
	check(&event, event.name, size);
	check(&event, event.modalias, size);
	return 0;
}
