// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/snp.h"
#include "agent/tdx.h"
#include "agent/tsm.h"
#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/file.h"

/* What a TDX guest's firmware measured; the host's word, and checked against the quote. */
#define EVENT_LOG "/sys/firmware/acpi/tables/data/CCEL"

enum { EVENT_LOG_MAX = 1 << 18 };

#ifdef COCOSECRET_SAMPLE
/*
 * For a try against a broker, on any machine: evidence without any proof. Only a program that is
 * built for it has this, and no other way: make build/cocosecret-agent-sample.
 */
const char *evidence_tee(enum tee wanted, struct fault *fault)
{
	(void)wanted;
	(void)fault;
	return "sample";
}

int evidence_make(const char *tee, const unsigned char digest[EVIDENCE_DIGEST],
		  struct json_object **evidence, struct fault *fault)
{
	char text[BASE64_TEXT_SIZE(EVIDENCE_DIGEST)];

	(void)tee;
	(void)fault;
	base64_encode(digest, EVIDENCE_DIGEST, BASE64, text);
	*evidence = json_object_new_object();
	json_object_object_add(*evidence, "svn", json_object_new_string("1"));
	json_object_object_add(*evidence, "report_data", json_object_new_string(text));
	return 0;
}
#else

struct kind {
	enum tee tee;
	const char *name, *provider;
	struct json_object *(*make)(const struct tsm_report *report, struct fault *fault);
	size_t (*data_at)(const struct tsm_report *report);
};

static struct json_object *make_snp(const struct tsm_report *report, struct fault *fault)
{
	return snp_evidence(report->report, report->size, report->certificates,
			    report->certificates_size, fault);
}

static size_t snp_data_at(const struct tsm_report *report)
{
	return report->size == SNP_REPORT_SIZE ? SNP_DATA_AT : 0;
}

static struct json_object *make_tdx(const struct tsm_report *report, struct fault *fault)
{
	CLEANUP(close_fd) int fd = open(EVENT_LOG, O_RDONLY | O_CLOEXEC);
	CLEANUP(free_text) char *log = NULL;
	struct json_object *evidence;
	size_t size = 0;

	/* Not every firmware has one. */
	if (fd >= 0 && file_read_all(fd, EVENT_LOG_MAX, &log, &size) < 0)
		size = 0;
	evidence = tdx_evidence(report->report, report->size, size ? log : NULL, size);
	if (!evidence)
		fault_set(fault, "out of memory");
	return evidence;
}

static size_t quote_data_at(const struct tsm_report *report)
{
	return tdx_data_at(report->report, report->size);
}

static const struct kind kinds[] = {
	{ TEE_SNP, "snp", "sev_guest", make_snp, snp_data_at },
	{ TEE_TDX, "tdx", "tdx_guest", make_tdx, quote_data_at },
};

static const struct kind *find_by_provider(const char *provider)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].provider, provider) == 0)
			return &kinds[i];
	return NULL;
}

const char *evidence_tee(enum tee wanted, struct fault *fault)
{
	char provider[TSM_PROVIDER_SIZE] = "";
	const struct kind *kind;

	if (tsm_prepare(fault) < 0 || tsm_provider(provider, fault) < 0)
		return NULL;
	kind = find_by_provider(provider);
	if (kind && (wanted == TEE_ANY || wanted == kind->tee))
		return kind->name;
	fault_set(fault, "the kernel's reports are those of %s, %s", ESCAPED(slice_of(provider)),
		  kind ? "and rd.cocosecret.tee= wants another machine" :
			 "which this program does not know");
	return NULL;
}

/* A report of another time, or over somebody else's data, is not the one that was asked for. */
static int check_data(const struct kind *kind, const struct tsm_report *report,
		      const unsigned char data[TSM_DATA], struct fault *fault)
{
	size_t at = kind->data_at(report);

	if (at && memcmp(report->report + at, data, TSM_DATA) == 0)
		return 0;
	fault_set(fault, at ? "the report of %s does not hold what it was asked to hold" :
			 "what %s gives is not a report of a known version", kind->provider);
	return -EBADMSG;
}

int evidence_make(const char *tee, const unsigned char digest[EVIDENCE_DIGEST],
		  struct json_object **evidence, struct fault *fault)
{
	CLEANUP(tsm_forget) struct tsm_report report = { .report = NULL };
	unsigned char data[TSM_DATA] = { 0 };
	const struct kind *kind;
	int r;

	memcpy(data, digest, EVIDENCE_DIGEST);
	r = tsm_ask(data, &report, fault);
	if (r < 0)
		return r;
	kind = find_by_provider(report.provider);
	if (!kind || strcmp(kind->name, tee) != 0) {
		fault_set(fault, "the kernel's reports were those of %s, and now are not", tee);
		return -ESTALE;
	}
	r = check_data(kind, &report, data, fault);
	if (r == 0)
		*evidence = kind->make(&report, fault);
	return r == 0 && !*evidence ? -EBADMSG : r;
}
#endif
