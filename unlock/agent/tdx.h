/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TDX_H
#define COCOSECRET_TDX_H

#include <json-c/json.h>
#include <stddef.h>

#include "lib/text.h"

/*
 * Where in a quote, Intel TDX DCAP quoting library API, appendix A.3, REPORTDATA is: version 4, or
 * version 5 for TDX 1.0 and 1.5. 0 where this is none of these.
 */
size_t tdx_data_at(const void *quote, size_t size);

/*
 * The JSON that Trustee reads: {"quote":"…","cc_eventlog":"…" or null}. Without an event log, @log
 * is NULL. NULL where memory is short.
 */
struct json_object *tdx_evidence(const void *quote, size_t size, const void *log, size_t log_size);

#endif
