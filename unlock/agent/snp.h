/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_SNP_H
#define COCOSECRET_SNP_H

#include <json-c/json.h>
#include <stddef.h>

#include "lib/text.h"

/* ATTESTATION_REPORT, AMD 56860 (SEV-SNP firmware ABI), table 23. */
enum { SNP_REPORT_SIZE = 1184, SNP_DATA_AT = 0x50 };

/*
 * Report and certificate table (AMD 56421, GHCB, section 4.1.8.1) as the JSON that Trustee reads:
 * {"attestation_report":{…},"cert_chain":[…] or null}. NULL, with the reason in @fault.
 */
struct json_object *snp_evidence(const void *report, size_t size, const void *certificates,
				 size_t certificates_size, struct fault *fault);

#endif
