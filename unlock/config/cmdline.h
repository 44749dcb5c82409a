/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_CMDLINE_H
#define COCOSECRET_CMDLINE_H

#include "config/anchor.h"
#include "config/broker.h"
#include "config/volume.h"
#include "lib/source.h"

#define CMDLINE_PATH "/proc/cmdline"

enum { TIMEOUT_DEFAULT_S = 30, TIMEOUT_MAX_S = 24 * 60 * 60 };

/* What happens to the machine: the unit or failure_end_boot() carries it out. */
enum on_failure {
	ON_FAILURE_POWEROFF,
	ON_FAILURE_REBOOT,
	ON_FAILURE_HALT,
	ON_FAILURE_SHELL,
};

const char *on_failure_text(enum on_failure on_failure);

/* The host's channels that the owner opens: rd.cocosecret.allow= */
enum host_channel {
	HOST_CREDENTIALS = 1 << 0,
	HOST_EFIVARS = 1 << 1,
	HOST_GPT_AUTO = 1 << 2,
};

/* Whose firmware tables the kernel obeyed before anything of the initramfs ran. */
enum tables {
	TABLES_HOST,
	TABLES_OURS, /* behind cocosecret-stub.efi, which says so on the command line */
	TABLES_NONE, /* acpi=off */
};

const char *tables_text(enum tables tables);

struct cmdline {
	bool off; /* rd.cocosecret=0 */
	unsigned int timeout_s;
	enum on_failure on_failure;
	enum source source;
	unsigned int allowed; /* of enum host_channel */
	struct anchors anchors;
	struct broker broker;
	enum tables tables;
	char root[VOLUME_NAME_SIZE]; /* the mapping that root= names; empty where it names none */
	struct volumes volumes;
};

/* Reads the rd.cocosecret parameters of a kernel command line, quoted as the kernel quotes. */
int cmdline_parse(struct slice text, struct cmdline *cmdline, struct fault *fault);

/* The same for a file, CMDLINE_PATH mostly. Whatever becomes of it, @cmdline can be freed. */
int cmdline_load(const char *path, struct cmdline *cmdline, struct fault *fault);

/* The kernel's own, for whoever wants no volumes of it: nothing is to be freed. */
int cmdline_settings(struct cmdline *cmdline, struct fault *fault);

/* Of a file with nothing but the parameters of a broker, separated as on a command line. */
int cmdline_parse_broker(struct slice text, struct broker *broker, struct fault *fault);

/* Whether any parameter is there. @value is a piece of @text, the last; its @at is NULL for none. */
bool cmdline_has(struct slice text, const char *key, struct slice *value);

/* The last value of any parameter, a piece of @text; false where it is not there or has none. */
bool cmdline_value(struct slice text, const char *key, struct slice *value);

/* What root= names; false where it is not there, or leaves it to systemd by gpt-auto. */
bool cmdline_root(struct slice text, struct slice *value);

/* The last of "ro" and "rw" counts, and read-only is what the root's own fsck wants. */
bool cmdline_is_writable(struct slice text);

#endif
