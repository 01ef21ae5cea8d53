/* SPDX-License-Identifier: Apache-2.0 */
/* The clock that passes over the runtime's own pauses. */
#include "snp_test.h"

#include "worker/vigil.h"

#define MS	  SNP_NS_PER_MS
#define PERIOD_MS 250
#define BOOT_NS	  (77 * SNP_NS_PER_S) /* the two clocks differ from the start */

static struct vigil v;
static uint64_t now_ms, suspended_ms;

static struct vigil_tick tick_after(uint64_t ms)
{
	now_ms += ms;
	return vigil_tick(&v, (snp_mono_t){now_ms * MS},
			  BOOT_NS + (now_ms + suspended_ms) * MS, PERIOD_MS);
}

static int set_up(void **state)
{
	(void)state;
	v = (struct vigil){0};
	now_ms = 5000;
	suspended_ms = 0;
	(void)tick_after(0);
	return 0;
}

static void first_tick_judges_nobody(void **state)
{
	(void)state;
	v = (struct vigil){0};
	assert_false(tick_after(9999).judge);
	assert_int_equal(v.watched_ns, 0);
	assert_int_equal(v.next.ns, (now_ms + PERIOD_MS) * MS);
}

static void ticks_in_time_judge_and_the_clock_goes_with_time(void **state)
{
	static const uint64_t lateness[] = {0, 1, 30, 125};

	(void)state;
	for (size_t i = 0; i < sizeof(lateness) / sizeof(lateness[0]); i++) {
		uint64_t before = v.watched_ns;
		struct vigil_tick tick = tick_after(PERIOD_MS + lateness[i]);

		assert_true(tick.judge);
		assert_int_equal(tick.pause, SNP_PAUSE_NR);
		assert_int_equal(v.watched_ns - before, (PERIOD_MS + lateness[i]) * MS);
		assert_false(vigil_is_squeezed(&v));
	}
}

static void late_tick_is_a_stall_that_the_clock_leaves_out(void **state)
{
	static const uint64_t lateness[] = {126, 30000, 86400000};

	(void)state;
	for (size_t i = 0; i < sizeof(lateness) / sizeof(lateness[0]); i++) {
		uint64_t before = v.watched_ns;
		struct vigil_tick tick = tick_after(PERIOD_MS + lateness[i]);

		assert_false(tick.judge);
		assert_int_equal(tick.pause, SNP_PAUSE_STALL);
		assert_int_equal(tick.paused_ns, lateness[i] * MS);
		assert_int_equal(v.watched_ns - before, PERIOD_MS * MS);
		assert_true(tick_after(PERIOD_MS).judge);
	}
}

static void ticks_that_are_always_late_judge_every_other_time(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(tick_after(PERIOD_MS + 400).judge, i % 2);
	/* long pauses never */
	for (int i = 0; i < 10; i++)
		assert_false(tick_after(PERIOD_MS + 1000).judge);
}

static void short_periods_may_be_late_by_a_tenth_of_a_second(void **state)
{
	static const uint64_t passed_ms[] = {PERIOD_MS, 10 + 100, 10 + 101};
	struct vigil_tick tick = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		now_ms += passed_ms[i];
		tick = vigil_tick(&v, (snp_mono_t){now_ms * MS}, BOOT_NS + now_ms * MS,
				  10);
		assert_int_equal(tick.judge, i < 2);
	}
	assert_int_equal(tick.pause, SNP_PAUSE_STALL);
}

static void stall_squeezes_for_five_seconds(void **state)
{
	(void)state;
	(void)tick_after(PERIOD_MS + 200);
	for (int i = 0; i < 5000 / PERIOD_MS; i++) {
		assert_true(vigil_is_squeezed(&v));
		(void)tick_after(PERIOD_MS);
	}
	assert_false(vigil_is_squeezed(&v));
}

/* CLOCK_MONOTONIC stands still meanwhile, so the tick itself is in time. */
static void suspend_is_seen_by_the_other_clock_and_has_a_grace(void **state)
{
	struct vigil_tick tick;

	(void)state;
	(void)tick_after(PERIOD_MS);
	suspended_ms = 3600000;
	tick = tick_after(PERIOD_MS);
	assert_false(tick.judge);
	assert_int_equal(tick.pause, SNP_PAUSE_SUSPEND);
	assert_int_equal(tick.paused_ns, 3600000 * MS);
	assert_false(tick_after(PERIOD_MS).judge);
	assert_false(tick_after(PERIOD_MS).judge);
	assert_true(tick_after(PERIOD_MS).judge);
	assert_int_equal(v.watched_ns, 5 * PERIOD_MS * MS);
}

static void clocks_read_a_moment_apart_are_no_suspend(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		suspended_ms = i % 2 ? 90 : 0;
		assert_true(tick_after(PERIOD_MS).judge);
	}
}

/* Clocks that go backwards must not make time pass. */
static void clocks_that_jump_back_do_no_harm(void **state)
{
	uint64_t before;

	(void)state;
	(void)tick_after(PERIOD_MS);
	before = v.watched_ns;
	now_ms = 3000;
	(void)tick_after(0);
	assert_int_equal(v.watched_ns, before);
	(void)tick_after(PERIOD_MS);
	assert_int_equal(v.watched_ns, before + PERIOD_MS * MS);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
	    T(first_tick_judges_nobody),
	    T(ticks_in_time_judge_and_the_clock_goes_with_time),
	    T(late_tick_is_a_stall_that_the_clock_leaves_out),
	    T(ticks_that_are_always_late_judge_every_other_time),
	    T(short_periods_may_be_late_by_a_tenth_of_a_second),
	    T(stall_squeezes_for_five_seconds),
	    T(suspend_is_seen_by_the_other_clock_and_has_a_grace),
	    T(clocks_read_a_moment_apart_are_no_suspend),
	    T(clocks_that_jump_back_do_no_harm),
	};

	return cmocka_run_group_tests_name("runtime/vigil", tests, NULL, NULL);
}
