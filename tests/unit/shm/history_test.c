/* SPDX-License-Identifier: Apache-2.0 */
/*
 * History: what the samples say is what was recorded, each observation in one sample,
 * and a row that is used again starts without a past.
 */
#include "snp_test.h"

#include <string.h>

#include "snakepit/read.h"
#include "snakepit/write.h"

enum { SECONDS = 20, SAMPLES = 64 };

struct world {
	char dir[64];
	struct snp_writer *w;
	struct snp_bank bank;
	uint32_t pool, other_pool, worker, tool, second_tool;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	uint64_t now_s;
	uint64_t expected[SNP_HIST_OCTAVES];
	struct snp_pool_sample pools[SAMPLES];
	struct snp_worker_sample workers[SAMPLES];
};

static uint32_t declare(struct world *world, unsigned kind, uint32_t pool,
			const char *name)
{
	const struct snp_row_decl decl = {.kind = kind, .pool = pool, .name = name};
	const struct timespec quarantine = {.tv_nsec = 1000000};
	uint32_t index = 0;

	for (int i = 0; i < 1000; i++) {
		if (snp_row_declare(world->w, &decl, &index, NULL) == 0)
			return index;
		(void)nanosleep(&quarantine, NULL);
	}
	fail_msg("no row for %s", name);
	return 0;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct snp_writer_options o = {.instance = "history",
				       .pools_max = 2,
				       .workers_max = 1,
				       .tools_max = 2,
				       .banks_max = 1,
				       .events_per_ring = 8,
				       .spans_per_ring = 8,
				       .history_seconds = SECONDS,
				       .reuse_quarantine_ms = 1};

	assert_non_null(world);
	snp_test_tmpdir_make(world->dir, sizeof(world->dir));
	o.dir = world->dir;
	assert_int_equal(snp_writer_create(&o, &world->w, NULL), 0);
	assert_int_equal(snp_bank_adopt(world->w, &world->bank), 0);
	world->pool = declare(world, SNP_ROW_POOL, 0, "p");
	world->other_pool = declare(world, SNP_ROW_POOL, 0, "other");
	world->worker = declare(world, SNP_ROW_WORKER, world->pool, NULL);
	world->tool = declare(world, SNP_ROW_TOOL, world->pool, "first");
	world->second_tool = declare(world, SNP_ROW_TOOL, world->pool, "second");
	assert_int_equal(snp_writer_publish(world->w, NULL), 0);
	assert_int_equal(
	    snp_segment_attach(snp_writer_path(world->w), &world->seg, NULL), 0);
	world->now_s = 1000;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	snp_snapshot_destroy(&world->snap);
	snp_segment_detach(&world->seg);
	snp_writer_close(&world->w);
	snp_test_tmpdir_remove(world->dir);
	free(world);
	return 0;
}

/* 2^j * 2^-20 s in ns, rounded down. 10^9 is 2^9 * 1953125, so that it fits. */
static uint64_t octave_edge(unsigned j)
{
	return (UINT64_C(1953125) << j) >> 11;
}

/* The smallest j whose edge the duration does not exceed. */
static unsigned octave_of(uint64_t ns)
{
	unsigned j = 0;

	while (j < SNP_HIST_OCTAVES - 1 && ns > octave_edge(j))
		j++;
	return j;
}

static void observe(struct world *world, uint32_t tool, uint64_t ns)
{
	snp_hist_record(world->bank.tools[tool].duration, ns);
	world->expected[octave_of(ns)]++;
}

static void sample(struct world *world)
{
	snp_writer_snap(world->w);
	snp_writer_sample(world->w, (snp_mono_t){world->now_s++ * SNP_NS_PER_S});
}

static const struct snp_row *row(struct world *world, unsigned kind, uint32_t index)
{
	const struct snp_row *r;

	assert_int_equal(snp_segment_snapshot(world->seg, &world->snap, NULL), 0);
	r = snp_snapshot_row(world->snap, kind, index);
	assert_non_null(r);
	return r;
}

static size_t pool_history(struct world *world, uint32_t pool)
{
	return snp_segment_pool_history(world->seg, row(world, SNP_ROW_POOL, pool),
					world->pools, SAMPLES);
}

static size_t worker_history(struct world *world)
{
	return snp_segment_worker_history(world->seg,
					  row(world, SNP_ROW_WORKER, world->worker),
					  world->workers, SAMPLES);
}

static void expect_octaves(struct world *world)
{
	size_t n = pool_history(world, world->pool);

	for (unsigned j = 0; j < SNP_HIST_OCTAVES; j++) {
		uint64_t seen = 0;

		for (size_t i = 0; i < n; i++)
			seen += world->pools[i].octave[j];
		if (seen != world->expected[j])
			fail_msg("octave %u: %lu in %zu samples, %lu recorded", j, seen,
				 n, world->expected[j]);
	}
}

/* ---- durations ----------------------------------------------------------- */

static void octaves_of_all_samples_are_the_durations_recorded(void **state)
{
	struct world *world = *state;

	/* The edges of each octave, far below and far above them, before and between
	 * samples, and of two tools of the pool. */
	for (unsigned j = 0; j < 36; j++) {
		uint64_t edge = octave_edge(j);

		observe(world, world->tool, edge);
		observe(world, world->second_tool, edge + 1);
		observe(world, world->tool, edge + edge / 3);
		if (j % 3 == 0)
			sample(world);
	}
	observe(world, world->tool, 0);
	observe(world, world->tool, UINT64_MAX / 4);
	sample(world);
	expect_octaves(world);
	assert_true(world->expected[0] > 1 &&
		    world->expected[SNP_HIST_OCTAVES - 1] > 1);
	assert_int_equal(pool_history(world, world->other_pool), 13);
	for (unsigned j = 0; j < SNP_HIST_OCTAVES; j++)
		assert_int_equal(world->pools[0].octave[j], 0);
}

/* A tool that is retired between two samples has its last requests counted; the row's
 * next tool starts from nothing. */
static void octaves_of_recycled_tools_are_neither_lost_nor_counted_twice(void **state)
{
	struct world *world = *state;

	for (unsigned life = 0; life < 8; life++) {
		for (unsigned i = 0; i <= life % 3; i++)
			observe(world, world->tool, 1000000 + i);
		snp_row_retire(world->w, SNP_ROW_TOOL, world->tool,
			       SNP_RETIRE_REASON_IDLE);
		sample(world);
		world->tool = declare(world, SNP_ROW_TOOL, world->pool, "again");
		observe(world, world->tool, 2000000);
		sample(world);
	}
	expect_octaves(world);
}

/* The row of a pool that is gone belongs to another pool now, and what its tools did is
 * not the other's. */
static void history_of_a_recycled_pool_starts_anew(void **state)
{
	struct world *world = *state;
	uint32_t tool = world->second_tool;

	snp_row_retire(world->w, SNP_ROW_TOOL, tool, SNP_RETIRE_REASON_IDLE);
	tool = declare(world, SNP_ROW_TOOL, world->other_pool, "third");
	sample(world);
	snp_hist_record(world->bank.tools[tool].duration, 1000);
	sample(world);
	assert_int_equal(pool_history(world, world->other_pool), 2);
	snp_row_retire(world->w, SNP_ROW_TOOL, tool, SNP_RETIRE_REASON_REMOVED);
	snp_row_retire(world->w, SNP_ROW_POOL, world->other_pool,
		       SNP_RETIRE_REASON_REMOVED);
	sample(world); /* none of a tombstone */
	assert_int_equal(pool_history(world, world->other_pool), 2);
	world->other_pool = declare(world, SNP_ROW_POOL, 0, "successor");
	assert_int_equal(pool_history(world, world->other_pool), 0);
	sample(world);
	assert_int_equal(pool_history(world, world->other_pool), 1);
	for (unsigned j = 0; j < SNP_HIST_OCTAVES; j++)
		assert_int_equal(world->pools[0].octave[j], 0);
}

/* ---- values -------------------------------------------------------------- */

static void samples_say_what_the_cells_said(void **state)
{
	struct world *world = *state;
	struct snp_worker_row *worker = snp_worker_row(world->w, world->worker);
	struct snp_pool_ledger ledger = {.pool_requests = {10},
					 .outcomes = {4, 3},
					 .active = {2},
					 .queue_depth = {1}};
	uint64_t words[sizeof(ledger) / 8];

	memcpy(words, (const void *)&ledger, sizeof(words));
	snp_latch_publish(&snp_pool_row(world->w, world->pool)->ledger, words,
			  sizeof(words) / 8);
	snp_set(worker->sup.state, SNP_WORKER_STATE_READY);
	snp_set(worker->sup.memory, 1 << 20);
	snp_set(worker->hot.worker_requests, 7);
	snp_set(worker->hot.worker_busy, 9);
	sample(world);
	assert_int_equal(pool_history(world, world->pool), 1);
	assert_int_equal(world->pools[0].mono.ns, 1000 * SNP_NS_PER_S);
	assert_int_equal(world->pools[0].requests, 10);
	assert_int_equal(world->pools[0].failures, 3);
	assert_int_equal(world->pools[0].active, 2);
	assert_int_equal(world->pools[0].queue_depth, 1);
	assert_int_equal(worker_history(world), 1);
	assert_int_equal(world->workers[0].mono.ns, 1000 * SNP_NS_PER_S);
	assert_int_equal(world->workers[0].state, SNP_WORKER_STATE_READY);
	assert_int_equal(world->workers[0].requests, 7);
	assert_int_equal(world->workers[0].busy_ns, 9);
	assert_int_equal(world->workers[0].rss_bytes, 1 << 20);
}

/* ---- when ---------------------------------------------------------------- */

static void sample_is_taken_when_it_is_due(void **state)
{
	struct world *world = *state;
	const uint64_t start = 5000 * SNP_NS_PER_S;

	snp_writer_sample(world->w, (snp_mono_t){start});
	assert_int_equal(pool_history(world, world->pool), 0); /* no SNAP yet */
	snp_writer_snap(world->w);
	/* Ten times a second and a little late each time, for ten seconds. */
	for (unsigned i = 0; i < 100; i++)
		snp_writer_sample(world->w, (snp_mono_t){start + i * SNP_NS_PER_S / 10 +
							 i % 7 * 1000});
	assert_int_equal(pool_history(world, world->pool), 10);
	assert_int_equal(worker_history(world), 2);
	for (unsigned i = 1; i < 10; i++)
		assert_in_range(world->pools[i].mono.ns - world->pools[i - 1].mono.ns,
				SNP_NS_PER_S - 10000, SNP_NS_PER_S + 10000);
	/* Stopped for a minute: one sample, then the old pace. */
	for (unsigned i = 0; i < 11; i++)
		snp_writer_sample(world->w, (snp_mono_t){start + 70 * SNP_NS_PER_S +
							 i * SNP_NS_PER_S / 10});
	assert_int_equal(pool_history(world, world->pool), 12);
	assert_int_equal(worker_history(world), 3);
}

static void history_keeps_the_newest(void **state)
{
	struct world *world = *state;

	for (unsigned i = 0; i < 3 * SECONDS; i++)
		sample(world);
	assert_int_equal(pool_history(world, world->pool), SECONDS);
	assert_int_equal(world->pools[SECONDS - 1].mono.ns,
			 (world->now_s - 1) * SNP_NS_PER_S);
	assert_int_equal(world->pools[0].mono.ns,
			 (world->now_s - SECONDS) * SNP_NS_PER_S);
	assert_int_equal(worker_history(world), SECONDS / 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(octaves_of_all_samples_are_the_durations_recorded),
	    T(octaves_of_recycled_tools_are_neither_lost_nor_counted_twice),
	    T(history_of_a_recycled_pool_starts_anew),
	    T(samples_say_what_the_cells_said),
	    T(sample_is_taken_when_it_is_due),
	    T(history_keeps_the_newest),
	};

	return cmocka_run_group_tests_name("shm/history", tests, NULL, NULL);
}
