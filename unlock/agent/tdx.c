// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/tdx.h"

#include <stdlib.h>

#include "lib/base64.h"
#include "lib/cleanup.h"

enum {
	VERSION_AT = 0,
	TEE_AT = 4,
	TEE_TDX_TYPE = 0x81,
	BODY_4_AT = 48,
	TYPE_5_AT = 48, /* u16, and the body's length, u32 */
	BODY_5_AT = 54,
	DATA_IN_BODY = 0x208,
	DATA_SIZE = 64,
};

static size_t body_at(const unsigned char *quote)
{
	if (quote[VERSION_AT + 1] || quote[TEE_AT] != TEE_TDX_TYPE || quote[TEE_AT + 1] ||
	    quote[TEE_AT + 2] || quote[TEE_AT + 3])
		return 0;
	if (quote[VERSION_AT] == 4)
		return BODY_4_AT;
	if (quote[VERSION_AT] == 5 && (quote[TYPE_5_AT] == 2 || quote[TYPE_5_AT] == 3) &&
	    !quote[TYPE_5_AT + 1])
		return BODY_5_AT;
	return 0;
}

size_t tdx_data_at(const void *quote, size_t size)
{
	size_t body = size >= BODY_5_AT ? body_at(quote) : 0;

	return body && body + DATA_IN_BODY + DATA_SIZE <= size ? body + DATA_IN_BODY : 0;
}

static struct json_object *base64_json(const void *bytes, size_t size)
{
	CLEANUP(free_text) char *text = malloc(BASE64_TEXT_SIZE(size));

	if (!text)
		return NULL;
	base64_encode(bytes, size, BASE64, text);
	return json_object_new_string(text);
}

/* What was left out for want of memory would be null. */
struct json_object *tdx_evidence(const void *quote, size_t size, const void *log, size_t log_size)
{
	struct json_object *evidence = json_object_new_object();
	struct json_object *quote_text = base64_json(quote, size);
	struct json_object *log_text = log ? base64_json(log, log_size) : NULL;

	json_object_object_add(evidence, "quote", quote_text);
	json_object_object_add(evidence, "cc_eventlog", log_text);
	if (quote_text && (log_text || !log) && json_object_object_length(evidence) == 2)
		return evidence;
	json_object_put(evidence);
	return NULL;
}
