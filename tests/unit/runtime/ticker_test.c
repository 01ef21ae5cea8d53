/* SPDX-License-Identifier: Apache-2.0 */
#include "segment_fixture.h"
#include "snp_test.h"

#include "core/ticker.h"
#include "snakepit/read.h"

#define DEADLINE_MS 20000

static struct segment_fixture fixture;
static struct snp_segment *segment;
static struct snp_snapshot *snapshot;
static struct ticker ticker;

static int set_up(void **state)
{
	(void)state;
	segment_fixture_open(&fixture, "default", "tool");
	ticker = (struct ticker){.running = false};
	return snp_segment_attach(fixture.path, &segment, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	ticker_stop(&ticker);
	snp_snapshot_destroy(&snapshot);
	snp_segment_detach(&segment);
	segment_fixture_close(&fixture);
	return 0;
}

static const struct snp_snapshot_stats *look(void)
{
	assert_int_equal(snp_segment_snapshot(segment, &snapshot, NULL), 0);
	return snp_snapshot_stats(snapshot);
}

static bool has_beaten(void *user)
{
	return look()->heartbeat_seq >= *(const uint64_t *)user;
}

static void start(uint32_t interval_ms)
{
	assert_int_equal(ticker_start(&ticker, fixture.writer, interval_ms, 3, NULL),
			 0);
}

static void start_beats_with_a_fresh_clock_pair(void **state)
{
	const uint64_t first = look()->heartbeat_seq;
	uint64_t wanted = first + 5, mono;

	(void)state;
	start(5);
	assert_true(snp_test_wait_until(has_beaten, &wanted, DEADLINE_MS));
	mono = look()->heartbeat_mono.ns;
	assert_in_range(mono, 1, snp_mono_now().ns);
	assert_true(look()->heartbeat_wall.ns <= snp_wall_now().ns);
	wanted = look()->heartbeat_seq + 2;
	assert_true(snp_test_wait_until(has_beaten, &wanted, DEADLINE_MS));
	assert_true(look()->heartbeat_mono.ns > mono);
}

/* A beat each interval and not more: the pace is set by the clock, not by the load. */
static void start_keeps_its_pace(void **state)
{
	enum { INTERVAL_MS = 10 };
	const snp_mono_t begin = snp_mono_now();
	const uint64_t first = look()->heartbeat_seq;
	uint64_t wanted = first + 20, most;

	(void)state;
	start(INTERVAL_MS);
	assert_true(snp_test_wait_until(has_beaten, &wanted, DEADLINE_MS));
	most = 1 +
	       snp_mono_since_ns(snp_mono_now(), begin) / (INTERVAL_MS * SNP_NS_PER_MS);
	assert_true(look()->heartbeat_seq - first <= most + 1);
}

static void stop_is_prompt_and_ends_the_beats(void **state)
{
	uint64_t wanted = look()->heartbeat_seq + 1, last;
	snp_mono_t before;

	(void)state;
	start(600000);
	assert_true(snp_test_wait_until(has_beaten, &wanted, DEADLINE_MS));
	before = snp_mono_now();
	ticker_stop(&ticker);
	assert_true(snp_mono_since_ns(snp_mono_now(), before) < 10 * SNP_NS_PER_S);
	last = look()->heartbeat_seq;
	assert_int_equal(last, wanted);
}

static void stop_twice_and_without_a_start_is_harmless(void **state)
{
	(void)state;
	ticker_stop(&ticker);
	start(5);
	ticker_stop(&ticker);
	ticker_stop(&ticker);
	start(5); /* and it can be started again */
}

static void stop_many_times_at_any_moment_never_hangs(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		start(1);
		ticker_stop(&ticker);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(start_beats_with_a_fresh_clock_pair),
	    T(start_keeps_its_pace),
	    T(stop_is_prompt_and_ends_the_beats),
	    T(stop_twice_and_without_a_start_is_harmless),
	    T(stop_many_times_at_any_moment_never_hangs),
	};

	return cmocka_run_group_tests_name("runtime/ticker", tests, NULL, NULL);
}
