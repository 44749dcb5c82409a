// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent/tsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/module.h"
#include "lib/cleanup.h"
#include "lib/file.h"

#define CONFIGFS "/sys/kernel/config"

enum { PATH_SIZE = 128, NUMBER_SIZE = 32 };

/* A request: a folder of its own, so that nobody else's data get into the report. */
struct request {
	char path[PATH_SIZE];
	int folder;
};

static int explain(struct fault *fault, int r, const char *what)
{
	fault_set(fault, "%s: %s", what, strerror(-r));
	return r;
}

static void mount_configfs(void)
{
	module_load("configfs");
	mount("configfs", CONFIGFS, "configfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* By name: not every initramfs has udev to do it, and a module that is built in is not missed. */
int tsm_prepare(struct fault *fault)
{
	static const char *const names[] = { "tsm", "tsm_report", "sev-guest", "tdx-guest" };

	if (access(TSM_FOLDER, F_OK) < 0)
		mount_configfs();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		module_load(names[i]);
	if (access(TSM_FOLDER, F_OK) == 0)
		return 0;
	fault_set(fault, "no " TSM_FOLDER ": this wants a kernel 6.7 or newer with TSM_REPORTS, and in "
		  "the image its modules configfs, tsm or tsm_report, and sev-guest or tdx-guest");
	return -ENOENT;
}

static void end_request(struct request *request)
{
	if (request->folder < 0)
		return;
	close(request->folder);
	rmdir(request->path);
}

static int begin_request(struct request *request, struct fault *fault)
{
	snprintf(request->path, sizeof(request->path), TSM_FOLDER "/cocosecret-%d", (int)getpid());
	rmdir(request->path);
	if (mkdir(request->path, 0700) < 0) {
		int r = -errno;

		if (r == -ENXIO)
			fault_set(fault, "the kernel has no provider of reports: is this an SEV-SNP or TDX "
				  "guest, and is the module sev-guest or tdx-guest in the image?");
		return r == -ENXIO ? r : explain(fault, r, request->path);
	}
	request->folder = open(request->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return request->folder < 0 ? explain(fault, -errno, request->path) : 0;
}

static int read_file(const struct request *request, const char *name, char **bytes, size_t *size)
{
	CLEANUP(close_fd) int fd = openat(request->folder, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : file_read_all(fd, TSM_REPORT_MAX, bytes, size);
}

/* Without its end. */
static int read_line(const struct request *request, const char *name, char *line, size_t capacity)
{
	CLEANUP(free_text) char *text = NULL;
	size_t size;
	int r = read_file(request, name, &text, &size);

	if (r < 0 || !text)
		return r;
	text[strcspn(text, "\n")] = '\0';
	return (size_t)snprintf(line, capacity, "%s", text) < capacity ? 0 : -EINVAL;
}

static int read_number(const struct request *request, const char *name, unsigned long *number)
{
	char line[NUMBER_SIZE];
	int r = read_line(request, name, line, sizeof(line));

	if (r == 0)
		*number = strtoul(line, NULL, 10);
	return r;
}

static int read_provider(const struct request *request, char provider[TSM_PROVIDER_SIZE],
			 struct fault *fault)
{
	int r = read_line(request, "provider", provider, TSM_PROVIDER_SIZE);

	return r < 0 ? explain(fault, r, TSM_FOLDER "/*/provider") : 0;
}

int tsm_provider(char provider[TSM_PROVIDER_SIZE], struct fault *fault)
{
	CLEANUP(end_request) struct request request = { .folder = -1 };
	int r = begin_request(&request, fault);

	return r < 0 ? r : read_provider(&request, provider, fault);
}

/* The kernel takes it over when the file is closed, and tells nobody what became of it. */
static int write_data(const struct request *request, const unsigned char data[TSM_DATA])
{
	CLEANUP(close_fd) int fd = openat(request->folder, "inblob", O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, data, TSM_DATA);

	if (n < 0)
		return -errno;
	return n == TSM_DATA ? 0 : -EIO;
}

/* Of an SVSM's guest, privileges begin above 0. */
static int check_privilege(const struct request *request, struct fault *fault)
{
	unsigned long floor = 0;
	int r = read_number(request, "privlevel_floor", &floor);

	if (r < 0 && r != -ENOENT)
		return explain(fault, r, TSM_FOLDER "/*/privlevel_floor");
	if (floor == 0)
		return 0;
	fault_set(fault, "this guest runs under an SVSM, at VMPL %lu: Trustee refuses reports of other "
		  "levels than 0; a vTPM of the SVSM is the way there", floor);
	return -ENOTSUP;
}

static int read_blobs(const struct request *request, struct tsm_report *report)
{
	int r = read_file(request, "outblob", &report->report, &report->size);

	if (r == 0)
		r = read_file(request, "auxblob", &report->certificates, &report->certificates_size);
	return r == -ENOENT && report->report ? 0 : r;
}

static bool is_snp(const struct tsm_report *report)
{
	return strcmp(report->provider, "sev_guest") == 0;
}

static bool is_passing(const struct tsm_report *report, int r)
{
	return !is_snp(report) && (r == -EBUSY || r == -ETIMEDOUT || r == -EINTR);
}

static int explain_failure(struct fault *fault, const struct tsm_report *report, int r)
{
	fault_set(fault, "%s gives no report: %s%s", ESCAPED(slice_of(report->provider)), strerror(-r),
		  is_snp(report) ? "; it may give none until the machine has been restarted" : "");
	return is_passing(report, r) ? -EAGAIN : r;
}

/* Each write counts: whoever else wrote to this folder is seen by it. */
static int take_report(const struct request *request, const unsigned char data[TSM_DATA],
		       struct tsm_report *report, struct fault *fault)
{
	unsigned long before = 0, after = 0;
	int r = read_number(request, "generation", &before);

	if (r == 0)
		r = write_data(request, data);
	if (r == 0)
		r = read_blobs(request, report);
	if (r == 0)
		r = read_number(request, "generation", &after);
	if (r < 0)
		return explain_failure(fault, report, r);
	if (after != before + 1) {
		fault_set(fault, "somebody else has written into %s", request->path);
		return -ESTALE;
	}
	if (report->size > 0)
		return 0;
	fault_set(fault, "%s gives an empty report%s", ESCAPED(slice_of(report->provider)),
		  is_snp(report) ? "" : ": the host has no service for quotes (QGS)?");
	return -ENODATA;
}

int tsm_ask(const unsigned char data[TSM_DATA], struct tsm_report *report, struct fault *fault)
{
	CLEANUP(end_request) struct request request = { .folder = -1 };
	int r = begin_request(&request, fault);

	*report = (struct tsm_report){ .report = NULL };
	if (r == 0)
		r = read_provider(&request, report->provider, fault);
	if (r == 0)
		r = check_privilege(&request, fault);
	return r < 0 ? r : take_report(&request, data, report, fault);
}

void tsm_forget(struct tsm_report *report)
{
	free(report->report);
	free(report->certificates);
	*report = (struct tsm_report){ .report = NULL };
}
