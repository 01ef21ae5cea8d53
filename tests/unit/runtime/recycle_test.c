/* SPDX-License-Identifier: Apache-2.0 */
/* When a healthy worker is to be replaced. */
#include "snp_test.h"

#include "snakepit/time.h"
#include "worker/recycle.h"

#define S   (1000 * SNP_NS_PER_MS)
#define MIB UINT64_C(1048576)

static const uint32_t lowest = 0, middle = UINT32_MAX / 2, highest = UINT32_MAX;

static struct recycle roll(uint32_t random)
{
	struct recycle r;

	recycle_begin(&r, random);
	return r;
}

/* ---- age, requests, wishes ------------------------------------------------- */

static void judge_follows_the_table(void **state)
{
	static const struct {
		struct snp_cfg_lifecycle cfg;
		struct recycle_facts facts;
		enum snp_enum_MOVE_REASON expected;
	} rows[] = {
	    /* Off unless said. */
	    {{0}, {UINT64_MAX / 2, UINT64_MAX / 2, false}, SNP_MOVE_REASON_NONE},
	    {{.worker_ttl_s = 10}, {10 * S - 1, 0, false}, SNP_MOVE_REASON_NONE},
	    {{.worker_ttl_s = 10}, {10 * S, 0, false}, SNP_MOVE_REASON_TTL},
	    {{.worker_max_requests = 5}, {0, 4, false}, SNP_MOVE_REASON_NONE},
	    {{.worker_max_requests = 5}, {0, 5, false}, SNP_MOVE_REASON_MAX_REQUESTS},
	    {{.worker_ttl_s = 1, .worker_max_requests = 5},
	     {S, 5, false},
	     SNP_MOVE_REASON_TTL},
	    {{0}, {0, 0, true}, SNP_MOVE_REASON_WORKER_REQUESTED},
	    /* A wish from the first moment on would be one for ever. */
	    {{.min_lifetime_ms = 1000}, {S - 1, 0, true}, SNP_MOVE_REASON_NONE},
	    {{.min_lifetime_ms = 1000}, {S, 0, true}, SNP_MOVE_REASON_WORKER_REQUESTED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct recycle r = roll(middle);

		if (recycle_judge(&r, &rows[i].cfg, &rows[i].facts) != rows[i].expected)
			fail_msg("row %zu", i);
	}
}

static void jitter_moves_the_limits_by_its_share_and_no_more(void **state)
{
	const struct snp_cfg_lifecycle cfg = {.worker_ttl_s = 100, .jitter = 0.1};
	struct recycle low = roll(lowest), mid = roll(middle), high = roll(highest);

	(void)state;
	assert_in_range(recycle_age_limit_ns(&low, &cfg), 90 * S - 1,
			90 * S + S / 1000);
	assert_in_range(recycle_age_limit_ns(&mid, &cfg), 100 * S - S / 1000,
			100 * S + S / 1000);
	assert_in_range(recycle_age_limit_ns(&high, &cfg), 110 * S - S / 1000,
			110 * S + 1);
}

/* Rolled at each look, the smallest of many numbers would decide. */
static void limit_stays_where_it_is(void **state)
{
	const struct snp_cfg_lifecycle cfg = {.worker_max_requests = 1000,
					      .jitter = 0.5};
	struct recycle r = roll(highest);

	(void)state;
	for (uint64_t n = 0; n < 1499; n++)
		assert_int_equal(
		    recycle_judge(&r, &cfg, &(struct recycle_facts){.requests = n}),
		    SNP_MOVE_REASON_NONE);
}

static void jitter_of_everything_leaves_a_limit(void **state)
{
	const struct snp_cfg_lifecycle cfg = {.worker_max_requests = 1, .jitter = 1};
	struct recycle r = roll(lowest);

	(void)state;
	assert_int_equal(
	    recycle_judge(&r, &cfg, &(struct recycle_facts){.requests = 0}),
	    SNP_MOVE_REASON_NONE);
	assert_int_equal(
	    recycle_judge(&r, &cfg, &(struct recycle_facts){.requests = 1}),
	    SNP_MOVE_REASON_MAX_REQUESTS);
}

/* ---- memory ---------------------------------------------------------------- */

static const struct snp_cfg_lifecycle limits = {
    .memory_soft_mb = 100, .memory_hard_mb = 200, .min_lifetime_ms = 10000};

static enum snp_enum_MOVE_REASON sample(struct recycle *r, uint64_t age_s, uint64_t mib)
{
	return recycle_sample(r, &limits, age_s * S, mib * MIB);
}

static void three_samples_in_a_row_count(void **state)
{
	struct recycle r = roll(middle);

	(void)state;
	assert_int_equal(sample(&r, 20, 101), SNP_MOVE_REASON_NONE);
	assert_int_equal(sample(&r, 25, 101), SNP_MOVE_REASON_NONE);
	assert_int_equal(sample(&r, 30, 100), SNP_MOVE_REASON_NONE); /* starts anew */
	assert_int_equal(sample(&r, 35, 101), SNP_MOVE_REASON_NONE);
	assert_int_equal(sample(&r, 40, 101), SNP_MOVE_REASON_NONE);
	assert_int_equal(sample(&r, 45, 101), SNP_MOVE_REASON_RSS_SOFT);
}

static void hard_limit_wins_over_the_soft_one(void **state)
{
	struct recycle r = roll(middle);

	(void)state;
	assert_int_equal(sample(&r, 20, 201), SNP_MOVE_REASON_NONE);
	assert_int_equal(sample(&r, 25, 201), SNP_MOVE_REASON_NONE);
	assert_int_equal(sample(&r, 30, 201), SNP_MOVE_REASON_RSS_HARD);
}

static void young_worker_over_the_limit_is_reported_once_and_kept(void **state)
{
	struct recycle r = roll(middle);
	unsigned told = 0;

	(void)state;
	for (uint64_t age = 1; age < 1000; age += 3) {
		enum snp_enum_MOVE_REASON reason = sample(&r, age, 120);

		assert_true(reason == SNP_MOVE_REASON_NONE ||
			    reason == SNP_MOVE_REASON_RSS_BASELINE);
		told += reason == SNP_MOVE_REASON_RSS_BASELINE;
	}
	assert_int_equal(told, 1);
}

/* A leak that begins early must not pass for a need. */
static void growth_over_the_baseline_is_replaced(void **state)
{
	struct recycle r = roll(middle);
	enum snp_enum_MOVE_REASON reason = SNP_MOVE_REASON_NONE;
	uint64_t mib = 104, age = 1;

	(void)state;
	for (; age < 300 && reason != SNP_MOVE_REASON_RSS_SOFT; age += 5, mib++)
		reason = sample(&r, age, mib);
	assert_int_equal(reason, SNP_MOVE_REASON_RSS_SOFT);
	assert_in_range(mib, 130, 140);
}

static void young_worker_is_not_killed(void **state)
{
	struct recycle r = roll(middle);

	(void)state;
	for (uint64_t age = 0; age < 10; age++)
		assert_int_not_equal(sample(&r, age, 500), SNP_MOVE_REASON_RSS_HARD);
	assert_int_not_equal(sample(&r, 10, 500), SNP_MOVE_REASON_RSS_HARD);
	assert_int_not_equal(sample(&r, 11, 500), SNP_MOVE_REASON_RSS_HARD);
	assert_int_equal(sample(&r, 12, 500), SNP_MOVE_REASON_RSS_HARD);
}

static void no_limit_is_no_limit(void **state)
{
	const struct snp_cfg_lifecycle none = {.min_lifetime_ms = 1000};
	struct recycle r = roll(middle);

	(void)state;
	for (uint64_t age = 0; age < 100; age++)
		assert_int_equal(recycle_sample(&r, &none, age * S, UINT64_MAX / 2),
				 SNP_MOVE_REASON_NONE);
}

/* ---- budget ---------------------------------------------------------------- */

static void budget_is_a_share_and_at_least_one(void **state)
{
	static const struct {
		double share;
		uint32_t workers, expected;
	} rows[] = {
	    {0, 1, 1},	  {0, 1000, 1}, {0.25, 1, 1},	 {0.25, 4, 1},
	    {0.25, 7, 1}, {0.25, 8, 2}, {0.25, 100, 25}, {1, 8, 8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct snp_cfg_lifecycle cfg = {.max_unavailable = rows[i].share};

		assert_int_equal(recycle_budget(&cfg, rows[i].workers),
				 rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(judge_follows_the_table),
	    cmocka_unit_test(jitter_moves_the_limits_by_its_share_and_no_more),
	    cmocka_unit_test(limit_stays_where_it_is),
	    cmocka_unit_test(jitter_of_everything_leaves_a_limit),
	    cmocka_unit_test(three_samples_in_a_row_count),
	    cmocka_unit_test(hard_limit_wins_over_the_soft_one),
	    cmocka_unit_test(young_worker_over_the_limit_is_reported_once_and_kept),
	    cmocka_unit_test(growth_over_the_baseline_is_replaced),
	    cmocka_unit_test(young_worker_is_not_killed),
	    cmocka_unit_test(no_limit_is_no_limit),
	    cmocka_unit_test(budget_is_a_share_and_at_least_one),
	};

	return cmocka_run_group_tests_name("runtime/recycle", tests, NULL, NULL);
}
