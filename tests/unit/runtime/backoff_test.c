/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <limits.h>

#include "snakepit/time.h"
#include "test_random.h"
#include "worker/backoff.h"

#define ROUNDS 200000

static void bound_first_failure_is_the_minimum(void **state)
{
	(void)state;
	assert_int_equal(backoff_bound_ms(200, 30000, 1), 200);
}

static void bound_doubles_with_each_failure(void **state)
{
	static const uint32_t expected[] = {200, 400, 800, 1600, 3200, 6400, 12800};

	(void)state;
	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(backoff_bound_ms(200, 30000, i + 1), expected[i]);
}

static void bound_stays_at_the_maximum(void **state)
{
	static const unsigned failures[] = {9, 10, 33, 64, 65, 1000, UINT_MAX};

	(void)state;
	for (unsigned i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		assert_int_equal(backoff_bound_ms(200, 30000, failures[i]), 30000);
	assert_int_equal(backoff_bound_ms(UINT32_MAX, UINT32_MAX, UINT_MAX),
			 UINT32_MAX);
	assert_int_equal(backoff_bound_ms(1, UINT32_MAX, 32), UINT32_C(1) << 31);
	assert_int_equal(backoff_bound_ms(1, UINT32_MAX, 33), UINT32_MAX);
}

static void bound_minimum_equal_to_maximum_is_that(void **state)
{
	(void)state;
	for (unsigned failures = 1; failures < 100; failures++)
		assert_int_equal(backoff_bound_ms(500, 500, failures), 500);
}

/* Zero cannot be doubled; it must not loop for as many failures as there are. */
static void bound_without_a_minimum_is_zero_at_once(void **state)
{
	(void)state;
	assert_int_equal(backoff_bound_ms(0, 0, UINT_MAX), 0);
	assert_int_equal(backoff_bound_ms(0, 1000, 3), 0);
}

static void delay_covers_zero_to_bound_inclusive(void **state)
{
	(void)state;
	for (unsigned failures = 1; failures < 40; failures++) {
		uint32_t bound = backoff_bound_ms(7, 100000, failures);

		assert_int_equal(backoff_delay_ms(7, 100000, failures, 0), 0);
		assert_int_equal(backoff_delay_ms(7, 100000, failures, UINT32_MAX),
				 bound);
	}
	assert_int_equal(backoff_delay_ms(UINT32_MAX, UINT32_MAX, 1, UINT32_MAX),
			 UINT32_MAX);
	assert_int_equal(backoff_delay_ms(0, 0, 1, UINT32_MAX), 0);
}

static void delay_random_inputs_stay_within_the_bound(void **state)
{
	struct test_random random = test_random_seeded(1);

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t max =
		    test_random_u32(&random) >> test_random_below(&random, 32);
		uint32_t min = max ? test_random_below(&random, max) : 0;
		unsigned failures = 1 + test_random_below(&random, 70);
		uint32_t bound = backoff_bound_ms(min, max, failures);
		uint32_t delay =
		    backoff_delay_ms(min, max, failures, test_random_u32(&random));

		if (bound < min || bound > max || delay > bound)
			fail_msg("min %u max %u failures %u: bound %u delay %u", min,
				 max, failures, bound, delay);
		if (bound > backoff_bound_ms(min, max, failures + 1))
			fail_msg("min %u max %u: shrinks after %u", min, max, failures);
	}
}

/* Full jitter: every tenth of the range gets its share. */
static void delay_is_spread_evenly(void **state)
{
	enum { TENTHS = 10, EXPECTED = ROUNDS / TENTHS };
	struct test_random random = test_random_seeded(2);
	unsigned hits[TENTHS] = {0};

	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		hits[backoff_delay_ms(1000, 999, 1, test_random_u32(&random)) / 100]++;
	for (unsigned i = 0; i < TENTHS; i++)
		assert_in_range(hits[i], EXPECTED * 95 / 100, EXPECTED * 105 / 100);
}

/* An idle pool whose worker is killed once a day is no crash loop. */
static void settled_takes_time_and_less_of_it_with_work_done(void **state)
{
	static const struct {
		uint64_t ready_ms, successes;
		bool settled;
	} cases[] = {
	    {0, 0, false},	  {59999, 1000, false}, {60000, 1, true},
	    {60000, 0, false},	  {599999, 0, false},	{600000, 0, true},
	    {864000000, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(backoff_settled(cases[i].ready_ms * SNP_NS_PER_MS,
						 cases[i].successes),
				 cases[i].settled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bound_first_failure_is_the_minimum),
	    cmocka_unit_test(bound_doubles_with_each_failure),
	    cmocka_unit_test(bound_stays_at_the_maximum),
	    cmocka_unit_test(bound_minimum_equal_to_maximum_is_that),
	    cmocka_unit_test(bound_without_a_minimum_is_zero_at_once),
	    cmocka_unit_test(delay_covers_zero_to_bound_inclusive),
	    cmocka_unit_test(delay_random_inputs_stay_within_the_bound),
	    cmocka_unit_test(delay_is_spread_evenly),
	    cmocka_unit_test(settled_takes_time_and_less_of_it_with_work_done),
	};

	return cmocka_run_group_tests_name("runtime/backoff", tests, NULL, NULL);
}
