/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_EVIDENCE_H
#define COCOSECRET_EVIDENCE_H

#include <json-c/json.h>

#include "config/broker.h"

enum { EVIDENCE_DIGEST = 48 }; /* SHA-384, with zeros behind it in a report */

/*
 * What this machine is, by the driver that makes its reports, and as the broker calls it: "snp" or
 * "tdx". NULL, with the reason in @fault, where it is none of these, or not the one that was @wanted.
 */
const char *evidence_tee(enum tee wanted, struct fault *fault);

/*
 * The evidence of such a machine over a digest. Negative errno, with the reason in @fault; -EAGAIN
 * where it may be had later. Everything else is final.
 */
int evidence_make(const char *tee, const unsigned char digest[EVIDENCE_DIGEST],
		  struct json_object **evidence, struct fault *fault);

#endif
