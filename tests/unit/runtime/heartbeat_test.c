/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include "test_random.h"
#include "worker/heartbeat.h"

#define MS SNP_NS_PER_MS

static struct snp_cfg_heartbeat config(void)
{
	return (struct snp_cfg_heartbeat){.enabled = true,
					  .ping_interval_ms = 2000,
					  .timeout_ms = 1000,
					  .max_missed_heartbeats = 3,
					  .jitter_ms = 100,
					  .dependent = true,
					  .enforce = true};
}

static void failed_counts_in_a_row(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	for (uint32_t i = 1; i <= 50; i++) {
		heartbeat_sent(&hb, (snp_mono_t){5000 * MS});
		assert_int_equal(heartbeat_failed(&hb, (snp_mono_t){6000 * MS}),
				 HEARTBEAT_MISSED);
		assert_int_equal(hb.missed, i);
		assert_int_equal(hb.sent.ns, 0);
	}
}

/* The runtime was stopped while the ping was out: its answer may lie in a buffer. */
static void failed_long_after_its_time_is_excused(void **state)
{
	static const struct {
		uint64_t noticed_ms;
		enum heartbeat_failure failure;
	} cases[] = {
	    {5001, HEARTBEAT_MISSED}, /* the connection broke */
	    {6000, HEARTBEAT_MISSED},  {6250, HEARTBEAT_MISSED},
	    {6251, HEARTBEAT_EXCUSED}, {99999, HEARTBEAT_EXCUSED},
	};
	const struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		heartbeat_init(&hb, &cfg);
		heartbeat_sent(&hb, (snp_mono_t){5000 * MS});
		assert_int_equal(
		    heartbeat_failed(&hb, (snp_mono_t){cases[i].noticed_ms * MS}),
		    cases[i].failure);
		assert_int_equal(hb.missed, cases[i].failure == HEARTBEAT_MISSED);
		assert_int_equal(hb.sent.ns, 0);
	}
}

static void answered_clears_the_count(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	for (int i = 0; i < 20; i++) {
		(void)heartbeat_failed(&hb, (snp_mono_t){0});
		(void)heartbeat_failed(&hb, (snp_mono_t){0});
		(void)heartbeat_answered(&hb, snp_mono_now());
		assert_int_equal(hb.missed, 0);
	}
}

static void answered_returns_the_round_trip(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	assert_int_equal(hb.sent.ns, 0);
	heartbeat_sent(&hb, (snp_mono_t){5000});
	assert_int_equal(hb.sent.ns, 5000);
	assert_int_equal(heartbeat_answered(&hb, (snp_mono_t){5750}), 750);
	assert_int_equal(hb.sent.ns, 0);
	heartbeat_sent(&hb, (snp_mono_t){9000});
	(void)heartbeat_failed(&hb, (snp_mono_t){9001});
	assert_int_equal(hb.sent.ns, 0);
}

static void next_spans_the_jitter_exactly(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();
	const snp_mono_t now = {UINT64_C(1) << 50};
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	assert_int_equal(heartbeat_next(&hb, now, 0).ns, now.ns + 1900 * MS);
	assert_int_equal(heartbeat_next(&hb, now, UINT32_MAX).ns, now.ns + 2100 * MS);
}

static void next_without_jitter_is_the_interval(void **state)
{
	struct snp_cfg_heartbeat cfg = config();
	struct test_random random = test_random_seeded(1);
	struct heartbeat hb;

	(void)state;
	cfg.jitter_ms = 0;
	heartbeat_init(&hb, &cfg);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(
		    heartbeat_next(&hb, (snp_mono_t){7}, test_random_u32(&random)).ns,
		    7 + 2000 * MS);
}

/* However large the jitter: never sooner than half an interval, never in the past. */
static void next_random_inputs_stay_within_bounds(void **state)
{
	struct test_random random = test_random_seeded(2);
	struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	for (int i = 0; i < 100000; i++) {
		snp_mono_t now = {test_random_u64(&random) >> 2};
		uint64_t interval, jitter, wait;

		cfg.ping_interval_ms =
		    test_random_u32(&random) >> test_random_below(&random, 32);
		cfg.jitter_ms =
		    test_random_u32(&random) >> test_random_below(&random, 32);
		interval = cfg.ping_interval_ms * MS;
		jitter = cfg.jitter_ms * MS;
		wait = heartbeat_next(&hb, now, test_random_u32(&random)).ns - now.ns;
		if (jitter > interval / 2)
			jitter = interval / 2;
		if (wait < interval - jitter || wait > interval + jitter)
			fail_msg("interval %u ms jitter %u ms: %llu ns",
				 cfg.ping_interval_ms, cfg.jitter_ms,
				 (unsigned long long)wait);
	}
}

/* All links of a loop share the grid, whenever they started. */
static void on_grid_moves_by_no_more_than_half_a_step(void **state)
{
	static const struct {
		uint32_t interval_ms;
		uint64_t step_us;
	} cases[] = {{2000, 100000}, {800, 100000}, {200, 25000}, {1, 125}};
	struct test_random random = test_random_seeded(4);
	struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
		for (int i = 0; i < 1000; i++) {
			uint64_t next = test_random_u64(&random) >> 8, found;
			uint64_t step = cases[c].step_us * 1000;

			cfg.ping_interval_ms = cases[c].interval_ms;
			found = heartbeat_on_grid(&hb, (snp_mono_t){next}).ns;
			assert_int_equal(found % step, 0);
			assert_true(found - next <= step / 2 ||
				    next - found <= step / 2);
		}
}

static void skips_four_of_five_while_the_loop_turns(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();
	unsigned sent = 0, run = 0;
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	for (uint64_t ms = 1000; ms < 1001000; ms += 1000) {
		const snp_mono_t turned = {(ms - 1) * MS}, now = {ms * MS};

		run = heartbeat_skips(&hb, turned, now) ? run + 1 : 0;
		sent += run == 0;
		assert_true(run <= HEARTBEAT_SKIPS);
	}
	assert_int_equal(sent, 1000 / (HEARTBEAT_SKIPS + 1));
}

static void skips_of_workers_that_start_together_are_spread(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb[HEARTBEAT_SKIPS + 1];

	(void)state;
	for (uint32_t i = 0; i <= HEARTBEAT_SKIPS; i++) {
		heartbeat_init(&hb[i], &cfg);
		hb[i].skipped = i;
		assert_false(
		    heartbeat_skips(&hb[i], (snp_mono_t){999}, (snp_mono_t){1000}));
	}
	for (uint64_t at = 2000; at < 50000; at += 1000) {
		unsigned sent = 0;

		for (uint32_t i = 0; i <= HEARTBEAT_SKIPS; i++)
			sent += !heartbeat_skips(&hb[i], (snp_mono_t){at - 1},
						 (snp_mono_t){at});
		assert_int_equal(sent, 1);
	}
}

static void skips_none_without_a_turn_since_the_last(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	assert_false(heartbeat_skips(&hb, (snp_mono_t){999}, (snp_mono_t){1000}));
	assert_false(heartbeat_skips(&hb, (snp_mono_t){1000}, (snp_mono_t){2000}));
	assert_false(heartbeat_skips(&hb, (snp_mono_t){0}, (snp_mono_t){3000}));
	assert_true(heartbeat_skips(&hb, (snp_mono_t){3001}, (snp_mono_t){4000}));
}

static void skips_none_after_a_miss_nor_where_strict(void **state)
{
	struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	(void)heartbeat_skips(&hb, (snp_mono_t){0}, (snp_mono_t){1000});
	hb.missed = 1;
	assert_false(heartbeat_skips(&hb, (snp_mono_t){1999}, (snp_mono_t){2000}));
	hb.missed = 0;
	cfg.strict = true;
	assert_false(heartbeat_skips(&hb, (snp_mono_t){2999}, (snp_mono_t){3000}));
	cfg.strict = false;
	assert_true(heartbeat_skips(&hb, (snp_mono_t){3999}, (snp_mono_t){4000}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(failed_counts_in_a_row),
	    cmocka_unit_test(failed_long_after_its_time_is_excused),
	    cmocka_unit_test(answered_clears_the_count),
	    cmocka_unit_test(answered_returns_the_round_trip),
	    cmocka_unit_test(next_spans_the_jitter_exactly),
	    cmocka_unit_test(next_without_jitter_is_the_interval),
	    cmocka_unit_test(next_random_inputs_stay_within_bounds),
	    cmocka_unit_test(on_grid_moves_by_no_more_than_half_a_step),
	    cmocka_unit_test(skips_four_of_five_while_the_loop_turns),
	    cmocka_unit_test(skips_of_workers_that_start_together_are_spread),
	    cmocka_unit_test(skips_none_without_a_turn_since_the_last),
	    cmocka_unit_test(skips_none_after_a_miss_nor_where_strict),
	};

	return cmocka_run_group_tests_name("runtime/heartbeat", tests, NULL, NULL);
}
