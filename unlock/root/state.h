/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_STATE_H
#define COCOSECRET_STATE_H

#include <json-c/json.h>
#include <stdint.h>

#include "config/volume.h"
#include "lib/mapping.h"

/*
 * What this boot opened: STATE_PATH/volumes/NAME.json for each volume, STATE_PATH/run.json for the
 * run, STATE_PATH/agent.json for the agent's; STATE_PATH/wiped/UUID.json for each secret that was
 * wiped, all.json where all were, and STATE_PATH/verified.json for what verify-root saw;
 * STATE_PATH/wipe-rest if the run must wipe the remaining secrets before the root starts;
 * STATE_PATH/lost where a process that held a secret did not end by itself; and STATE_PATH/root, a
 * link to the mapping that the root must lie on, or STATE_PATH/any-root where any will do. Times are of CLOCK_MONOTONIC, so from
 * the kernel's start. Outlives the initramfs; nothing secret is in it.
 */
#define STATE_PATH "/run/cocosecret"

/* Of one mapping, and of another that it lies on where it has integrity. */
enum { STATE_COOKIES = 4 };

/* By which libdevmapper and udev know what was not waited for; 0 where there is none. */
struct state_cookies {
	uint32_t list[STATE_COOKIES];
};

struct volume_record {
	const char *device;
	const char *luks_uuid;
	const struct mapping_id *mapping;
	uint64_t header_us;   /* to load and check the header */
	uint64_t secret_us;   /* to read the secret */
	uint64_t seal_us;     /* to check the seal */
	uint64_t activate_us; /* to come by the volume key and map */
	uint64_t opened_us;   /* when */
	int slot;             /* the token's; negative: any */
	const char *owner;    /* who signed it, as rd.cocosecret.owner= has it; NULL or empty: nobody looked */
	struct state_cookies cookies; /* what udev was not waited for with */
};

struct run_record {
	uint64_t begin_us; /* CLOCK_MONOTONIC */
	uint64_t end_us;
	uint64_t module_us;
	uint64_t devices_us; /* until the last device was there */
	uint64_t unlink_us;
	int exit_status;
};

/* What an agent did; it comes before the unlocker, or runs beside it. */
struct agent_record {
	const char *broker; /* as rd.cocosecret.kbs= has it */
	const char *tee;    /* NULL: not known */
	uint64_t begin_us, end_us; /* CLOCK_MONOTONIC */
	uint64_t proved_us; /* when the broker believed the evidence; 0: it did not */
	unsigned int secrets; /* how many it brought */
	int exit_status;
};

int state_open(const char *path);
int state_look(const char *path); /* the same of what is there; makes nothing */
int state_add(int state, const struct volume *volume, const struct volume_record *record);
bool state_knows(int state, const char *name, const struct mapping_id *mapping);
void state_remove(int state, const char *name);

/* Calls @use with the name of each volume that has a record. */
typedef void state_use(void *context, const char *name);
void state_each(int state, state_use *use, void *context);

#define STATE_VOLUMES "volumes"
#define STATE_WIPED "wiped"
#define STATE_WIPED_ALL "all"

/* udev's work that nobody waited for when volume @name was opened. */
void state_get_cookies(int state, const char *name, struct state_cookies *cookies);

/* The records in @folder, one of those two; and each as it was written, NULL if it is not one. */
void state_each_in(int state, const char *folder, state_use *use, void *context);
struct json_object *state_read(int state, const char *folder, const char *name);

/* That @secret, or STATE_WIPED_ALL, is gone; that all of @dir lies on what was opened. */
int state_add_wiped(int state, const char *secret);
int state_add_verified(int state, const char *dir);
bool state_has_verified(int state); /* anything */
int state_ask_wipe_rest(int state);
int state_wants_wipe_rest(int state); /* 1, 0, or a negative errno */

/* That a process which held a secret did not end by itself: nobody wiped what it held. */
int state_add_lost(int state);
bool state_has_lost(int state);

/*
 * The volume that the root must lie on; NULL: any of this boot. What was set once stays for this
 * boot. 1 and its name, 0 for any, a negative errno: -ENOENT where none may be the root.
 */
int state_set_root(int state, const char *name);
int state_get_root(int state, char name[VOLUME_NAME_SIZE]);
int state_add_run(int state, const struct run_record *record);
int state_add_agent(int state, const struct agent_record *record);

#endif
