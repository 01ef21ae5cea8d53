/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in flight, history and threads, as readers get them. */
#include "rings_bench.h"

/* ---- requests in flight -------------------------------------------------- */

static void inflight_shows_what_began_and_has_not_ended(void **state)
{
	struct bench *b = *state;
	struct snp_inflight_fields one = request(b, 100), two = request(b, 200);
	struct snp_inflight f[4];

	assert_int_equal(snp_segment_inflight(b->seg, f, 4), 0);
	snp_inflight_begin(b->writer, b->worker[1], 0, &two);
	snp_inflight_begin(b->writer, b->worker[0], 1, &one);
	assert_int_equal(snp_segment_inflight(b->seg, f, 4), 2);
	assert_int_equal(f[0].worker, b->worker[0]);
	assert_int_equal(f[0].at, 1);
	assert_int_equal(f[0].received.ns, 101);
	assert_int_equal(f[0].start.ns, 102);
	assert_int_equal(f[0].deadline.ns, 103);
	assert_int_equal(f[0].tool, b->tool);
	assert_int_equal(f[0].incarnation, 100);
	assert_int_equal(f[0].trace_id[0], 100);
	assert_int_equal(f[0].trace_id[1], ~UINT64_C(100));
	assert_string_equal(f[0].correlation, "request");
	assert_int_equal(f[1].worker, b->worker[1]);
	/* More than there is room for are counted all the same. */
	assert_int_equal(snp_segment_inflight(b->seg, f, 1), 2);
	assert_int_equal(snp_segment_inflight(b->seg, NULL, 0), 2);
	snp_inflight_end(b->writer, b->worker[0], 1);
	assert_int_equal(snp_segment_inflight(b->seg, f, 4), 1);
	assert_int_equal(f[0].worker, b->worker[1]);
}

static void inflight_with_a_wrong_checksum_is_left_out(void **state)
{
	struct bench *b = *state;
	struct snp_inflight_fields one = request(b, 100);
	struct snp_fmt_inflight *slot = inflight_slot(b, b->worker[0], 0);
	struct snp_inflight f[4];

	snp_inflight_begin(b->writer, b->worker[0], 0, &one);
	snp_set(&slot->copy[snp_get(&slot->seq) & 1][SNP_INFL_INCARNATION], 101);
	assert_int_equal(snp_segment_inflight(b->seg, f, 4), 0);
}

/* ---- history ------------------------------------------------------------- */

static const struct snp_row *row(struct bench *b, unsigned kind, uint32_t index)
{
	const struct snp_row *found;

	assert_int_equal(snp_segment_snapshot(b->seg, &b->snap, NULL), 0);
	found = snp_snapshot_row(b->snap, kind, index);
	assert_non_null(found);
	return found;
}

static void pool_history_returns_the_newest_oldest_first(void **state)
{
	struct bench *b = *state;
	struct snp_pool_sample s[2 * HISTORY_S];

	for (uint64_t i = 0; i < HISTORY_S + 5; i++) {
		/* 1000 ns lie in octave 0, (2^-20, 2^-19] s in octave 1. */
		snp_hist_record(&b->bank[0].tools[b->tool].duration[0],
				i == HISTORY_S + 4 ? 1900 : 900);
		sample_at(b, i);
	}
	assert_int_equal(snp_segment_pool_history(b->seg, row(b, SNP_ROW_POOL, b->pool),
						  s, 2 * HISTORY_S),
			 HISTORY_S);
	for (uint64_t i = 0; i < HISTORY_S; i++)
		assert_int_equal(s[i].mono.ns, (1005 + i) * SNP_NS_PER_S);
	assert_int_equal(s[0].octave[0], 1);
	assert_int_equal(s[0].octave[1], 0);
	assert_int_equal(s[HISTORY_S - 1].octave[0], 0);
	assert_int_equal(s[HISTORY_S - 1].octave[1], 1);
	assert_int_equal(
	    snp_segment_pool_history(b->seg, row(b, SNP_ROW_POOL, b->pool), s, 3), 3);
	assert_int_equal(s[2].mono.ns, (1004 + HISTORY_S) * SNP_NS_PER_S);
}

static void pool_history_leaves_out_other_lives_and_damage(void **state)
{
	struct bench *b = *state;
	struct snp_pool_sample s[HISTORY_S];
	_Atomic uint64_t *w;

	for (uint64_t i = 0; i < 5; i++)
		sample_at(b, i);
	w = record(b, SNP_REGION_HIST, SNP_ROW_POOL, b->pool, 1);
	snp_set(w + offsetof(struct snp_fmt_pool_sample, uid) / 8, 99);
	reseal(b, SNP_REGION_HIST, SNP_ROW_POOL, b->pool, 1);
	w = record(b, SNP_REGION_HIST, SNP_ROW_POOL, b->pool, 3);
	snp_set(w + offsetof(struct snp_fmt_pool_sample, active) / 8, 7);
	assert_int_equal(snp_segment_pool_history(b->seg, row(b, SNP_ROW_POOL, b->pool),
						  s, HISTORY_S),
			 3);
	assert_int_equal(s[1].mono.ns, 1002 * SNP_NS_PER_S);
	assert_int_equal(s[2].mono.ns, 1004 * SNP_NS_PER_S);
}

static void worker_history_returns_every_field(void **state)
{
	struct bench *b = *state;
	struct snp_worker_row *cells = snp_worker_row(b->writer, b->worker[1]);
	struct snp_worker_sample s[HISTORY_S];

	snp_set(cells->sup.state, SNP_WORKER_STATE_READY);
	snp_set(cells->sup.memory, 123456);
	snp_set(cells->hot.worker_requests, 7);
	snp_set(cells->hot.worker_busy, 8000);
	for (uint64_t i = 0; i < 7; i++)
		sample_at(b, i);
	assert_int_equal(
	    snp_segment_worker_history(b->seg, row(b, SNP_ROW_WORKER, b->worker[1]), s,
				       HISTORY_S),
	    2);
	assert_int_equal(s[0].mono.ns, 1000 * SNP_NS_PER_S);
	assert_int_equal(s[1].mono.ns, 1005 * SNP_NS_PER_S);
	assert_int_equal(s[0].state, SNP_WORKER_STATE_READY);
	assert_int_equal(s[0].requests, 7);
	assert_int_equal(s[0].busy_ns, 8000);
	assert_int_equal(s[0].rss_bytes, 123456);
}

/* ---- threads ------------------------------------------------------------- */

static void threads_are_those_that_hold_a_bank(void **state)
{
	struct bench *b = *state;
	struct snp_thread t[4];

	snp_bank_name_thread(&b->bank[0]);
	snp_bank_name_thread(&b->bank[1]);
	snp_bank_busy(&b->bank[1], (snp_mono_t){77});
	assert_int_equal(snp_segment_threads(b->seg, t, 4), 2);
	assert_int_equal(t[1].bank, b->bank[1].index);
	assert_int_equal(t[1].tid, gettid());
	assert_int_equal(t[0].busy_since.ns, 0);
	assert_int_equal(t[1].busy_since.ns, 77);
	assert_true(*t[0].name);
	assert_int_equal(snp_segment_threads(b->seg, t, 1), 1);
	snp_bank_release(b->writer, &b->bank[0]);
	assert_int_equal(snp_segment_threads(b->seg, t, 4), 1);
	assert_int_equal(t[0].bank, b->bank[1].index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(inflight_shows_what_began_and_has_not_ended),
	    T(inflight_with_a_wrong_checksum_is_left_out),
	    T(pool_history_returns_the_newest_oldest_first),
	    T(pool_history_leaves_out_other_lives_and_damage),
	    T(worker_history_returns_every_field),
	    T(threads_are_those_that_hold_a_bank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
