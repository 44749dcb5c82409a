// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/module.h"

#include <errno.h>
#include <libkmod.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"

enum { ATTEMPTS = 25, PAUSE_NS = 10000000 };

static void unref_context(struct kmod_ctx **context)
{
	kmod_unref(*context);
}

static void unref_modules(struct kmod_list **modules)
{
	kmod_module_unref_list(*modules);
}

static void unref_module(struct kmod_module **module)
{
	kmod_module_unref(*module);
}

/* The caller explains a failure; libkmod's own words would go to stderr. */
static void say_nothing(void *data, int priority, const char *file, int line, const char *function,
			const char *format, va_list args)
{
	(void)data;
	(void)priority;
	(void)file;
	(void)line;
	(void)function;
	(void)format;
	(void)args;
}

/* All that an alias stands for; the last error. */
static int load(const char *alias, unsigned int flags)
{
	CLEANUP(unref_context) struct kmod_ctx *context = kmod_new(NULL, NULL);
	CLEANUP(unref_modules) struct kmod_list *modules = NULL;
	struct kmod_list *at;
	int r;

	if (!context)
		return -ENOMEM;
	kmod_set_log_fn(context, say_nothing, NULL);
	r = kmod_module_new_from_lookup(context, alias, &modules);
	if (r == 0 && !modules)
		r = -ENOENT;
	kmod_list_foreach(at, modules) {
		CLEANUP(unref_module) struct kmod_module *module = kmod_module_get_module(at);
		int one = kmod_module_probe_insert_module(module, flags, NULL, NULL, NULL, NULL);

		if (one)
			r = one > 0 ? -EPERM : one;
	}
	return r;
}

int module_load(const char *alias)
{
	return load(alias, KMOD_PROBE_APPLY_BLACKLIST_ALIAS_ONLY);
}

/*
 * Another process may be loading it: where that fails, as with a malformed table, the kernel tells
 * whoever waited for it EBUSY, Linux: kernel/module/main.c, add_unformed_module(). A boot that
 * fails has half a dozen such processes, and each costs the others an attempt.
 */
int module_load_efi_secret(void)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int r;

	for (int i = 1; (r = load("efi_secret", KMOD_PROBE_FAIL_ON_LOADED)) == -EBUSY && i < ATTEMPTS; i++)
		nanosleep(&pause, NULL);
	return r;
}

bool module_has_dm_crypt(void)
{
	return access("/sys/module/dm_crypt", F_OK) == 0;
}

void module_load_ciphers(void)
{
	/* dm-crypt asks for ciphers by these aliases, Linux: include/linux/crypto.h. */
	static const char *const aliases[] = { "dm_crypt", "crypto-xts", "crypto-aes" };

	if (module_has_dm_crypt())
		return;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
		module_load(aliases[i]);
}

const char *module_explain(int r)
{
	switch (-r) {
	case 0:
		return "the kernel's own efi_secret is loaded but shows no secrets: this machine was "
		       "not launched with any, or their table is malformed; use cocosecret's module, "
		       "which says why";
	case ENOENT:
		return "the module efi_secret is not in this image for the running kernel; install it "
		       "and build the image again";
	case ENODEV:
		return "no secret area, or an empty one: this machine was not launched with secrets, "
		       "or not by the AmdSev firmware; or a malformed table was wiped: the kernel "
		       "log then says so";
	case EBADMSG:
		return "the secret table was malformed, and all of it is wiped; the kernel log says "
		       "what was wrong with it";
	case EINVAL:
		return "the firmware's secret area cannot be right; the kernel log says why";
	case EEXIST:
	case EBUSY: /* Linux 7 makes this of a module's own EEXIST */
		return "a driver for the secret area is loaded but shows no secrets (the kernel's own "
		       "efi_secret?); use cocosecret's module, which says why";
	case EKEYREJECTED:
	case ENOKEY:
	case EPERM:
		return "the kernel refuses the module efi_secret; under lockdown it must be signed "
		       "with a key the kernel trusts";
	default:
		return "the module efi_secret cannot be loaded; the kernel log may say why";
	}
}
