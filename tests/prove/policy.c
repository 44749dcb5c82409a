// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Numbers that a header writes as text: one text for each number, negative where it is none, and never
 * wrapped round. Of any that pass the rules, the layout is whole blocks, the key-slot areas end after
 * they begin and not beyond the largest header, and each area that is accepted lies in them.
 *
 * Bound: texts of 0 to 6 characters, and of 20 of which the first 16 are INT64_MAX's
 * Instrument: --replace-calls check:pass_rules --replace-calls get_offset:get_member --replace-calls refuse:refuse_plainly --replace-calls check_requirements:nothing_required
 * CBMC: --unsigned-overflow-check --unwind 22
 *
 * Between them lie numbers that are more of the same; where they end is looked at closely. json-c is
 * stood in for by numbers that satisfy the rules' own bounds.
 */
#include <assert.h>

#include "unlock/header/policy.c"

enum { SHORT = 6, ALL = 20 };

static int64_t json_size, keyslots_size, offset, size;

int refuse_plainly(const struct place *at, struct fault *fault, const char *member, const char *problem)
{
	(void)at, (void)fault, (void)member, (void)problem;
	return -EINVAL;
}

int nothing_required(struct json_object *config, struct fault *fault)
{
	(void)config, (void)fault;
	return 0;
}

int pass_rules(struct json_object *object, const struct rule *rules, const struct place *at,
	       struct fault *fault)
{
	bool is_config = rules == config_rules;

	(void)object;
	if (check_number(is_config ? json_size : offset, &rules[is_config ? 0 : 1], at, fault) < 0 ||
	    check_number(is_config ? keyslots_size : size, &rules[is_config ? 1 : 2], at, fault) < 0)
		return -EINVAL;
	return 0;
}

int64_t get_member(struct json_object *object, const char *member)
{
	(void)object;
	return member[0] == 'j' ? json_size : member[0] == 'k' ? keyslots_size :
	       member[0] == 'o' ? offset : size;
}

static void check_text(const char *text)
{
	__int128 expected = 0;
	bool is_number;
	int64_t number;
	size_t i;

	is_number = text[0] && (text[0] != '0' || !text[1]);
	for (i = 0; is_number && text[i]; i++) {
		is_number = text[i] >= '0' && text[i] <= '9';
		expected = expected * 10 + (text[i] - '0');
	}
	number = parse_offset(text);
	if (is_number && expected <= INT64_MAX)
		assert(number == (int64_t)expected);
	else
		assert(number == -EINVAL);
}

int main(void)
{
	char any[SHORT + 1], large[ALL + 1] = "9223372036854775....";
	static const struct place at;
	struct policy_layout layout;
	struct fault fault;

	any[SHORT] = '\0';
	check_text(any);
	__CPROVER_havoc_slice(large + 16, ALL - 16);
	check_text(large);
	__CPROVER_havoc_object(&json_size);
	__CPROVER_havoc_object(&keyslots_size);
	__CPROVER_havoc_object(&offset);
	__CPROVER_havoc_object(&size);
	if (check_config(NULL, &layout, &fault) < 0)
		return 0;
	assert(layout.areas % BINARY_HEADER == 0 && layout.end % BINARY_HEADER == 0);
	assert(layout.areas > 0 && layout.areas < layout.end && layout.end <= (136 << 20));
	if (check_area(NULL, &layout, &at, &fault) == 0)
		assert(offset >= layout.areas && size > 0 && offset + size <= layout.end);
	return 0;
}
