// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot/plan.h"

#include <stdio.h>

#include "support.h"

#define ONE "11111111-0000-4000-8000-000000000001"
#define TWO "22222222-0000-4000-8000-000000000002"

static struct attempt attempt(struct volume *volume, const char *secret, unsigned int options,
			      enum outcome outcome)
{
	*volume = (struct volume){ .options = options };
	snprintf(volume->secret, sizeof(volume->secret), "%s", secret);
	return (struct attempt){ .volume = volume, .outcome = outcome };
}

/* Two volumes that name the same secret: may it go? */
static bool may(unsigned int options_a, enum outcome a, unsigned int options_b, enum outcome b)
{
	struct volume volumes[3];
	struct attempt list[] = {
		attempt(&volumes[0], TWO, 0, OUTCOME_FAILED),
		attempt(&volumes[1], ONE, options_a, a),
		attempt(&volumes[2], ONE, options_b, b),
	};

	return plan_may_unlink(list, 3, ONE);
}

static void only_when_all_that_name_it_are_open(void **state)
{
	(void)state;
	assert_true(may(0, OUTCOME_OPEN, 0, OUTCOME_OPEN));
	for (int outcome = OUTCOME_WAITING; outcome <= OUTCOME_FAILED; outcome++) {
		if (outcome == OUTCOME_OPEN)
			continue;
		assert_false(may(0, OUTCOME_OPEN, 0, (enum outcome)outcome));
		assert_false(may(0, (enum outcome)outcome, 0, OUTCOME_OPEN));
	}
}

static void a_nofail_volume_must_have_had_its_chance(void **state)
{
	(void)state;
	assert_true(may(0, OUTCOME_OPEN, VOLUME_NOFAIL, OUTCOME_FAILED));
	assert_true(may(VOLUME_NOFAIL, OUTCOME_FAILED, VOLUME_NOFAIL, OUTCOME_FAILED));
	assert_true(may(0, OUTCOME_OPEN, VOLUME_NOFAIL, OUTCOME_OPEN));
	assert_false(may(0, OUTCOME_OPEN, VOLUME_NOFAIL, OUTCOME_WAITING));
	assert_false(may(0, OUTCOME_OPEN, VOLUME_NOFAIL, OUTCOME_RUNNING));
	assert_false(may(0, OUTCOME_FAILED, VOLUME_NOFAIL, OUTCOME_FAILED));
}

static void keep_secret_of_one_keeps_it_for_all(void **state)
{
	(void)state;
	assert_false(may(VOLUME_KEEP_SECRET, OUTCOME_OPEN, 0, OUTCOME_OPEN));
	assert_false(may(0, OUTCOME_OPEN, VOLUME_KEEP_SECRET, OUTCOME_OPEN));
	assert_false(may(0, OUTCOME_OPEN, VOLUME_KEEP_SECRET | VOLUME_NOFAIL, OUTCOME_FAILED));
}

static void a_secret_that_nobody_names_stays(void **state)
{
	(void)state;
	assert_false(plan_may_unlink(NULL, 0, ONE));
}

static void what_other_secrets_need_does_not_matter(void **state)
{
	struct volume volumes[2];
	struct attempt list[] = {
		attempt(&volumes[0], ONE, 0, OUTCOME_OPEN),
		attempt(&volumes[1], TWO, VOLUME_KEEP_SECRET, OUTCOME_OPEN),
	};

	(void)state;
	assert_true(plan_may_unlink(list, 2, ONE));
	assert_false(plan_may_unlink(list, 2, TWO));
}

static const struct volume *root_among(const char *named, size_t count, const char *const *names,
				       const unsigned int *options)
{
	static struct volume list[3];
	struct volumes volumes = { list, count };

	for (size_t i = 0; i < count; i++) {
		list[i] = (struct volume){ .options = options[i] };
		snprintf(list[i].name, sizeof(list[i].name), "%s", names[i]);
	}
	return plan_root(&volumes, named);
}

static void the_root_is_the_one_that_its_owner_meant(void **state)
{
	const char *const names[] = { "data", "root", "more" };
	const unsigned int none[] = { 0, 0, 0 }, option[] = { VOLUME_ROOT, 0, 0 };
	const unsigned int two[] = { VOLUME_ROOT, 0, VOLUME_ROOT };

	(void)state;
	assert_string_equal(root_among("", 3, names, none)->name, "root");
	assert_string_equal(root_among("", 3, names, option)->name, "data");
	assert_string_equal(root_among("", 3, names, two)->name, "root");
	assert_string_equal(root_among("", 1, names, none)->name, "data");
	assert_null(root_among("", 2, (const char *const[]){ "data", "more" }, none));
	assert_string_equal(root_among("more", 3, names, option)->name, "more");
	assert_string_equal(root_among("vg-root", 3, names, option)->name, "data");
	assert_string_equal(root_among("vg-root", 1, names, none)->name, "data");
}

static void found_by_its_token_only_a_named_one_is(void **state)
{
	const char *const names[] = { "luks-" ONE, "root", "data" };
	const unsigned int found[] = { VOLUME_DISCOVERED, VOLUME_DISCOVERED, VOLUME_DISCOVERED };

	(void)state;
	assert_string_equal(root_among("", 3, names, found)->name, "root");
	assert_null(root_among("", 1, names, found));
	assert_null(root_among("", 1, names + 2, found));
	assert_null(root_among("root", 1, names, found));
	assert_string_equal(root_among("", 1, names + 1, found)->name, "root");
	assert_string_equal(root_among("data", 3, names, found)->name, "data");
	assert_string_equal(root_among("luks-" ONE, 1, names, found)->name, names[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_when_all_that_name_it_are_open),
		cmocka_unit_test(a_nofail_volume_must_have_had_its_chance),
		cmocka_unit_test(keep_secret_of_one_keeps_it_for_all),
		cmocka_unit_test(a_secret_that_nobody_names_stays),
		cmocka_unit_test(what_other_secrets_need_does_not_matter),
		cmocka_unit_test(the_root_is_the_one_that_its_owner_meant),
		cmocka_unit_test(found_by_its_token_only_a_named_one_is),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
