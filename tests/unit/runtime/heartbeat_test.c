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

static void failed_counts_up_to_lost(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	assert_int_equal(heartbeat_failed(&hb), HEARTBEAT_MISSED);
	assert_int_equal(heartbeat_failed(&hb), HEARTBEAT_MISSED);
	assert_int_equal(heartbeat_failed(&hb), HEARTBEAT_LOST);
	assert_int_equal(hb.missed, 3);
}

static void failed_says_lost_once_a_run(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;
	unsigned lost = 0;

	(void)state;
	heartbeat_init(&hb, &cfg);
	for (int i = 0; i < 50; i++)
		lost += heartbeat_failed(&hb) == HEARTBEAT_LOST;
	assert_int_equal(lost, 1);
	assert_int_equal(hb.missed, 50);
	/* an answer begins a new run */
	(void)heartbeat_answered(&hb, snp_mono_now());
	for (int i = 0; i < 3; i++)
		lost += heartbeat_failed(&hb) == HEARTBEAT_LOST;
	assert_int_equal(lost, 2);
}

static void failed_with_a_maximum_of_one_is_lost_at_once(void **state)
{
	struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	cfg.max_missed_heartbeats = 1;
	heartbeat_init(&hb, &cfg);
	assert_int_equal(heartbeat_failed(&hb), HEARTBEAT_LOST);
	assert_int_equal(heartbeat_failed(&hb), HEARTBEAT_MISSED);
}

static void answered_clears_the_count(void **state)
{
	const struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(heartbeat_failed(&hb), HEARTBEAT_MISSED);
		assert_int_equal(heartbeat_failed(&hb), HEARTBEAT_MISSED);
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
	(void)heartbeat_failed(&hb);
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

static void replaces_only_where_dependent_and_enforced(void **state)
{
	struct snp_cfg_heartbeat cfg = config();
	struct heartbeat hb;

	(void)state;
	heartbeat_init(&hb, &cfg);
	for (int i = 0; i < 4; i++) {
		cfg.dependent = i & 1;
		cfg.enforce = i & 2;
		assert_int_equal(heartbeat_replaces(&hb), i == 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(failed_counts_up_to_lost),
	    cmocka_unit_test(failed_says_lost_once_a_run),
	    cmocka_unit_test(failed_with_a_maximum_of_one_is_lost_at_once),
	    cmocka_unit_test(answered_clears_the_count),
	    cmocka_unit_test(answered_returns_the_round_trip),
	    cmocka_unit_test(next_spans_the_jitter_exactly),
	    cmocka_unit_test(next_without_jitter_is_the_interval),
	    cmocka_unit_test(next_random_inputs_stay_within_bounds),
	    cmocka_unit_test(replaces_only_where_dependent_and_enforced),
	};

	return cmocka_run_group_tests_name("runtime/heartbeat", tests, NULL, NULL);
}
