/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_TSM_H
#define COCOSECRET_TSM_H

#include <stddef.h>

#include "lib/text.h"

/* configfs-tsm, Linux: Documentation/ABI/testing/configfs-tsm-report */
#define TSM_FOLDER "/sys/kernel/config/tsm/report"

enum {
	TSM_DATA = 64,            /* what a report can hold of ours */
	TSM_REPORT_MAX = 1 << 17, /* the largest quote that tdx_guest has room for */
	TSM_PROVIDER_SIZE = 32,
};

struct tsm_report {
	char provider[TSM_PROVIDER_SIZE]; /* the driver's name */
	char *report, *certificates; /* allocated; the second may be NULL */
	size_t size, certificates_size;
};

/* Loads what is missing of it. Negative errno, with the reason in @fault. */
int tsm_prepare(struct fault *fault);

/* "sev_guest" or "tdx_guest". Negative errno, with the reason in @fault. */
int tsm_provider(char provider[TSM_PROVIDER_SIZE], struct fault *fault);

/*
 * A report over @data. Negative errno, with the reason in @fault; -EAGAIN where the same may
 * succeed later: of TDX only, SNP's channel to the processor is closed by its first fault.
 * tsm_forget() frees @report in any case.
 */
int tsm_ask(const unsigned char data[TSM_DATA], struct tsm_report *report, struct fault *fault);
void tsm_forget(struct tsm_report *report);

#endif
