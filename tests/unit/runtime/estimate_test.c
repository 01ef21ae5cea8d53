/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include "pool/estimate.h"

#define MS SNP_NS_PER_MS

static void add_follows_what_is_observed(void **state)
{
	uint64_t average = 0;

	(void)state;
	average = estimate_add(average, 100 * MS);
	assert_int_equal(average, 100 * MS); /* the first is all there is */
	average = estimate_add(average, 900 * MS);
	assert_int_equal(average, 200 * MS);
	for (int i = 0; i < 60; i++)
		average = estimate_add(average, 10 * MS);
	assert_in_range(average, 10 * MS, 11 * MS);
	assert_true(estimate_add(0, UINT64_MAX) == UINT64_MAX);
	assert_true(estimate_add(UINT64_MAX, UINT64_MAX) > UINT64_MAX - 16);
}

static void wait_is_what_is_ahead_over_the_places(void **state)
{
	static const struct {
		uint64_t service_ns;
		uint32_t ahead, capacity;
		uint64_t wait_ns;
	} cases[] = {
	    {100 * MS, 0, 4, 0},	 {100 * MS, 4, 4, 100 * MS},
	    {100 * MS, 10, 4, 250 * MS}, {0, 1000, 1, 0}, /* nothing observed */
	    {100 * MS, 5, 0, 0},			  /* nobody serves: not known */
	    {UINT64_MAX, 2, 1, 0},			  /* nor is that */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(estimate_wait_ns(cases[i].service_ns, cases[i].ahead,
						  cases[i].capacity),
				 cases[i].wait_ns);
}

static void deadline_leaves_time_for_the_answer(void **state)
{
	static const struct {
		uint64_t given_ns, ours_ns;
	} cases[] = {
	    {1000 * MS, 995 * MS}, {20 * MS, 15 * MS}, {8 * MS, 6 * MS}, {4, 3}, {0, 0},
	};
	const snp_mono_t received = {1000 * MS};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snp_mono_t asked = {received.ns + cases[i].given_ns};

		assert_int_equal(estimate_deadline(received, asked).ns,
				 received.ns + cases[i].ours_ns);
	}
	/* passed already: no wrap */
	assert_int_equal(estimate_deadline(received, (snp_mono_t){7}).ns, 7);
}

static void cancel_close_to_the_deadline_is_the_deadline(void **state)
{
	static const struct {
		uint64_t given_ns, after_ns;
		bool is_deadline;
	} cases[] = {
	    {1000 * MS, 1000 * MS, true},    {1000 * MS, 941 * MS, true},
	    {1000 * MS, 939 * MS, false},    {1000 * MS, 0, false},
	    {30000 * MS, 29651 * MS, true}, /* rounded up on its way here */
	    {30000 * MS, 29649 * MS, false}, {8 * MS, 6 * MS, true},
	    {8 * MS, 5 * MS, false},
	};
	const snp_mono_t received = {1000 * MS};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    estimate_is_deadline(received,
					 (snp_mono_t){received.ns + cases[i].given_ns},
					 (snp_mono_t){received.ns + cases[i].after_ns}),
		    cases[i].is_deadline);
	/* without a deadline a cancellation is one */
	assert_false(estimate_is_deadline(received, (snp_mono_t){0}, received));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(add_follows_what_is_observed),
	    cmocka_unit_test(wait_is_what_is_ahead_over_the_places),
	    cmocka_unit_test(deadline_leaves_time_for_the_answer),
	    cmocka_unit_test(cancel_close_to_the_deadline_is_the_deadline),
	};

	return cmocka_run_group_tests_name("runtime/estimate", tests, NULL, NULL);
}
