// SPDX-License-Identifier: GPL-2.0-or-later
/* Loading efi_secret where others load it at the same time; libkmod is stood in for. */
#include "boot/module.h"

#include <errno.h>
#include <libkmod.h>

#include "support.h"

static int busy; /* how many attempts meet another's */
static int attempts;

int kmod_module_new_from_lookup(struct kmod_ctx *context, const char *alias, struct kmod_list **list)
{
	(void)context;
	assert_string_equal(alias, "efi_secret");
	*list = (struct kmod_list *)&busy;
	return 0;
}

struct kmod_list *kmod_list_next(const struct kmod_list *list, const struct kmod_list *at)
{
	(void)list;
	(void)at;
	return NULL;
}

struct kmod_module *kmod_module_get_module(const struct kmod_list *at)
{
	assert_ptr_equal(at, &busy);
	return NULL;
}

int kmod_module_unref_list(struct kmod_list *list)
{
	(void)list;
	return 0;
}

int kmod_module_probe_insert_module(struct kmod_module *module, unsigned int flags,
				    const char *extra_options,
				    int (*run_install)(struct kmod_module *m, const char *cmdline,
						       void *data),
				    const void *data,
				    void (*print_action)(struct kmod_module *m, bool install,
							 const char *options))
{
	(void)module;
	(void)extra_options;
	(void)run_install;
	(void)data;
	(void)print_action;
	assert_int_equal(flags, KMOD_PROBE_FAIL_ON_LOADED);
	return ++attempts > busy ? -EBADMSG : -EBUSY;
}

static int load_beside(int others)
{
	busy = others;
	attempts = 0;
	return module_load_efi_secret();
}

static void others_that_load_it_are_waited_for(void **state)
{
	(void)state;
	assert_int_equal(load_beside(0), -EBADMSG);
	assert_int_equal(load_beside(1), -EBADMSG);
	assert_int_equal(load_beside(12), -EBADMSG);
}

static void a_driver_that_stays_is_not(void **state)
{
	(void)state;
	assert_int_equal(load_beside(1000), -EBUSY);
	assert_in_range(attempts, 13, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_that_load_it_are_waited_for),
		cmocka_unit_test(a_driver_that_stays_is_not),
	};

	return cmocka_run_group_tests_name("module", tests, NULL, NULL);
}
