/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <math.h>
#include <string.h>

#include "lints_judge.h"

static struct top_lint_limits limits;

static int limits_default(void **state)
{
	(void)state;
	top_lint_limits_init(&limits);
	return 0;
}

#define NR(table) (sizeof(table) / sizeof(*(table)))

/* ---- trends -------------------------------------------------------------- */

static void trend_of_line_is_its_slope(void **state)
{
	const double x[] = {10, 11, 12, 14}, y[] = {5, 7, 9, 13};
	struct top_trend trend = top_trend_of(x, y, 4);

	(void)state;
	assert_true(fabs(trend.slope - 2.0) < 1e-9);
	assert_true(fabs(trend.fit - 1.0) < 1e-9);
	assert_true(fabs(trend.span - 4.0) < 1e-9);
}

static void trend_of_too_little_is_unknown(void **state)
{
	const double x[] = {1, 2, 3}, same[] = {1, 1, 1}, y[] = {1, 2, 3};

	(void)state;
	assert_true(isnan(top_trend_of(x, y, 0).slope));
	assert_true(isnan(top_trend_of(x, y, 2).slope));
	assert_true(isnan(top_trend_of(same, y, 3).slope));
	assert_true(top_trend_of(x, same, 3).fit == 0);
}

/* ---- each lint at the edge of its limits --------------------------------- */

static void queue_is_judged_at_its_edges(void **state)
{
	static const struct {
		double depth, limit, slope, span;
		bool found;
		double full_in_s;
	} rows[] = {
	    {400, 1000, 5, 30, true, 120},   /* exactly 120 s */
	    {400, 1000, 4.99, 30, false, 0}, /* later than that */
	    {0, 1000, 25, 2, true, 40},	     /* grown by exactly 5 % */
	    {0, 1000, 25, 1.9, false, 0},    /* by less: noise */
	    {1000, 1000, 0, 30, true, 0},    /* full, and standing */
	    {1200, 1000, NAN, 0, true, 0},   /* limit lowered meanwhile */
	    {999, 1000, 0, 30, false, 0},    /* nearly full, and standing */
	    {999, 1000, -1, 30, false, 0},   /* draining */
	    {7, 1000, NAN, 0, false, 0},     /* nothing known of before */
	    {NAN, 1000, 25, 30, false, 0},   /* depth unknown */
	    {7, NAN, 25, 30, false, 0},	     /* limit unknown */
	    {7, 0, 25, 30, false, 0},	     /* a pool without a queue */
	};

	(void)state;
	for (size_t i = 0; i < NR(rows); i++) {
		struct top_queue_facts facts = {
		    .depth = rows[i].depth,
		    .limit = rows[i].limit,
		    .trend = {.slope = rows[i].slope, .fit = 1, .span = rows[i].span}};
		double full_in_s = -1;
		bool found = top_judge_queue(&limits, &facts, &full_in_s);

		if (found != rows[i].found)
			fail_msg("row %zu: %d", i, found);
		if (found)
			assert_true(fabs(full_in_s - rows[i].full_in_s) < 1e-9);
		else
			assert_true(full_in_s == -1);
	}
}

struct pair {
	double a, b;
	bool found;
};

static void judge_pairs(const struct pair *rows, size_t nr,
			bool (*judge)(const struct top_lint_limits *, double, double))
{
	for (size_t i = 0; i < nr; i++)
		if (judge(&limits, rows[i].a, rows[i].b) != rows[i].found)
			fail_msg("row %zu: %g %g", i, rows[i].a, rows[i].b);
}

static void requests_are_judged_at_their_edges(void **state)
{
	static const struct pair running_and_p99[] = {
	    {5, 0.5, true},	  {4.99, 0.5, false}, {1, 0.001, true},
	    {0.99, 0.001, false}, {1e6, NAN, false},  {NAN, 0.5, false},
	    {NAN, NAN, false}};

	(void)state;
	judge_pairs(running_and_p99, NR(running_and_p99), top_judge_stuck);
}

static void starts_are_judged_at_their_edges(void **state)
{
	static const struct pair starting_and_p95[] = {
	    {10, 5, true},   {9.99, 5, false},	  {5, 0.1, true},  {4.99, 0.1, false},
	    {60, NAN, true}, {59.99, NAN, false}, {NAN, 5, false}, {NAN, NAN, false}};

	(void)state;
	judge_pairs(starting_and_p95, NR(starting_and_p95), top_judge_spawn);
}

static void timeouts_are_judged_at_their_edges(void **state)
{
	static const struct pair recent_and_before[] = {
	    {5, 0, true},    {4, 0, false},   {10, 5, true},   {9, 5, false},
	    {5, NAN, false}, {NAN, 0, false}, {100, 51, false}};

	(void)state;
	judge_pairs(recent_and_before, NR(recent_and_before), top_judge_timeouts);
}

static void heartbeats_are_judged_at_their_edges(void **state)
{
	static const struct pair p50_and_p99[] = {{0.010, 0.100, true},
						  {0.0101, 0.100, false},
						  {0.001, 0.0999, false},
						  {NAN, 0.100, false},
						  {0.010, NAN, false}};

	(void)state;
	judge_pairs(p50_and_p99, NR(p50_and_p99), top_judge_heartbeats);
}

static void restarts_are_judged_at_their_edge(void **state)
{
	(void)state;
	assert_true(top_judge_storm(&limits, 3));
	assert_false(top_judge_storm(&limits, 2));
	assert_false(top_judge_storm(&limits, NAN));
}

static void load_is_judged_at_its_edges(void **state)
{
	static const struct {
		double req_s, median;
		size_t peers;
		bool found;
	} rows[] = {{20, 10, 3, true},	{19.99, 10, 3, false}, {20, 10, 2, false},
		    {2, 1, 3, true},	{2, 0.99, 3, false},   {NAN, 10, 3, false},
		    {20, NAN, 3, false}};

	(void)state;
	for (size_t i = 0; i < NR(rows); i++)
		if (top_judge_skew(&limits, rows[i].req_s, rows[i].median,
				   rows[i].peers) != rows[i].found)
			fail_msg("row %zu", i);
}

static void memory_is_judged_at_its_edges(void **state)
{
	const double edge = 100.0 * 1048576.0 / 3600.0;
	const struct {
		struct top_trend trend;
		bool found;
	} rows[] = {
	    {{edge * 1.0001, 0.9, 180}, true}, {{edge * 0.9999, 0.9, 180}, false},
	    {{edge * 2, 0.89, 180}, false},    {{edge * 2, 0.9, 179}, false},
	    {{-edge * 2, -1, 180}, false},     {{NAN, NAN, 180}, false}};

	(void)state;
	for (size_t i = 0; i < NR(rows); i++)
		if (top_judge_rss(&limits, &rows[i].trend) != rows[i].found)
			fail_msg("row %zu", i);
}

static void torn_reads_are_judged_at_their_edges(void **state)
{
	static const struct {
		double torn, skipped, looks;
		bool found;
	} rows[] = {{100, 0, 10, true},	  {99, 0, 10, false},  {0, 10, 10, true},
		    {0, 9, 10, false},	  {900, 90, 9, false}, {0, 0, 10, false},
		    {NAN, NAN, 10, false}};

	(void)state;
	for (size_t i = 0; i < NR(rows); i++)
		if (top_judge_torn(&limits, rows[i].torn, rows[i].skipped,
				   rows[i].looks) != rows[i].found)
			fail_msg("row %zu", i);
}

static void limits_that_were_set_count(void **state)
{
	(void)state;
	limits.value[TOP_LIMIT_STORM_RESTARTS] = 7;
	assert_false(top_judge_storm(&limits, 6));
	assert_true(top_judge_storm(&limits, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trend_of_line_is_its_slope),
	    cmocka_unit_test(trend_of_too_little_is_unknown),
	    cmocka_unit_test_setup(queue_is_judged_at_its_edges, limits_default),
	    cmocka_unit_test_setup(requests_are_judged_at_their_edges, limits_default),
	    cmocka_unit_test_setup(starts_are_judged_at_their_edges, limits_default),
	    cmocka_unit_test_setup(timeouts_are_judged_at_their_edges, limits_default),
	    cmocka_unit_test_setup(heartbeats_are_judged_at_their_edges,
				   limits_default),
	    cmocka_unit_test_setup(restarts_are_judged_at_their_edge, limits_default),
	    cmocka_unit_test_setup(load_is_judged_at_its_edges, limits_default),
	    cmocka_unit_test_setup(memory_is_judged_at_its_edges, limits_default),
	    cmocka_unit_test_setup(torn_reads_are_judged_at_their_edges,
				   limits_default),
	    cmocka_unit_test_setup(limits_that_were_set_count, limits_default),
	};

	return cmocka_run_group_tests_name("top/lints_judge", tests, NULL, NULL);
}
