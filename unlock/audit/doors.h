/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_AUDIT_DOORS_H
#define COCOSECRET_AUDIT_DOORS_H

#include "audit/boot.h"
#include "audit/units.h"

struct audit {
	struct image image;
	struct boot boot;
	struct units units;
	const struct door *door;   /* the one that is being looked for */
	struct json_object *found; /* its openings; NULL: none yet */
};

/* A way in for a host, once the owner's root runs. */
struct door {
	const char *name;
	void (*look)(struct audit *audit);
	const char *host;         /* what a host does there: "The host ..." */
	const char *close;        /* what closes it, where the opening has nothing of its own to say */
	const char *const *units; /* whose start opens it, for look_for_units() */
};

/*
 * An opening: a file of the root, what of it (NULL: that it is there), and what closes it (NULL:
 * what closes the door).
 */
void audit_found(struct audit *audit, const char *file, const char *what, const char *close);
void audit_found_text(struct audit *audit, const char *file, struct slice what, const char *close);

/* The openings of a door, one object each: "file", "what" where there is one, "close". */
typedef void audit_tell(void *context, const struct door *door, struct json_object *found);

/* Looks for all doors, in the order of the table, and tells those that are open. */
void audit_run(struct audit *audit, audit_tell *tell, void *context);

/* Each check, in the file of its kind. */
void look_for_units(struct audit *audit);

void look_for_cloud_init(struct audit *audit);
void look_for_ignition(struct audit *audit);
void look_for_key_commands(struct audit *audit);

void look_for_serial_gettys(struct audit *audit);
void look_for_gettys(struct audit *audit);
void look_for_autologin(struct audit *audit);
void look_for_debug_shell(struct audit *audit);
void look_for_rescue_shell(struct audit *audit);
void look_for_empty_passwords(struct audit *audit);
void look_for_first_boot(struct audit *audit);

void look_for_credentials(struct audit *audit);
void look_for_efi_variables(struct audit *audit);
void look_for_gpt_auto(struct audit *audit);
void look_for_vsock(struct audit *audit);
void look_for_imds(struct audit *audit);

void look_for_mounts(struct audit *audit);
void look_for_swap(struct audit *audit);
void look_for_crypttab(struct audit *audit);
void look_for_resume(struct audit *audit);

void look_for_dumps(struct audit *audit);
void look_for_crash_kernel(struct audit *audit);
void look_for_pstore(struct audit *audit);
void look_for_sysrq(struct audit *audit);
void look_for_drivers(struct audit *audit);
void look_for_unsigned_modules(struct audit *audit);
void look_for_words(struct audit *audit);
void look_for_initramfs(struct audit *audit);

#endif
