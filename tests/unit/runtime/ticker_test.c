/* SPDX-License-Identifier: Apache-2.0 */
#include "segment_fixture.h"
#include "snp_test.h"

#include <fcntl.h>

#include "core/thread.h"
#include "core/ticker.h"
#include "snakepit/read.h"

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
	assert_int_equal(ticker_start(&ticker, fixture.writer, interval_ms, NULL), 0);
}

static void start_beats_with_a_fresh_clock_pair(void **state)
{
	const uint64_t first = look()->heartbeat_seq;
	uint64_t wanted = first + 5, mono;

	(void)state;
	start(5);
	assert_true(snp_test_wait_until(has_beaten, &wanted, SNP_TEST_DEADLINE_MS));
	mono = look()->heartbeat_mono.ns;
	assert_in_range(mono, 1, snp_mono_now().ns);
	assert_true(look()->heartbeat_wall.ns <= snp_wall_now().ns);
	wanted = look()->heartbeat_seq + 2;
	assert_true(snp_test_wait_until(has_beaten, &wanted, SNP_TEST_DEADLINE_MS));
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
	assert_true(snp_test_wait_until(has_beaten, &wanted, SNP_TEST_DEADLINE_MS));
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
	assert_true(snp_test_wait_until(has_beaten, &wanted, SNP_TEST_DEADLINE_MS));
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

/* ---- What a beat does, by a clock of our own ----------------------------- */

enum { INTERVAL_MS = 100, START_MS = 1000000 };

/* Each look at the clock moves it on: what is between two of them takes that long. */
static uint64_t clock_ns, look_ns;

static snp_mono_t test_clock(void)
{
	snp_mono_t now = {clock_ns};

	clock_ns += look_ns;
	return now;
}

static uint64_t header_word(size_t off)
{
	int fd = open(fixture.path, O_RDONLY | O_CLOEXEC);
	uint64_t word;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &word, sizeof(word), (off_t)off), sizeof(word));
	close(fd);
	return word;
}

static uint64_t snaps(void)
{
	return header_word(offsetof(struct snp_fmt_header, snap_seq));
}

/* Beats at INTERVAL_MS, each a little early or late, with a SNAP that takes so long.
 * Returns the number of SNAPs. */
static uint64_t beat(unsigned beats, uint64_t snap_us)
{
	uint64_t before = snaps();

	ticker = (struct ticker){
	    .writer = fixture.writer, .interval_ms = INTERVAL_MS, .clock = test_clock};
	look_ns = snap_us * SNP_NS_PER_US;
	for (unsigned i = 0; i < beats; i++) {
		clock_ns = (START_MS + i * INTERVAL_MS) * SNP_NS_PER_MS +
			   (i % 3) * 100 * SNP_NS_PER_US;
		ticker_beat(&ticker, 0);
	}
	return snaps() - before;
}

static void beat_takes_a_snap_while_that_is_cheap(void **state)
{
	const uint64_t first = look()->heartbeat_seq;

	(void)state;
	assert_int_equal(beat(100, 0), 100);
	assert_int_equal(beat(100, 2000), 100); /* 2 % of the interval */
	assert_int_equal(look()->heartbeat_seq, first + 200);
}

static void beat_leaves_snaps_out_so_that_they_take_two_percent(void **state)
{
	static const uint64_t costs_us[] = {2010, 3000, 20000, 55000, 300000, 1000000};
	const unsigned beats = 1000;

	(void)state;
	for (size_t i = 0; i < sizeof(costs_us) / sizeof(costs_us[0]); i++) {
		uint64_t n = beat(beats, costs_us[i]);
		uint64_t total_us = beats * INTERVAL_MS * 1000;

		/* the last one's pause is not over at the end */
		assert_true((n - 1) * costs_us[i] * TICKER_SNAP_SHARE <= total_us);
		/* and no fewer than that allows, a beat's rounding each */
		assert_true(
		    n * (costs_us[i] * TICKER_SNAP_SHARE + 2 * INTERVAL_MS * 1000) >=
		    total_us);
	}
}

/* However rare SNAPs are, heartbeats are not. */
static void beat_is_a_heartbeat_also_without_a_snap(void **state)
{
	const uint64_t first = look()->heartbeat_seq;

	(void)state;
	assert_int_equal(beat(50, 1000000), 1);
	assert_int_equal(look()->heartbeat_seq, first + 50);
}

static void beat_takes_the_samples_that_are_due(void **state)
{
	struct snp_pool_sample samples[8];
	const struct snp_row *row;
	size_t n;

	(void)state;
	(void)beat(45, 0); /* 4.4 seconds from the first */
	(void)look();
	row = snp_snapshot_row(snapshot, SNP_ROW_POOL, 0);
	assert_non_null(row);
	n = snp_segment_pool_history(segment, row, samples, 8);
	assert_in_range(n, 4, 5);
	for (size_t i = 1; i < n; i++)
		assert_in_range(samples[i].mono.ns - samples[i - 1].mono.ns,
				900 * SNP_NS_PER_MS, 1100 * SNP_NS_PER_MS);
}

static uint64_t live_threads(void)
{
	uint64_t seq = header_word(offsetof(struct snp_fmt_header, hb_seq));

	return header_word(offsetof(struct snp_fmt_header, hb) +
			   (seq & 1) * sizeof(struct snp_fmt_heartbeat) +
			   offsetof(struct snp_fmt_heartbeat, live_threads));
}

static bool lives(void *user)
{
	return live_threads() == *(const uint64_t *)user;
}

static void start_says_how_many_threads_live(void **state)
{
	uint64_t alone = 1, with_us = 2;

	(void)state;
	assert_int_equal(threads_alive(), 0);
	start(1);
	assert_true(snp_test_wait_until(lives, &alone, SNP_TEST_DEADLINE_MS));
	thread_begin(NULL);
	assert_true(snp_test_wait_until(lives, &with_us, SNP_TEST_DEADLINE_MS));
	thread_end(NULL);
	assert_true(snp_test_wait_until(lives, &alone, SNP_TEST_DEADLINE_MS));
	ticker_stop(&ticker);
	assert_int_equal(threads_alive(), 0);
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
	    T(beat_takes_a_snap_while_that_is_cheap),
	    T(beat_leaves_snaps_out_so_that_they_take_two_percent),
	    T(beat_is_a_heartbeat_also_without_a_snap),
	    T(beat_takes_the_samples_that_are_due),
	    T(start_says_how_many_threads_live),
	};

	return cmocka_run_group_tests_name("runtime/ticker", tests, NULL, NULL);
}
