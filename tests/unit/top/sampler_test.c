/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <errno.h>
#include <sys/resource.h>

#include "batch.h"
#include "sampler.h"

/* ---- fixture: a runtime that can die and come back ----------------------- */

struct fixture {
	char dir[64], path[256];
	struct snp_writer *writer;
	struct snp_bank bank;
	struct top_sampler *sampler;
	struct top_frame *frame;
	uint32_t pools, workers; /* workers per pool */
};

static void start(struct fixture *f)
{
	struct snp_writer_options options = {.dir = f->dir,
					     .instance = "run",
					     .pools_max = f->pools + 1,
					     .workers_max = f->pools * f->workers,
					     .tools_max = f->pools,
					     .banks_max = 1,
					     .events_per_ring = 64,
					     .inflight_per_worker = 3,
					     .adapter_metrics_max = 1,
					     .stale_after_ms = 1};
	struct snp_err err = {0};
	uint32_t pool, index;

	if (snp_writer_create(&options, &f->writer, &err) < 0)
		fail_msg("create: %s", err.msg);
	assert_int_equal(0, snp_bank_adopt(f->writer, &f->bank));
	for (uint32_t i = 0; i < f->pools; i++) {
		char name[16];
		struct snp_row_decl decl = {.kind = SNP_ROW_POOL, .name = name};

		(void)snprintf(name, sizeof(name), "pool%u", i);
		assert_int_equal(0, snp_row_declare(f->writer, &decl, &pool, &err));
		decl = (struct snp_row_decl){
		    .kind = SNP_ROW_TOOL, .pool = pool, .name = "t"};
		assert_int_equal(0, snp_row_declare(f->writer, &decl, &index, &err));
		for (uint32_t w = 0; w < f->workers; w++) {
			decl = (struct snp_row_decl){
			    .kind = SNP_ROW_WORKER, .pool = pool, .slot = w};
			assert_int_equal(
			    0, snp_row_declare(f->writer, &decl, &index, &err));
		}
	}
	snp_writer_heartbeat(f->writer, 0, 1);
	assert_int_equal(0, snp_writer_publish(f->writer, &err));
}

static struct fixture *after_snapshot; /* whose runtime gets a pool then, once */

int __real_snp_segment_snapshot(struct snp_segment *seg, struct snp_snapshot **snap,
				struct snp_err *err);
int __wrap_snp_segment_snapshot(struct snp_segment *seg, struct snp_snapshot **snap,
				struct snp_err *err);
int __wrap_snp_segment_snapshot(struct snp_segment *seg, struct snp_snapshot **snap,
				struct snp_err *err)
{
	int rc = __real_snp_segment_snapshot(seg, snap, err);
	const struct snp_row_decl decl = {.kind = SNP_ROW_POOL, .name = "late"};
	struct snp_event_fields event = {.kind = SNP_EVENT_KIND_WORKER_MOVED};

	if (!after_snapshot)
		return rc;
	assert_int_equal(
	    0, snp_row_declare(after_snapshot->writer, &decl, &event.pool, NULL));
	snp_event_record(&after_snapshot->bank, &event, snp_mono_now());
	after_snapshot = NULL;
	return rc;
}

static void count(struct fixture *f, uint64_t requests)
{
	uint64_t words[sizeof(struct snp_pool_ledger) / sizeof(uint64_t)] = {requests};

	snp_latch_publish(&snp_pool_row(f->writer, 0)->ledger, words,
			  sizeof(words) / sizeof(*words));
}

static int open_sized(void **state, uint32_t pools, uint32_t workers)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->pools = pools;
	f->workers = workers;
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/run.seg", f->dir);
	f->frame = calloc(1, sizeof(*f->frame));
	assert_non_null(f->frame);
	assert_int_equal(0, top_sampler_create(f->path, &f->sampler));
	*state = f;
	return 0;
}

static int open_small(void **state)
{
	return open_sized(state, 1, 1);
}

static int open_large(void **state)
{
	return open_sized(state, 4, 64);
}

static int close_fixture(void **state)
{
	struct fixture *f = *state;

	top_sampler_destroy(&f->sampler);
	top_frame_fini(f->frame);
	free(f->frame);
	if (f->writer)
		snp_writer_abandon(&f->writer);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

static void tick(struct fixture *f)
{
	assert_int_equal(0, top_sampler_tick(f->sampler, f->frame));
}

/* ---- cases --------------------------------------------------------------- */

static void tick_without_segment_says_why(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(-ENOENT, top_sampler_tick(f->sampler, f->frame));
	assert_int_equal(TOP_WAITING, f->frame->verdict);
	assert_int_equal(0, f->frame->generation);
	assert_true(f->frame->problem[0] != '\0');
}

static void second_tick_has_rates(void **state)
{
	struct fixture *f = *state;

	start(f);
	count(f, 1000000);
	tick(f);
	assert_int_equal(TOP_LIVE, f->frame->verdict);
	assert_true(isnan(f->frame->look.total.req_s));
	count(f, 1000001);
	tick(f);
	assert_true(f->frame->look.total.req_s > 0);
	assert_string_equal("run", f->frame->instance);
	assert_int_equal(getpid(), f->frame->pid);
}

/* The runtime's own samples, the last of them now. */
static void sample_each_second(struct fixture *f, uint64_t requests_s, unsigned seconds)
{
	snp_mono_t now = snp_mono_now();

	for (unsigned i = 0; i <= seconds; i++) {
		count(f, requests_s * i);
		if (i > 0)
			snp_hist_record(f->bank.tools[0].duration, 40000000);
		snp_writer_snap(f->writer);
		snp_writer_sample(f->writer,
				  (snp_mono_t){now.ns - (seconds - i) * SNP_NS_PER_S});
	}
	snp_writer_heartbeat(f->writer, 0, 1);
}

static void first_tick_has_rates_and_quantiles_of_the_samples(void **state)
{
	struct fixture *f = *state;
	const struct snp_pool_stat *total = &f->frame->look.total;

	start(f);
	sample_each_second(f, 30, 3);
	tick(f);
	assert_true(total->req_s == 30);
	assert_true(f->frame->look.pools[0].req_s == 30);
	assert_in_range(total->p99_ns, 38000000, 42000000);
	assert_int_equal(SNP_NS_PER_S, f->frame->look.interval_ns);
	assert_int_equal(60, top_frame_pool_at(f->frame, 0, 1)->requests);
}

static void samples_of_long_ago_make_no_rates(void **state)
{
	struct fixture *f = *state;
	snp_mono_t now = snp_mono_now();

	start(f);
	for (unsigned i = 0; i < 3; i++) {
		snp_writer_snap(f->writer);
		snp_writer_sample(f->writer,
				  (snp_mono_t){now.ns - (9 - i) * SNP_NS_PER_S});
	}
	tick(f);
	assert_true(isnan(f->frame->look.total.req_s));
	assert_int_equal(0, f->frame->look.interval_ns);
}

static void requests_in_flight_come_oldest_first(void **state)
{
	struct fixture *f = *state;
	struct snp_inflight_fields fields = {.tool = 0};
	uint64_t now_ns;

	start(f);
	now_ns = snp_mono_now().ns;
	for (uint32_t i = 0; i < 3; i++) {
		fields.received.ns = now_ns - (i == 1 ? 9 : 2 + i) * SNP_NS_PER_S;
		fields.start.ns = fields.received.ns + SNP_NS_PER_S;
		fields.deadline.ns = i == 1 ? now_ns + 60 * SNP_NS_PER_S : 0;
		snp_inflight_begin(f->writer, 0, i, &fields);
	}
	tick(f);
	assert_int_equal(3, f->frame->inflight_nr);
	assert_int_equal(3, f->frame->inflight_all);
	assert_true(f->frame->inflight[0].age_ns >= 9 * SNP_NS_PER_S);
	assert_int_equal(SNP_NS_PER_S,
			 f->frame->inflight[0].age_ns - f->frame->inflight[0].run_ns);
	assert_true(f->frame->inflight[0].left_ns <= 60 * SNP_NS_PER_S);
	assert_true(f->frame->inflight[0].left_ns > 0);
	assert_true(f->frame->inflight[1].left_ns == SNP_UNKNOWN);
	assert_string_equal("t", f->frame->inflight[0].method);
}

static void closed_runtime_keeps_its_last_frame(void **state)
{
	struct fixture *f = *state;

	start(f);
	count(f, 10);
	tick(f);
	count(f, 25);
	snp_writer_close(&f->writer);
	tick(f);
	assert_int_equal(TOP_CLOSED, f->frame->verdict);
	assert_int_equal(25, f->frame->look.total.requests);
	assert_true(f->frame->look.total.req_s > 0);
	tick(f);
	tick(f);
	assert_int_equal(25, f->frame->look.total.requests);
	assert_true(f->frame->look.total.req_s >
		    0); /* of its last moments, unchanged */
}

static void crashed_runtime_is_dead_also_after_its_file_has_gone(void **state)
{
	struct fixture *f = *state;

	start(f);
	count(f, 10);
	tick(f);
	snp_writer_abandon(&f->writer);
	tick(f);
	assert_int_equal(TOP_DEAD, f->frame->verdict);
	assert_int_equal(0, unlink(f->path));
	(void)top_sampler_tick(f->sampler, f->frame);
	assert_int_equal(TOP_DEAD, f->frame->verdict);
	assert_int_equal(10, f->frame->look.total.requests);
}

static void restarted_runtime_begins_without_rates_and_with_a_gap(void **state)
{
	struct fixture *f = *state;

	start(f);
	count(f, 5);
	tick(f);
	tick(f);
	snp_writer_abandon(&f->writer);
	tick(f);
	start(f);
	count(f, 1000000);
	tick(f);
	assert_int_equal(TOP_LIVE, f->frame->verdict);
	assert_int_equal(2, f->frame->generation);
	assert_int_equal(1000000, f->frame->look.total.requests);
	assert_true(isnan(f->frame->look.total.req_s));
	tick(f);
	assert_true(f->frame->look.total.req_s == 0);
}

static void events_arrive_once_and_in_order_of_time(void **state)
{
	struct fixture *f = *state;
	struct snp_event_fields fields = {.kind = SNP_EVENT_KIND_WORKER_MOVED,
					  .to = SNP_WORKER_STATE_READY};

	start(f);
	snp_event_record(&f->bank, &fields, snp_mono_now());
	tick(f);
	assert_int_equal(1, f->frame->events.nr);
	assert_string_equal("pool0", top_eventlog_at(&f->frame->events, 0)->pool);
	fields.to = SNP_WORKER_STATE_EXITED;
	snp_event_record(&f->bank, &fields, snp_mono_now());
	tick(f);
	tick(f);
	assert_int_equal(2, f->frame->events.nr);
	assert_int_equal(SNP_WORKER_STATE_EXITED,
			 top_eventlog_at(&f->frame->events, 0)->event.to);
}

/* As when an adapter brings a metric: the segment is attached anew, the run is not. */
static void run_goes_on_when_its_segment_has_more_metrics(void **state)
{
	struct fixture *f = *state;
	const struct snp_adapter_metric metric = {SNP_KIND_COUNTER, "tokens", "", ""};
	const struct snp_event_fields fields = {.kind = SNP_EVENT_KIND_WORKER_MOVED};
	uint32_t index;

	start(f);
	snp_event_record(&f->bank, &fields, snp_mono_now());
	tick(f);
	assert_int_equal(0, snp_adapter_metric(f->writer, &metric, &index, NULL));
	snp_event_record(&f->bank, &fields, snp_mono_now());
	tick(f);
	assert_int_equal(1, f->frame->generation);
	assert_int_equal(2, f->frame->events.nr);
	assert_int_equal(0, f->frame->events.lost);
	assert_true(f->frame->look.total.req_s == 0);
}

static void event_right_after_the_look_comes_with_its_pool_later(void **state)
{
	struct fixture *f = *state;

	start(f);
	tick(f);
	after_snapshot = f;
	tick(f);
	tick(f);
	assert_null(after_snapshot);
	assert_int_equal(1, f->frame->events.nr);
	assert_string_equal("late", top_eventlog_at(&f->frame->events, 0)->pool);
}

static void events_overwritten_unread_are_counted(void **state)
{
	struct fixture *f = *state;
	struct snp_event_fields fields = {.kind = SNP_EVENT_KIND_HEARTBEAT_MISSED};

	start(f);
	snp_event_record(&f->bank, &fields, snp_mono_now());
	tick(f);
	for (int i = 0; i < 200; i++)
		snp_event_record(&f->bank, &fields, snp_mono_now());
	tick(f);
	assert_int_equal(200, f->frame->events.lost + f->frame->events.nr - 1);
	assert_true(f->frame->events.lost >= 200 - 64);
}

static void json_is_complete_and_dead_rates_are_null(void **state)
{
	struct fixture *f = *state;
	struct snp_buf out = {0};
	struct top_rows rows = {0};
	const struct top_order order = {.sort.column = TOP_COLUMN_WORKER_worker};
	const struct top_scene scene = {.frame = f->frame, .rows = &rows};

	start(f);
	count(f, 5);
	snp_writer_abandon(&f->writer);
	tick(f);
	assert_int_equal(0, top_rows_build(&rows, &f->frame->look, &order));
	assert_int_equal(0, top_batch_json(&scene, &out));
	top_rows_fini(&rows);
	snp_buf_putc(&out, '\0');
	assert_false(out.failed);
	assert_non_null(strstr(out.data, "{\"schema\":1,\"instance\":\"run\""));
	assert_non_null(strstr(out.data, "\"verdict\":\"dead\""));
	assert_non_null(strstr(out.data, "\"req_s\":null"));
	assert_non_null(strstr(out.data, "\"requests\":5"));
	for (int id = 0; id < TOP_COLUMN_NR; id++) {
		char key[64];

		(void)snprintf(key, sizeof(key), "\"%s\":", top_columns[id].field);
		assert_non_null(strstr(out.data, key));
	}
	snp_buf_fini(&out);
}

#define COST_FRAMES 60

/* 60 frames of 256 workers on a 160x45 screen. The target is 1 ms a frame (0.1 % of a
 * core at 1 Hz); the limit leaves room for sanitizers and busy machines. */
static void frame_of_256_workers_costs_little(void **state)
{
	struct fixture *f = *state;
	struct top_rows rows = {0};
	struct top_grid grid = {0};
	struct top_viewport viewport;
	struct top_order order;
	struct top_ui ui;
	struct top_scene scene = {.frame = f->frame, .ui = &ui, .rows = &rows};
	uint64_t begin, used;

	top_ui_init(&ui);
	order = top_ui_order(&ui);
	start(f);
	tick(f);
	assert_int_equal(256, f->frame->look.workers_nr);
	begin = snp__clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < COST_FRAMES; i++) {
		tick(f);
		assert_int_equal(0, top_rows_build(&rows, &f->frame->look, &order));
		assert_int_equal(0, top_grid_reset(&grid, 45, 160));
		top_view(&scene, &grid, &viewport);
	}
	used = snp__clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin;
	print_message("%.3f ms a frame\n", (double)used / COST_FRAMES / 1e6);
	assert_true(used < COST_FRAMES * 10 * SNP_NS_PER_MS);
	top_rows_fini(&rows);
	top_grid_fini(&grid);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_small, close_fixture)
	const struct CMUnitTest tests[] = {
	    T(tick_without_segment_says_why),
	    T(second_tick_has_rates),
	    T(first_tick_has_rates_and_quantiles_of_the_samples),
	    T(samples_of_long_ago_make_no_rates),
	    T(requests_in_flight_come_oldest_first),
	    T(closed_runtime_keeps_its_last_frame),
	    T(crashed_runtime_is_dead_also_after_its_file_has_gone),
	    T(run_goes_on_when_its_segment_has_more_metrics),
	    T(restarted_runtime_begins_without_rates_and_with_a_gap),
	    T(events_arrive_once_and_in_order_of_time),
	    T(event_right_after_the_look_comes_with_its_pool_later),
	    T(events_overwritten_unread_are_counted),
	    T(json_is_complete_and_dead_rates_are_null),
	    cmocka_unit_test_setup_teardown(frame_of_256_workers_costs_little,
					    open_large, close_fixture),
	};

	return cmocka_run_group_tests_name("top/sampler", tests, NULL, NULL);
}
