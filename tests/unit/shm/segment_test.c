/* SPDX-License-Identifier: Apache-2.0 */
/* Write a segment, read it back: what goes in comes out, and the books balance. */
#include "snp_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snakepit/read.h"
#include "snakepit/write.h"

struct fixture {
	char dir[64], path[128];
	struct snp_writer *w;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	uint32_t pool, worker, tool;
};

static struct snp_writer_options options(const struct fixture *f)
{
	return (struct snp_writer_options){
	    .dir = f->dir,
	    .instance = "unit",
	    .pools_max = 2,
	    .workers_max = 4,
	    .tools_max = 3,
	    .banks_max = 3,
	    .events_per_ring = 8,
	};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct snp_writer_options o;
	struct snp_err err = {0};

	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/unit.seg", f->dir);
	o = options(f);
	assert_int_equal(snp_writer_create(&o, &f->w, &err), 0);
	assert_int_equal(snp_row_declare(f->w,
					 &(struct snp_row_decl){.kind = SNP_ROW_POOL,
								.name = "default",
								.text = "pkg.Adapter"},
					 &f->pool, &err),
			 0);
	assert_int_equal(
	    snp_row_declare(f->w,
			    &(struct snp_row_decl){.kind = SNP_ROW_WORKER, .slot = 7},
			    &f->worker, &err),
	    0);
	assert_int_equal(snp_row_declare(f->w,
					 &(struct snp_row_decl){.kind = SNP_ROW_TOOL,
								.name = "t\xc3\xa9"},
					 &f->tool, &err),
			 0);
	assert_int_equal(snp_writer_publish(f->w, &err), 0);
	assert_int_equal(snp_segment_attach(f->path, &f->seg, &err), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	snp_writer_close(&f->w);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

static void take(struct fixture *f)
{
	struct snp_err err = {0};

	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, &err), 0);
}

static const struct snp_metric *metric(struct fixture *f, const char *name)
{
	const struct snp_metric *m = snp_snapshot_metric_find(f->snap, name);

	assert_non_null(m);
	return m;
}

static void attach_published_segment_tells_who_wrote_it(void **state)
{
	struct fixture *f = *state;
	const struct snp_segment_info *info = snp_segment_info(f->seg);

	assert_string_equal(info->instance, "unit");
	assert_string_equal(info->uuid, snp_writer_uuid(f->w));
	assert_int_equal(info->pid, getpid());
	assert_int_equal(info->incarnation, 1);
	assert_int_equal(info->ver_major, SNP_FMT_MAJOR);
	assert_false(snp_segment_replaced(f->seg));
}

static void bank_counters_from_two_banks_add_up(void **state)
{
	struct fixture *f = *state;
	struct snp_bank a, b;

	assert_int_equal(snp_bank_adopt(f->w, &a), 0);
	assert_int_equal(snp_bank_adopt(f->w, &b), 0);
	snp_add(a.tools[f->tool].requests, 5);
	snp_add(b.tools[f->tool].requests, 7);
	snp_add(&b.tools[f->tool].failures[SNP_FAILURE_CODE_UNAVAILABLE], 2);
	take(f);
	assert_int_equal(
	    snp_snapshot_value(f->snap, metric(f, "snakepit.requests"), f->tool, 0),
	    12);
	assert_int_equal(snp_snapshot_value(f->snap,
					    metric(f, "snakepit.request.failures"),
					    f->tool, SNP_FAILURE_CODE_UNAVAILABLE),
			 2);
	snp_bank_release(f->w, &a);
	snp_bank_release(f->w, &b);
}

static void bank_adopted_again_keeps_its_totals(void **state)
{
	struct fixture *f = *state;
	struct snp_bank bank;

	for (int i = 0; i < 10; i++) {
		assert_int_equal(snp_bank_adopt(f->w, &bank), 0);
		snp_add(bank.tools[f->tool].requests, 1);
		snp_bank_release(f->w, &bank);
	}
	take(f);
	assert_int_equal(
	    snp_snapshot_value(f->snap, metric(f, "snakepit.requests"), f->tool, 0),
	    10);
}

static void bank_adopt_beyond_the_limit_fails_and_is_counted(void **state)
{
	struct fixture *f = *state;
	struct snp_bank banks[3], more;

	for (int i = 0; i < 3; i++)
		assert_int_equal(snp_bank_adopt(f->w, &banks[i]), 0);
	assert_int_equal(snp_bank_adopt(f->w, &more), -ENOSPC);
	take(f);
	assert_int_equal(snp_snapshot_stats(f->snap)->banks_exhausted, 1);
	for (int i = 0; i < 3; i++)
		snp_bank_release(f->w, &banks[i]);
}

static void series_of_a_tool_metric_carry_pool_method_and_code(void **state)
{
	struct fixture *f = *state;
	struct snp_series_iter it;
	struct snp_series s;
	unsigned n = 0;

	take(f);
	snp_series_iter_init(&it, f->snap, metric(f, "snakepit.request.failures"));
	while (snp_series_next(&it, &s)) {
		assert_int_equal(s.labels_nr, 3);
		assert_string_equal(s.labels[0].prom_name, "pool");
		assert_string_equal(s.labels[0].value, "default");
		assert_string_equal(s.labels[1].otel_name, "rpc.method");
		assert_string_equal(s.labels[1].value, "t\xc3\xa9");
		assert_string_equal(s.labels[2].prom_name, "code");
		assert_string_equal(s.labels[2].value,
				    snp_enum_text(SNP_ENUM_TABLE_FAILURE_CODE, s.cell));
		n++;
	}
	assert_int_equal(n, SNP_FAILURE_CODE_NR);
}

static void every_metric_has_names_help_and_a_series_or_no_row(void **state)
{
	struct fixture *f = *state;
	struct snp_series_iter it;
	struct snp_series s;
	size_t seen = 0, i;

	take(f);
	for (i = 0; i < snp_snapshot_metrics_nr(f->snap); i++) {
		const struct snp_metric *m = snp_snapshot_metric(f->snap, i);

		assert_true(strncmp(m->name, "snakepit.", 9) == 0);
		assert_true(strncmp(m->prom_name, "snakepit_", 9) == 0);
		assert_true(strlen(m->help) > 10);
		assert_true(*m->unit);
		snp_series_iter_init(&it, f->snap, m);
		while (snp_series_next(&it, &s))
			seen++;
	}
	assert_true(i > 30);
	snp_series_iter_init(&it, f->snap, NULL);
	while (snp_series_next(&it, &s))
		seen--;
	assert_int_equal(seen, 0);
}

static void ledger_words_reach_the_reader_in_table_order(void **state)
{
	struct fixture *f = *state;
	struct snp_pool_ledger l = {0};
	uint64_t words[sizeof(l) / 8];

	snp_set(l.pool_requests, 10);
	snp_set(&l.outcomes[SNP_OUTCOME_OK], 5);
	snp_set(&l.outcomes[SNP_OUTCOME_ERROR], 2);
	snp_set(l.active, 2);
	snp_set(l.queue_depth, 1);
	memcpy(words, &l, sizeof(l));
	snp_latch_publish(&snp_pool_row(f->w, f->pool)->ledger, words, sizeof(l) / 8);
	take(f);
	assert_int_equal(snp_snapshot_value(
			     f->snap, metric(f, "snakepit.pool.requests"), f->pool, 0),
			 10);
	assert_int_equal(snp_snapshot_value(f->snap,
					    metric(f, "snakepit.pool.request.outcomes"),
					    f->pool, SNP_OUTCOME_ERROR),
			 2);
	assert_int_equal(snp_snapshot_value(f->snap,
					    metric(f, "snakepit.pool.queue.depth"),
					    f->pool, 0),
			 1);
}

static void process_record_names_the_worker(void **state)
{
	struct fixture *f = *state;
	uint64_t proc[SNP_LATCH_WORDS] = {0};
	const struct snp_row *row;

	proc[SNP_PROC_INCARNATION] = 3;
	proc[SNP_PROC_PID] = 4711;
	proc[SNP_PROC_LAST_EXIT_REASON] = SNP_EXIT_REASON_SIGNAL + 1;
	proc[SNP_PROC_LAST_EXIT_STATUS] = 137;
	memcpy(&proc[SNP_PROC_PYTHON], "3.11.2", 7);
	snp_latch_publish(&snp_worker_row(f->w, f->worker)->proc, proc,
			  SNP_LATCH_WORDS);
	snp_worker_text_set(f->w, f->worker, "ImportError: no module");
	take(f);
	row = snp_snapshot_row(f->snap, SNP_ROW_WORKER, f->worker);
	assert_non_null(row);
	assert_string_equal(row->worker_id, "default/7#3");
	assert_int_equal(row->pid, 4711);
	assert_string_equal(row->python, "3.11.2");
	assert_string_equal(row->adapter, "pkg.Adapter");
	assert_string_equal(row->last_exit_reason, "signal");
	assert_int_equal(row->last_exit_status, 137);
	assert_string_equal(row->last_error, "ImportError: no module");
}

static struct snp_row_life life_now(struct fixture *f, uint64_t pid, const char *python)
{
	uint64_t proc[SNP_LATCH_WORDS] = {
	    [SNP_PROC_INCARNATION] = 1, [SNP_PROC_PID] = pid};
	struct snp_row_life life;

	memcpy(&proc[SNP_PROC_PYTHON], python, strlen(python));
	snp_latch_publish(&snp_worker_row(f->w, f->worker)->proc, proc,
			  SNP_LATCH_WORDS);
	take(f);
	assert_true(snp_snapshot_row_life(f->snap, SNP_ROW_WORKER, f->worker, &life));
	assert_int_equal(life.uid,
			 snp_snapshot_row(f->snap, SNP_ROW_WORKER, f->worker)->uid);
	return life;
}

static void life_of_a_row_is_another_with_another_process(void **state)
{
	struct fixture *f = *state;
	const struct snp_row_life before = life_now(f, 0, ""),
				  young = life_now(f, 1, ""),
				  known = life_now(f, 1, "3.11.2"),
				  same = life_now(f, 1, "3.11.2"),
				  other = life_now(f, 2, "3.11.2");
	struct snp_row_life retired, absent;

	assert_int_equal(before.process, 0);
	assert_int_not_equal(young.process, 0);
	assert_int_not_equal(young.process, known.process);
	assert_int_equal(known.process, same.process);
	assert_int_not_equal(known.process, other.process);
	assert_false(other.tombstone);
	snp_row_retire(f->w, SNP_ROW_WORKER, f->worker, SNP_RETIRE_REASON_REMOVED);
	take(f);
	assert_true(
	    snp_snapshot_row_life(f->snap, SNP_ROW_WORKER, f->worker, &retired));
	assert_true(retired.tombstone);
	assert_int_equal(retired.uid, before.uid);
	assert_false(snp_snapshot_row_life(f->snap, SNP_ROW_WORKER, 3, &absent));
	assert_false(snp_snapshot_row_life(f->snap, SNP_ROW_KINDS, 0, &absent));
}

/* Returns how many histograms had words. */
static unsigned assert_spans(const struct fixture *f)
{
	struct snp_series_iter it;
	struct snp_series series;
	struct snp_hist_span span;
	unsigned used = 0;

	snp_series_iter_init(&it, f->snap, NULL);
	while (snp_series_next(&it, &series)) {
		if (!series.hist)
			continue;
		span = snp_series_span(f->snap, &series);
		assert_in_range(span.end, span.first, series.metric->nbuckets + 2);
		used += span.first < span.end;
		for (uint32_t i = 0; i < series.metric->nbuckets + 2; i++)
			if (i < span.first || i >= span.end)
				assert_int_equal(series.hist[i], 0);
	}
	return used;
}

/* One observation after the other, so that the used part starts anywhere and grows: of
 * every histogram, as the bits of some are in two words. */
static void words_of_a_histogram_outside_its_span_are_zero(void **state)
{
	struct fixture *f = *state;
	struct snp_fmt_hist *hists[7];
	const unsigned hists_nr = sizeof(hists) / sizeof(hists[0]);
	struct snp_bank bank;

	assert_int_equal(snp_bank_adopt(f->w, &bank), 0);
	hists[0] = bank.tools[f->tool].duration;
	hists[1] = bank.pools[f->pool].heartbeat_latency;
	hists[2] = bank.pools[f->pool].queue_wait;
	hists[3] = bank.pools[f->pool].startup;
	hists[4] = bank.pools[f->pool].lifetime;
	hists[5] = bank.pools[f->pool].gil_wait;
	hists[6] = bank.pools[f->pool].loop_lag;
	take(f);
	assert_int_equal(assert_spans(f), 0);
	for (unsigned start = 0; start < 43 * hists_nr; start++) {
		struct snp_fmt_hist *hist = hists[start % hists_nr];

		for (unsigned shift = start / hists_nr; shift < 43; shift += 11) {
			snp_hist_record(hist, UINT64_C(1) << shift);
			take(f);
			assert_int_equal(assert_spans(f), 1);
		}
		memset(hist, 0, sizeof(*hist));
	}
	take(f);
	assert_int_equal(assert_spans(f), 0);
}

static void text_longer_than_its_record_is_cut_between_characters(void **state)
{
	struct fixture *f = *state;
	char text[2 * SNP_TEXT_BYTES + 1] = "";

	for (int i = 0; i < SNP_TEXT_BYTES; i++)
		memcpy(text + 2 * i, "\xc3\xa9", 3);
	snp_worker_text_set(f->w, f->worker, text);
	take(f);
	assert_int_equal(
	    strlen(snp_snapshot_row(f->snap, SNP_ROW_WORKER, f->worker)->last_error),
	    (SNP_TEXT_BYTES - 1) / 2 * 2);
}

static void workers_are_counted_by_state_and_calls_in_flight(void **state)
{
	struct fixture *f = *state;
	struct snp_worker_row *row = snp_worker_row(f->w, f->worker);
	static const struct {
		uint64_t state, active;
		unsigned status;
	} cases[] = {
	    {SNP_WORKER_STATE_EMPTY, 0, SNP_WORKER_STATUS_DOWN},
	    {SNP_WORKER_STATE_STARTING, 0, SNP_WORKER_STATUS_STARTING},
	    {SNP_WORKER_STATE_READY, 0, SNP_WORKER_STATUS_IDLE},
	    {SNP_WORKER_STATE_READY, 1, SNP_WORKER_STATUS_BUSY},
	    {SNP_WORKER_STATE_DRAINING, 1, SNP_WORKER_STATUS_DRAINING},
	    {SNP_WORKER_STATE_BACKOFF, 0, SNP_WORKER_STATUS_DOWN},
	    {99, 0, SNP_WORKER_STATUS_DOWN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snp_set(row->sup.state, cases[i].state);
		snp_set(row->hot.worker_active, cases[i].active);
		take(f);
		assert_int_equal(snp_snapshot_worker_status(f->snap, f->worker),
				 cases[i].status);
		for (uint32_t s = 0; s < SNP_WORKER_STATUS_NR; s++)
			assert_int_equal(
			    snp_snapshot_value(f->snap, metric(f, "snakepit.workers"),
					       f->pool, s),
			    s == cases[i].status);
	}
}

static void row_declare_beyond_the_limit_fails_and_is_counted(void **state)
{
	struct fixture *f = *state;
	struct snp_row_decl decl = {
	    .kind = SNP_ROW_TOOL, .pool = f->pool, .name = "more"};
	struct snp_err err = {0};
	uint32_t index;

	assert_int_equal(snp_row_declare(f->w, &decl, &index, &err), 0);
	assert_int_equal(snp_row_declare(f->w, &decl, &index, &err), 0);
	assert_int_equal(snp_row_declare(f->w, &decl, &index, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "more"));
	take(f);
	assert_int_equal(snp_snapshot_stats(f->snap)->rows_dropped, 1);
	assert_int_equal(snp_snapshot_rows_nr(f->snap, SNP_ROW_TOOL), 3);
}

static void events_come_back_in_order_and_losses_are_counted(void **state)
{
	struct fixture *f = *state;
	struct snp_ring_cursor cursor = {{0}, 0};
	struct snp_event events[16];
	struct snp_bank bank;

	assert_int_equal(snp_bank_adopt(f->w, &bank), 0);
	for (unsigned i = 0; i < 11; i++)
		snp_event_record(&bank,
				 &(struct snp_event_fields){
				     .kind = SNP_EVENT_KIND_WORKER_MOVED,
				     .initiator = SNP_INITIATOR_KERNEL,
				     .from = SNP_WORKER_STATE_READY,
				     .to = SNP_WORKER_STATE_EXITED,
				     .reason = SNP_MOVE_REASON_SIGNAL,
				     .slot = i,
				     .pid = 100 + i,
				     .value = {i, 2 * i},
				 },
				 (snp_mono_t){1000 + i});
	assert_int_equal(snp_segment_events(f->seg, &cursor, events, 16), 8);
	assert_int_equal(cursor.lost, 3);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(events[i].slot, i + 3);
		assert_int_equal(events[i].mono.ns, 1003 + i);
		assert_int_equal(events[i].to, SNP_WORKER_STATE_EXITED);
		assert_int_equal(events[i].initiator, SNP_INITIATOR_KERNEL);
		assert_int_equal(events[i].reason, SNP_MOVE_REASON_SIGNAL);
		assert_int_equal(events[i].value[1], 2 * (i + 3));
	}
	assert_int_equal(snp_segment_events(f->seg, &cursor, events, 16), 0);
	snp_bank_release(f->w, &bank);
}

static void clock_pair_turns_monotonic_into_wall_time(void **state)
{
	struct fixture *f = *state;
	snp_wall_t wall = snp_wall_now();
	snp_mono_t mono = snp_mono_now();
	uint64_t got;

	snp_writer_heartbeat(f->w, 0, 0);
	take(f);
	got = snp_snapshot_wall(f->snap, mono).ns;
	/* The two reads above are a moment apart; a second is far more than that. */
	assert_true(got > wall.ns - SNP_NS_PER_S && got < wall.ns + SNP_NS_PER_S);
	assert_int_equal(snp_snapshot_wall(f->snap, (snp_mono_t){0}).ns, 0);
}

/* ---- a writer and a reader at the same time ------------------------------ */

struct race {
	struct fixture *f;
	struct snp_bank bank;
	atomic_bool stop;
};

static void *write_ledgers(void *arg)
{
	struct race *r = arg;
	struct snp_fmt_latch *latch = &snp_pool_row(r->f->w, r->f->pool)->ledger;
	uint64_t words[sizeof(struct snp_pool_ledger) / 8] = {0};

	for (uint64_t n = 1; !atomic_load(&r->stop); n++) {
		words[0] = 3 * n; /* requests = ok + error + active + queued */
		words[1] = words[2] = n;
		words[3] = n - n / 2;
		words[4] = n / 2;
		snp_latch_publish(latch, words, sizeof(words) / 8);
		snp_hist_record(&r->bank.tools[r->f->tool].duration[0], n % 5000000);
	}
	return NULL;
}

#define HEADS_WORD(id) (offsetof(struct snp_pool_heads, id) / sizeof(uint64_t))

/* The row's other latch, by the other thread that writes to it. */
static void *write_heads(void *arg)
{
	struct race *r = arg;
	struct snp_fmt_latch *latch = snp_pool_heads(r->f->w, r->f->pool);
	uint64_t words[sizeof(struct snp_pool_heads) / 8] = {0};

	for (uint64_t n = 1; !atomic_load(&r->stop); n++) {
		words[HEADS_WORD(starts) + n % SNP_START_REASON_NR]++;
		if (words[HEADS_WORD(processes)] < n % 8)
			words[HEADS_WORD(processes)]++;
		else
			words[HEADS_WORD(exits) + n % SNP_EXIT_REASON_NR]++;
		snp_latch_publish(latch, words, sizeof(words) / 8);
	}
	return NULL;
}

/* Over all cells of the pool's metric. */
static uint64_t sum_of(struct fixture *f, const char *name)
{
	const struct snp_metric *m = metric(f, name);
	uint64_t sum = 0;

	for (uint32_t cell = 0; cell < m->cells; cell++)
		sum += snp_snapshot_value(f->snap, m, f->pool, cell);
	return sum;
}

static void snapshots_beside_a_busy_writer_are_whole(void **state)
{
	struct fixture *f = *state;
	struct race race = {.f = f};
	pthread_t thread, supervisor;
	uint64_t last = 0;

	assert_int_equal(snp_bank_adopt(f->w, &race.bank), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_ledgers, &race), 0);
	assert_int_equal(pthread_create(&supervisor, NULL, write_heads, &race), 0);
	for (int whole = 0; whole < 2000;) {
		const struct snp_metric *duration;
		uint64_t requests, sum;

		take(f);
		/* These writers never pause, so a row may not settle in all its tries:
		 * then it is left out, and said to be. */
		if (snp_snapshot_stats(f->snap)->rows_skipped > 0)
			continue;
		whole++;
		requests = snp_snapshot_value(
		    f->snap, metric(f, "snakepit.pool.requests"), f->pool, 0);
		sum = snp_snapshot_value(f->snap,
					 metric(f, "snakepit.pool.request.outcomes"),
					 f->pool, 0) +
		      snp_snapshot_value(f->snap,
					 metric(f, "snakepit.pool.request.outcomes"),
					 f->pool, 1) +
		      snp_snapshot_value(f->snap, metric(f, "snakepit.request.active"),
					 f->pool, 0) +
		      snp_snapshot_value(
			  f->snap, metric(f, "snakepit.pool.queue.depth"), f->pool, 0);
		assert_int_equal(requests, sum);
		assert_true(requests >= last);
		last = requests;
		assert_int_equal(sum_of(f, "snakepit.worker.starts"),
				 sum_of(f, "snakepit.worker.exits") +
				     sum_of(f, "snakepit.worker.processes"));
		/* The sum never runs ahead of the buckets: mean <= largest value. */
		duration = metric(f, "snakepit.request.duration");
		const uint64_t *h = snp_snapshot_hist(f->snap, duration, f->tool, 0);
		assert_true(h[duration->nbuckets + 2] <=
			    snp_hist_count(duration, h) * UINT64_C(5000000));
	}
	atomic_store(&race.stop, true);
	pthread_join(thread, NULL);
	pthread_join(supervisor, NULL);
	snp_bank_release(f->w, &race.bank);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(attach_published_segment_tells_who_wrote_it),
	    T(bank_counters_from_two_banks_add_up),
	    T(bank_adopted_again_keeps_its_totals),
	    T(bank_adopt_beyond_the_limit_fails_and_is_counted),
	    T(series_of_a_tool_metric_carry_pool_method_and_code),
	    T(every_metric_has_names_help_and_a_series_or_no_row),
	    T(ledger_words_reach_the_reader_in_table_order),
	    T(process_record_names_the_worker),
	    T(life_of_a_row_is_another_with_another_process),
	    T(words_of_a_histogram_outside_its_span_are_zero),
	    T(text_longer_than_its_record_is_cut_between_characters),
	    T(workers_are_counted_by_state_and_calls_in_flight),
	    T(row_declare_beyond_the_limit_fails_and_is_counted),
	    T(events_come_back_in_order_and_losses_are_counted),
	    T(clock_pair_turns_monotonic_into_wall_time),
	    T(snapshots_beside_a_busy_writer_are_whole),
	};

	return cmocka_run_group_tests_name("shm/segment", tests, NULL, NULL);
}
