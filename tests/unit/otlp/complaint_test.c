/* SPDX-License-Identifier: Apache-2.0 */
#include "complaint.h"

#include "snp_test.h"

static struct otlp_complaints complaints;
static uint64_t unsaid;

static int setup(void **state)
{
	(void)state;
	complaints = (struct otlp_complaints){0};
	return 0;
}

static bool is_due(const char *kind, uint64_t at_s)
{
	/* The clock may start at zero. */
	const snp_mono_t now = {at_s * SNP_NS_PER_S};

	return otlp_complaint_is_due(&complaints, kind, now, &unsaid);
}

static void first_of_a_kind_is_said_then_one_a_minute(void **state)
{
	(void)state;
	assert_true(is_due("503", 0));
	assert_int_equal(unsaid, 0);
	assert_false(is_due("503", 1));
	assert_false(is_due("503", 59));
	assert_true(is_due("503", 60));
	assert_int_equal(unsaid, 2);
	assert_false(is_due("503", 61));
}

static void kinds_do_not_silence_each_other(void **state)
{
	(void)state;
	assert_true(is_due("503", 0));
	assert_true(is_due("50", 0));
	assert_true(is_due("5033", 0));
	assert_false(is_due("503", 1));
}

static void with_too_many_kinds_the_oldest_is_forgotten(void **state)
{
	char kind[OTLP_COMPLAINT_KIND_BYTES];

	(void)state;
	for (int i = 0; i <= OTLP_COMPLAINT_KINDS; i++) {
		(void)snprintf(kind, sizeof(kind), "kind %d", i);
		assert_true(is_due(kind, (uint64_t)i + 1));
	}
	assert_false(is_due("kind 1", 30));
	assert_true(is_due("kind 0", 30));
}

static void kinds_that_are_too_long_are_cut(void **state)
{
	(void)state;
	assert_true(is_due("0123456789012345678901234567890123456789", 0));
	assert_false(is_due("0123456789012345678901234567890123456789", 1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(first_of_a_kind_is_said_then_one_a_minute, setup),
	    cmocka_unit_test_setup(kinds_do_not_silence_each_other, setup),
	    cmocka_unit_test_setup(with_too_many_kinds_the_oldest_is_forgotten, setup),
	    cmocka_unit_test_setup(kinds_that_are_too_long_are_cut, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
