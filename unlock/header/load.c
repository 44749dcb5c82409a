// SPDX-License-Identifier: GPL-2.0-or-later
#include "header/load.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/exitcode.h"
#include "lib/log.h"

void header_unload(struct crypt_device **cd)
{
	crypt_free(*cd);
}

static void log_library(int level, const char *message, void *data)
{
	const char *name = data;
	struct slice text = slice_of(message);

	if (level != CRYPT_LOG_ERROR)
		return;
	if (text.length && text.at[text.length - 1] == '\n')
		text.length--;
	log_warning("%s: libcryptsetup: %s", name, ESCAPED(text));
}

static int exit_for_load(int r)
{
	return r == -EIO || r == -ENOMEM || r == -EACCES || r == -EPERM ? EXIT_IO : EXIT_HEADER;
}

/* A device is the host's, and what it says is another thing each time it is asked. */
static int check_file(const char *header, struct fault *fault)
{
	struct stat st;

	if (stat(header, &st) == 0 && S_ISREG(st.st_mode) && access(header, R_OK) == 0)
		return EXIT_OPENED;
	if (stat(header, &st) == 0 && !S_ISREG(st.st_mode))
		errno = ENOTSUP;
	fault_set(fault, "the header file %s: %s; is it a file in the initramfs?",
		  ESCAPED(slice_of(header)), strerror(errno));
	return EXIT_CONFIG;
}

/* Where both are given, the first holds the header and the second the data. */
static int init(struct crypt_device **cd, const char *header, const char *device,
		struct fault *fault)
{
	int r = header[0] ? check_file(header, fault) : EXIT_OPENED;

	if (r)
		return r;
	r = header[0] ? crypt_init_data_device(cd, header, device) : crypt_init(cd, device);
	if (r >= 0)
		return EXIT_OPENED;
	fault_set(fault, "%s: %s", device,
		  r == -ENOTBLK ? "is not a block device or file that can be opened" : strerror(-r));
	return EXIT_IO;
}

/*
 * The one read of the header: what is checked and what is activated is this crypt_device. Locking
 * is off because with it crypt_load repairs a damaged copy, that is, writes to a disk that nobody
 * has checked yet. Token plugins are off because the header, not the owner, would choose them.
 */
int header_load_detached(struct crypt_device **cd, const char *name, const char *header,
			 const char *device, struct fault *fault)
{
	int r;

	crypt_metadata_locking(NULL, 0);
	crypt_token_external_disable();
	crypt_set_log_callback(NULL, log_library, (void *)name);
	r = init(cd, header, device, fault);
	if (r)
		return r;
	r = crypt_load(*cd, CRYPT_LUKS2, NULL);
	if (r < 0) {
		fault_set(fault, "%s has no LUKS2 header that can be used: %s",
			  header[0] ? ESCAPED(slice_of(header)) : device, strerror(-r));
		return exit_for_load(r);
	}
	return EXIT_OPENED;
}

int header_load(struct crypt_device **cd, const char *name, const char *device,
		struct fault *fault)
{
	return header_load_detached(cd, name, "", device, fault);
}
