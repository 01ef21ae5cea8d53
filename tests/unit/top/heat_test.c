/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include "heat.h"

static void level_is_0_for_none_and_highest_for_most(void **state)
{
	(void)state;
	assert_int_equal(0, top_heat_level(0, 1000));
	assert_int_equal(1, top_heat_level(1, UINT64_MAX));
	assert_int_equal(TOP_HEAT_LEVELS - 1, top_heat_level(1000, 1000));
	assert_int_equal(TOP_HEAT_LEVELS - 1, top_heat_level(1, 1));
	for (uint64_t n = 1; n < 1000; n++)
		assert_true(top_heat_level(n, 1000) <= top_heat_level(n + 1, 1000));
}

static void range_and_quantiles_are_of_what_was_added(void **state)
{
	static struct top_heat heat;
	uint32_t octave[SNP_HIST_OCTAVES] = {[5] = 98, [9] = 1, [20] = 1};
	int first, end;

	(void)state;
	top_heat_init(&heat, 10);
	top_heat_range(&heat, &first, &end);
	assert_int_equal(first, end);
	assert_int_equal(-1, top_heat_quantile(&heat, 3, 0.5));
	top_heat_add(&heat, 3, octave);
	top_heat_add(&heat, 10, octave); /* outside */
	top_heat_add(&heat, -1, octave);
	top_heat_range(&heat, &first, &end);
	assert_int_equal(5, first);
	assert_int_equal(21, end);
	assert_int_equal(5, top_heat_quantile(&heat, 3, 0.98));
	assert_int_equal(9, top_heat_quantile(&heat, 3, 0.99));
	assert_int_equal(20, top_heat_quantile(&heat, 3, 1.0));
	assert_int_equal(-1, top_heat_quantile(&heat, 4, 0.99));
	assert_int_equal(98, top_heat_count(&heat, -1, 5));
}

static void octaves_end_where_the_segment_says(void **state)
{
	(void)state;
	assert_int_equal(953, top_heat_upper_ns(0));	       /* 2^-20 s */
	assert_int_equal(SNP_NS_PER_S, top_heat_upper_ns(20)); /* 1 s */
	assert_int_equal(1024 * SNP_NS_PER_S, top_heat_upper_ns(30));
	assert_true(top_heat_upper_ns(SNP_HIST_OCTAVES - 1) == UINT64_MAX);
}

static void history_fills_columns_from_the_right(void **state)
{
	struct scene *s = *state;
	static struct top_heat heat;

	top_heat_of(&heat, &s->frame, TOP_ALL_POOLS, 60, TOP_HISTORY_S);
	for (int col = 0; col < 60; col++)
		assert_true(top_heat_quantile(&heat, col, 0.5) >= 0);
	assert_true(heat.gap[56]); /* 40 s ago, ten seconds a column */
	assert_false(heat.gap[55]);
	/* Twice as long: the half before is not known. */
	top_heat_of(&heat, &s->frame, TOP_ALL_POOLS, 60, 2 * TOP_HISTORY_S);
	assert_int_equal(-1, top_heat_quantile(&heat, 0, 0.5));
	assert_true(top_heat_quantile(&heat, 59, 0.5) >= 0);
}

static void p99_is_the_greater_of_seconds_and_minutes(void **state)
{
	struct scene *s = *state;
	uint64_t minutes;

	s->frame.look.pools[1].p99_ns = 1;
	minutes = top_heat_p99_ns(&s->frame, 1);
	assert_true(minutes > 50 * SNP_NS_PER_MS && minutes < SNP_NS_PER_S);
	s->frame.look.pools[1].p99_ns = 2 * SNP_NS_PER_S;
	assert_int_equal(2 * SNP_NS_PER_S, top_heat_p99_ns(&s->frame, 1));
	s->frame.look.pools[1].p99_ns = SNP_UNKNOWN;
	assert_int_equal(minutes, top_heat_p99_ns(&s->frame, 1));
	s->frame.history = NULL;
	assert_true(top_heat_p99_ns(&s->frame, 1) == SNP_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(level_is_0_for_none_and_highest_for_most),
	    cmocka_unit_test(range_and_quantiles_are_of_what_was_added),
	    cmocka_unit_test(octaves_end_where_the_segment_says),
	    cmocka_unit_test(history_fills_columns_from_the_right),
	    cmocka_unit_test(p99_is_the_greater_of_seconds_and_minutes),
	};

	return cmocka_run_group_tests_name("top/heat", tests, scene_open, scene_close);
}
