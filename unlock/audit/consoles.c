// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is let in on a console, which is the host's, be it serial, virtual or a screen. */
#include <errno.h>
#include <fnmatch.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/doors.h"
#include "audit/settings.h"
#include "lib/cleanup.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const serial_lines[] = { "ttyS", "ttyAMA", "hvc", "console" };

static bool has_one_of(struct slice text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (memmem(text.at, text.length, words[i], strlen(words[i])))
			return true;
	return false;
}

/* inittab(5): the process of a line, where it gives a terminal to somebody. */
static bool is_terminal(struct slice line, bool serial)
{
	static const char *const programs[] = { "getty", "/login", "/sh", "ash" };

	return has_one_of(line, programs, COUNT(programs)) &&
	       has_one_of(line, serial_lines, COUNT(serial_lines)) == serial;
}

static void look_in_inittab(struct audit *audit, bool (*opens)(struct slice line))
{
	struct slice text = { 0 }, line;
	CLEANUP(free_text) char *read = audit->units.systemd ? NULL :
		image_read(&audit->image, "/etc/inittab", &text.length);

	text.at = read;
	while (read && settings_line(&text, &line))
		if (opens(line))
			audit_found_text(audit, "/etc/inittab", line, "take out that line");
}

static bool is_serial(struct slice line)
{
	return is_terminal(line, true);
}

static bool is_screen(struct slice line)
{
	return is_terminal(line, false) && memmem(line.at, line.length, "tty", strlen("tty"));
}

static void found_start(struct audit *audit, const char *pattern)
{
	const struct start *start = units_start(&audit->units, pattern);

	if (start)
		audit_found(audit, start->where, NULL, NULL);
}

/* systemd-getty-generator(8): on each console that the kernel has, and on a virtualizer's. */
void look_for_serial_gettys(struct audit *audit)
{
	char path[IMAGE_PATH_SIZE];

	if (units_may_start(&audit->units, "serial-getty@.service") &&
	    !boot_always(&audit->boot, "systemd.getty_auto", boot_no) &&
	    units_generator(&audit->units, "systemd-getty-generator", path))
		audit_found(audit, path, NULL, NULL);
	found_start(audit, "serial-getty@*.service");
	found_start(audit, "agetty.ttyS*.service");
	found_start(audit, "agetty.hvc*.service");
	look_in_inittab(audit, is_serial);
}

/* logind starts one on whatever screen somebody switches to. */
static bool logind_starts(struct audit *audit)
{
	struct names files = { 0 };
	CLEANUP(free_text) char *count = NULL;
	static const char *const folders[] = { "/etc/systemd/logind.conf.d",
					       "/usr/lib/systemd/logind.conf.d", NULL };
	size_t source;

	image_list(&audit->image, "/etc/systemd", "logind.conf", &files);
	image_list_each(&audit->image, folders, "*.conf", &files);
	count = settings_last(&audit->image, &files, "NAutoVTs", &source);
	names_free(&files);
	return !count || strcmp(count, "0") != 0;
}

/* Debian's, on further screens, where there is no D-Bus and so no logind. */
static void look_for_static_gettys(struct audit *audit)
{
	if (units_may_start(&audit->units, "getty@.service") &&
	    !image_has(&audit->image, "/usr/bin/dbus-daemon") &&
	    !image_has(&audit->image, "/usr/bin/dbus-broker"))
		found_start(audit, "getty-static.service");
}

void look_for_gettys(struct audit *audit)
{
	char path[IMAGE_PATH_SIZE];

	found_start(audit, "getty@*.service");
	look_for_static_gettys(audit);
	if (units_start(&audit->units, "systemd-logind.service") &&
	    units_may_start(&audit->units, "getty@.service") &&
	    units_may_start(&audit->units, "autovt@.service") && logind_starts(audit) &&
	    units_file(&audit->units, "autovt@.service", path))
		audit_found(audit, path, NULL,
			    "systemctl mask autovt@.service, or NAutoVTs=0 in /etc/systemd/logind.conf");
	found_start(audit, "agetty.tty[0-9]*.service");
	look_in_inittab(audit, is_screen);
}

/* agetty(8) */
static bool logs_in(struct slice line)
{
	static const char *const words[] = { "--autologin", "getty -a ", "login -f", "-f root" };

	return has_one_of(line, words, COUNT(words));
}

static void look_for_login(struct audit *audit, const char *path)
{
	struct slice text = { 0 }, line;
	char unit[IMAGE_PATH_SIZE], close[IMAGE_PATH_SIZE];
	CLEANUP(free_text) char *read = NULL;

	units_of_file(path, unit);
	if (image_is_mask(&audit->image, path) || !units_may_start(&audit->units, unit))
		return;
	read = image_read(&audit->image, path, &text.length);
	text.at = read;
	snprintf(close, sizeof(close), "rm %s", ESCAPED(slice_of(path)));
	while (read && settings_line(&text, &line))
		if (slice_skip_prefix(&line, "ExecStart=") && logs_in(line))
			audit_found_text(audit, path, line, close);
}

void look_for_autologin(struct audit *audit)
{
	struct names files = { 0 };

	units_drop_ins(&audit->units, "*getty*.service.d", &files);
	units_drop_ins(&audit->units, "autovt@*.service.d", &files);
	image_list(&audit->image, "/etc/systemd/system", "*getty*.service", &files);
	for (size_t i = 0; i < files.count; i++)
		look_for_login(audit, files.list[i]);
	names_free(&files);
	look_in_inittab(audit, logs_in);
}

void look_for_debug_shell(struct audit *audit)
{
	found_start(audit, "debug-shell.service");
}

/* systemd.io/ENVIRONMENT: a shell though root is locked. */
void look_for_rescue_shell(struct audit *audit)
{
	struct names files = { 0 };
	const char *file;
	char close[IMAGE_PATH_SIZE];

	units_drop_ins(&audit->units, "emergency.service.d", &files);
	units_drop_ins(&audit->units, "rescue.service.d", &files);
	image_list(&audit->image, "/etc/systemd", "system.conf", &files);
	image_list(&audit->image, "/etc/systemd/system.conf.d", "*.conf", &files);
	file = settings_with(&audit->image, &files, NULL, "SYSTEMD_SULOGIN_FORCE=1");
	if (file) {
		snprintf(close, sizeof(close), "take SYSTEMD_SULOGIN_FORCE out of %s",
			 ESCAPED(slice_of(file)));
		audit_found(audit, file, NULL, close);
	}
	names_free(&files);
}

enum {
	ENTRY_SIZE = 4096,
	EMPTY_MAX = 64, /* each costs a look at passwd */
};

/* glibc's readers of these files, over a text. */
struct users {
	struct image *image;
	const char *path;
	char *text;
	FILE *file;
	char entry[ENTRY_SIZE];
};

static bool open_users(struct users *users, struct image *image, const char *path)
{
	size_t length = 0;

	users->image = image;
	users->path = path;
	users->text = image_read(image, path, &length);
	users->file = users->text && length ? fmemopen(users->text, length, "r") : NULL;
	return users->file != NULL;
}

static void close_users(struct users *users)
{
	if (users->file)
		fclose(users->file);
	free(users->text);
}

/* A line that does not fit hides those after it. */
static bool is_read(const struct users *users, int r)
{
	if (r == ERANGE)
		image_tell(users->image, users->path, "has a line that is too long");
	return r == 0;
}

static bool next_user(struct users *users, struct passwd *user)
{
	struct passwd *found;

	return is_read(users, fgetpwent_r(users->file, user, users->entry, sizeof(users->entry),
					  &found));
}

static bool next_shadow(struct users *users, struct spwd *user)
{
	struct spwd *found;

	return is_read(users, fgetspent_r(users->file, user, users->entry, sizeof(users->entry),
					  &found));
}

static bool has_shell(const struct passwd *user)
{
	return fnmatch("*/nologin", user->pw_shell, 0) != 0 && fnmatch("*/false", user->pw_shell, 0) != 0;
}

/* Who has no entry in passwd cannot log in. */
static bool may_log_in(struct image *image, const char *name)
{
	CLEANUP(close_users) struct users users = { 0 };
	struct passwd user;
	bool may = false;

	if (!open_users(&users, image, "/etc/passwd"))
		return false;
	while (!may && next_user(&users, &user))
		may = strcmp(user.pw_name, name) == 0 && has_shell(&user);
	return may;
}

static void found_user(struct audit *audit, const char *file, const char *name)
{
	char close[IMAGE_PATH_SIZE];

	snprintf(close, sizeof(close), "passwd -l %s", ESCAPED(slice_of(name)));
	audit_found(audit, file, name, close);
}

static bool is_empty(const char *password)
{
	return !password || !password[0];
}

static void look_in_shadow(struct audit *audit)
{
	CLEANUP(close_users) struct users users = { 0 };
	struct spwd user;
	unsigned int empty = 0;

	if (!open_users(&users, &audit->image, "/etc/shadow"))
		return;
	while (empty < EMPTY_MAX && next_shadow(&users, &user)) {
		if (!is_empty(user.sp_pwdp))
			continue;
		empty++;
		if (may_log_in(&audit->image, user.sp_namp))
			found_user(audit, "/etc/shadow", user.sp_namp);
	}
}

static void look_in_passwd(struct audit *audit)
{
	CLEANUP(close_users) struct users users = { 0 };
	struct passwd user;

	if (!open_users(&users, &audit->image, "/etc/passwd"))
		return;
	while (next_user(&users, &user))
		if (is_empty(user.pw_passwd) && has_shell(&user))
			found_user(audit, "/etc/passwd", user.pw_name);
}

void look_for_empty_passwords(struct audit *audit)
{
	look_in_shadow(audit);
	look_in_passwd(audit);
}

/* machine-id(5): without one, the boot is the first. */
static bool is_first_boot(struct image *image)
{
	size_t length = 0;
	CLEANUP(free_text) char *id = image_read(image, "/etc/machine-id", &length);

	return !id || slice_is(settings_trim((struct slice){ id, length }), "uninitialized");
}

/* systemd-firstboot(1) asks where nothing is known of root. */
static bool is_unprovisioned(struct image *image)
{
	size_t length = 0;
	CLEANUP(free_text) char *text = image_read(image, "/etc/shadow", &length);

	return !text || memmem(text, length, "root:!unprovisioned:", strlen("root:!unprovisioned:"));
}

void look_for_first_boot(struct audit *audit)
{
	if (is_first_boot(&audit->image) && is_unprovisioned(&audit->image))
		found_start(audit, "systemd-firstboot.service");
}
