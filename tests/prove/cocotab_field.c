// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A field of cocotab that is longer than the buffer for it is not put there, and no more of the buffer
 * is used than was.
 *
 * Bound: none
 * Instrument: --replace-calls unescape:shorten --replace-calls fault_set:complain --replace-calls fault_prefix:complain
 * CBMC: --unsigned-overflow-check --unwind 10
 *
 * That what is put there is no longer than the field is proven in cocotab.c.
 */
#include <assert.h>

#include "unlock/config/cocotab.c"

size_t shorten(struct slice field, char *out)
{
	size_t used;

	assert(__CPROVER_w_ok(out, field.length));
	__CPROVER_assume(used <= field.length);
	return used;
}

int complain(struct fault *fault, const char *format, ...)
{
	(void)fault, (void)format;
	return -EINVAL;
}

static int take(struct volume *volume, struct slice text, struct fault *fault)
{
	(void)volume, (void)fault;
	assert(__CPROVER_r_ok(text.at, text.length));
	return 0;
}

#define TAKES(name) \
	int volume_set_##name(struct volume *volume, struct slice text, struct fault *fault) \
	{ \
		return take(volume, text, fault); \
	}
TAKES(name)
TAKES(device)
TAKES(secret)
TAKES(options)

int main(void)
{
	struct volume volume;
	struct fault fault;
	struct slice field;
	int index;

	__CPROVER_assume(index >= 0 && index < FIELDS);
	set_field(&volume, index, field, &fault);
	return 0;
}
