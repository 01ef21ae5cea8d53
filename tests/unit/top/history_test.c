/* SPDX-License-Identifier: Apache-2.0 */
/* The last minutes: what the samples said is what there is, at its place, and nothing
 * where there was no sample. */
#include "snp_test.h"

#include <math.h>
#include <string.h>

#include "history.h"
#include "rewind.h"
#include "snakepit/write.h"

/* ---- a writer whose samples are taken when the test says ------------------ */

struct world {
	char dir[64];
	struct snp_writer *writer;
	struct snp_bank bank;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct top_history *history;
	uint32_t pool, tool, worker;
	uint64_t begin_ms; /* of the time that the tests count, a while ago */
};

static void begin_run(struct world *world, const char *pool)
{
	struct snp_writer_options options = {.instance = "run",
					     .dir = world->dir,
					     .pools_max = 2,
					     .workers_max = 1,
					     .tools_max = 1,
					     .banks_max = 1,
					     .events_per_ring = 8,
					     .spans_per_ring = 8};
	struct snp_row_decl decl = {.kind = SNP_ROW_POOL, .name = pool};
	struct snp_err err = {0};

	if (snp_writer_create(&options, &world->writer, &err) < 0)
		fail_msg("create: %s", err.msg);
	assert_int_equal(0, snp_bank_adopt(world->writer, &world->bank));
	assert_int_equal(0, snp_row_declare(world->writer, &decl, &world->pool, NULL));
	decl = (struct snp_row_decl){
	    .kind = SNP_ROW_TOOL, .pool = world->pool, .name = "t"};
	assert_int_equal(0, snp_row_declare(world->writer, &decl, &world->tool, NULL));
	decl = (struct snp_row_decl){
	    .kind = SNP_ROW_WORKER, .pool = world->pool, .slot = 3};
	assert_int_equal(0,
			 snp_row_declare(world->writer, &decl, &world->worker, NULL));
	snp_writer_heartbeat(world->writer, 0, 1);
	assert_int_equal(0, snp_writer_publish(world->writer, &err));
	if (snp_segment_attach(snp_writer_path(world->writer), &world->seg, &err) < 0)
		fail_msg("attach: %s", err.msg);
}

static void end_run(struct world *world)
{
	snp_snapshot_destroy(&world->snap);
	snp_segment_detach(&world->seg);
	snp_writer_abandon(&world->writer);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	snp_test_tmpdir_make(world->dir, sizeof(world->dir));
	world->history = top_history_create();
	assert_non_null(world->history);
	begin_run(world, "p");
	/* On a full second and a full step, and long enough ago. */
	world->begin_ms = snp_mono_now().ns / SNP_NS_PER_MS / 5000 * 5000;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	end_run(world);
	top_history_destroy(&world->history);
	snp_test_tmpdir_remove(world->dir);
	free(world);
	return 0;
}

static void count(struct world *world, uint64_t requests, uint64_t queue)
{
	uint64_t words[sizeof(struct snp_pool_ledger) / sizeof(uint64_t)] = {0};

	words[offsetof(struct snp_pool_ledger, pool_requests) / sizeof(uint64_t)] =
	    requests;
	words[offsetof(struct snp_pool_ledger, queue_depth) / sizeof(uint64_t)] = queue;
	snp_latch_publish(&snp_pool_row(world->writer, world->pool)->ledger, words,
			  sizeof(words) / sizeof(*words));
}

static void sample(struct world *world, uint64_t ms)
{
	snp_writer_snap(world->writer);
	snp_writer_sample(world->writer,
			  (snp_mono_t){(world->begin_ms + ms) * SNP_NS_PER_MS});
}

static void read_run(struct world *world, uint32_t run)
{
	assert_int_equal(0, snp_segment_snapshot(world->seg, &world->snap, NULL));
	assert_int_equal(
	    0, top_history_read(world->history, world->seg, world->snap, run));
}

static const struct top_pool_point *pool_at(const struct world *world, uint64_t second)
{
	return top_history_pool(world->history, world->pool,
				world->begin_ms / 1000 + second);
}

/* ---- cases --------------------------------------------------------------- */

static void samples_become_points_of_their_seconds(void **state)
{
	struct world *world = *state;

	for (uint64_t s = 0; s < 4; s++) {
		count(world, 100 * s * s, s);
		sample(world, s * 1000 + 40);
	}
	snp_hist_record(world->bank.tools[world->tool].duration, 1000000);
	sample(world, 4040);
	read_run(world, 1);
	assert_true(isnan(pool_at(world, 0)->req_s));
	assert_true(pool_at(world, 1)->req_s == 100);
	assert_true(pool_at(world, 2)->req_s == 300);
	assert_int_equal(2, pool_at(world, 2)->queue_depth);
	assert_int_equal(900, pool_at(world, 3)->requests);
	assert_int_equal(0, pool_at(world, 3)->octave[11]);
	assert_int_equal(1, pool_at(world, 4)->octave[11]);
	assert_null(pool_at(world, 5));
	assert_int_equal(world->begin_ms / 1000 + 4,
			 top_history_second(world->history));
	assert_false(pool_at(world, 0)->gap);
}

static void what_comes_later_is_added_once(void **state)
{
	struct world *world = *state;

	count(world, 100, 0);
	sample(world, 0);
	read_run(world, 1);
	read_run(world, 1);
	snp_hist_record(world->bank.tools[world->tool].duration, 1000000);
	count(world, 150, 0);
	sample(world, 1000);
	read_run(world, 1);
	read_run(world, 1);
	assert_true(pool_at(world, 1)->req_s == 50);
	assert_int_equal(1, pool_at(world, 1)->octave[11]);
	assert_null(pool_at(world, 2));
}

/* On either side of a full second. */
static void samples_that_shiver_stand_side_by_side(void **state)
{
	static const uint64_t at_ms[] = {950, 2020, 2960, 3990, 5030};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(at_ms) / sizeof(*at_ms); i++) {
		count(world, i, i + 1);
		sample(world, at_ms[i]);
		read_run(world, 1);
	}
	for (uint64_t s = 0; s < 5; s++)
		assert_int_equal(s + 1, pool_at(world, s)->queue_depth);
}

static void silence_is_no_point(void **state)
{
	struct world *world = *state;

	count(world, 0, 0);
	sample(world, 0);
	count(world, 80, 0);
	sample(world, 8000);
	read_run(world, 1);
	for (uint64_t s = 1; s < 8; s++)
		assert_null(pool_at(world, s));
	assert_true(pool_at(world, 8)->req_s == 10);
}

static void another_run_goes_on_with_a_gap_and_without_a_spike(void **state)
{
	struct world *world = *state;

	count(world, 5, 0);
	sample(world, 0);
	sample(world, 1000);
	read_run(world, 1);
	end_run(world);
	begin_run(world, "p");
	count(world, 1000000, 0);
	sample(world, 3000);
	count(world, 1000007, 0);
	sample(world, 4000);
	read_run(world, 2);
	assert_true(pool_at(world, 1)->req_s == 0);
	assert_true(pool_at(world, 3)->gap);
	assert_true(isnan(pool_at(world, 3)->req_s));
	assert_false(pool_at(world, 4)->gap);
	assert_true(pool_at(world, 4)->req_s == 7);
}

static void another_pool_in_the_row_has_no_past(void **state)
{
	struct world *world = *state;

	count(world, 5, 0);
	sample(world, 0);
	read_run(world, 1);
	end_run(world);
	begin_run(world, "q");
	sample(world, 2000);
	read_run(world, 2);
	assert_null(pool_at(world, 0));
	assert_non_null(pool_at(world, 2));
}

static void all_pools_are_the_sum_of_those_that_are_known(void **state)
{
	struct world *world = *state;
	struct top_history_who who = {.row = 40, .pool = "other"};
	struct top_pool_point point = {.queue_depth = 5, .req_s = 2, .err_s = NAN};
	const struct top_pool_point *all;
	uint64_t second = world->begin_ms / 1000 + 1;

	for (uint64_t s = 0; s < 3; s++) {
		count(world, 100 * s, 1);
		sample(world, s * 1000);
	}
	read_run(world, 1);
	point.octave[3] = 7;
	assert_int_equal(0, top_history_put_pool(world->history, &who, second, &point));
	all = top_history_pool(world->history, TOP_HISTORY_ALL, second);
	assert_int_equal(6, all->queue_depth);
	assert_int_equal(7, all->octave[3]);
	assert_true(all->req_s == 102);
	assert_true(all->err_s == 0);
	all = top_history_pool(world->history, TOP_HISTORY_ALL, second + 1);
	assert_true(all->req_s == 100);
	assert_null(top_history_pool(world->history, TOP_HISTORY_ALL, second + 9));
}

static void worker_has_a_point_each_step(void **state)
{
	struct world *world = *state;
	struct snp_worker_row *row = snp_worker_row(world->writer, world->worker);
	uint64_t step = world->begin_ms / 5000;
	const struct top_worker_point *point;

	snp_set(&row->sup.state[0], SNP_WORKER_STATE_READY);
	for (uint64_t s = 0; s <= 5; s++) {
		snp_set(&row->hot.worker_requests[0], s * 10);
		snp_set(&row->hot.worker_busy[0], s * SNP_NS_PER_S / 4);
		sample(world, s * 1000);
	}
	read_run(world, 1);
	assert_non_null(top_history_worker(world->history, world->worker, step));
	point = top_history_worker(world->history, world->worker, step + 1);
	assert_non_null(point);
	assert_true(point->req_s == 10);
	assert_true(point->busy_percent == 25);
	assert_int_equal(SNP_WORKER_STATE_READY, point->state);
	assert_null(top_history_worker(world->history, world->worker, step + 2));
	assert_null(top_history_worker(world->history, 77, step));
}

static void count_points(size_t *nr, uint64_t place, uint64_t from)
{
	assert_true(place >= from);
	(*nr)++;
}

struct visit {
	size_t pools, workers;
	uint64_t second, step;
};

static int visit_pool(void *user, const struct top_history_who *who, uint64_t second,
		      const struct top_pool_point *point)
{
	struct visit *v = user;

	assert_string_equal("p", who->pool);
	assert_non_null(point);
	count_points(&v->pools, second, v->second);
	return 0;
}

static int visit_worker(void *user, const struct top_history_who *who, uint64_t step,
			const struct top_worker_point *point)
{
	struct visit *v = user;

	assert_int_equal(3, who->slot);
	assert_non_null(point);
	count_points(&v->workers, step, v->step);
	return 0;
}

static void visit_has_each_point_from_there_on(void **state)
{
	struct world *world = *state;
	struct visit v = {0};
	const struct top_history_visitor visitor = {visit_pool, visit_worker, &v};

	for (uint64_t s = 0; s < 12; s++)
		sample(world, s * 1000);
	read_run(world, 1);
	assert_int_equal(0, top_history_visit(world->history, 0, 0, &visitor));
	assert_int_equal(12, v.pools);
	assert_int_equal(3, v.workers);
	v = (struct visit){.second = world->begin_ms / 1000 + 9,
			   .step = world->begin_ms / 5000 + 2};
	assert_int_equal(0,
			 top_history_visit(world->history, v.second, v.step, &visitor));
	assert_int_equal(3, v.pools);
	assert_int_equal(1, v.workers);
}

/* ---- moments that have passed -------------------------------------------- */

static void make_frame(struct world *world, struct top_frame *frame)
{
	assert_int_equal(0, snp_look_read(&frame->look, world->snap, NULL, NULL));
	frame->history = world->history;
	frame->second = top_history_second(world->history);
	frame->step = top_history_step(world->history);
	frame->wall.ns = UINT64_C(1795280601) * SNP_NS_PER_S;
}

static void rewound_frame_has_what_was_sampled_and_nothing_else(void **state)
{
	struct world *world = *state;
	struct top_frame *frame = calloc(2, sizeof(*frame)), *past = frame + 1;
	const struct snp_pool_stat *p;

	assert_non_null(frame);
	snp_set(&snp_worker_row(world->writer, world->worker)->sup.state[0],
		SNP_WORKER_STATE_READY);
	for (uint64_t s = 0; s < 5; s++) {
		count(world, 100 * s, s);
		sample(world, s * 1000);
	}
	read_run(world, 1);
	make_frame(world, frame);
	assert_int_equal(0, top_rewind(past, frame, 2, 0));
	p = &past->look.pools[0];
	assert_string_equal("p", p->name);
	assert_int_equal(2, p->queue_depth);
	assert_int_equal(200, p->requests);
	assert_true(p->req_s == 100);
	assert_true(past->look.total.req_s == 100);
	assert_true(p->sessions == SNP_UNKNOWN);
	assert_true(isnan(p->cpu_percent));
	assert_int_equal(1, past->look.workers_nr);
	assert_true(past->look.workers[0].errors == SNP_UNKNOWN);
	assert_false(snp_worker_unhealthy(&past->look.workers[0]));
	assert_int_equal(2 * SNP_NS_PER_S, past->rewound_ns);
	assert_int_equal(frame->wall.ns - 2 * SNP_NS_PER_S, past->wall.ns);
	assert_true(top_frame_value(past, 0, TOP_SERIES_QUEUE, 0) == 2);
	assert_true(isnan(top_frame_value(past, 0, TOP_SERIES_QUEUE, 3)));
	top_frame_fini(frame);
	top_frame_fini(past);
	free(frame);
}

static void rewind_ends_where_the_samples_do(void **state)
{
	struct world *world = *state;
	struct top_frame *frame = calloc(2, sizeof(*frame)), *past = frame + 1;

	assert_non_null(frame);
	for (uint64_t s = 0; s < 5; s++)
		sample(world, s * 1000);
	read_run(world, 1);
	make_frame(world, frame);
	assert_int_equal(0, top_rewind(past, frame, 500, 0));
	assert_int_equal(4 * SNP_NS_PER_S, past->rewound_ns);
	top_frame_fini(frame);
	top_frame_fini(past);
	free(frame);
}

static void rewind_goes_over_what_has_no_samples(void **state)
{
	struct world *world = *state;
	struct top_frame *frame = calloc(2, sizeof(*frame)), *past = frame + 1;

	assert_non_null(frame);
	for (uint64_t s = 0; s < 11; s++)
		if (s < 5 || s > 7)
			sample(world, s * 1000);
	read_run(world, 1);
	make_frame(world, frame);
	assert_int_equal(0, top_rewind(past, frame, 3, 2));
	assert_int_equal(6 * SNP_NS_PER_S, past->rewound_ns);
	assert_int_equal(0, top_rewind(past, frame, 5, 6));
	assert_int_equal(2 * SNP_NS_PER_S, past->rewound_ns);
	top_frame_fini(frame);
	top_frame_fini(past);
	free(frame);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(samples_become_points_of_their_seconds),
	    T(what_comes_later_is_added_once),
	    T(samples_that_shiver_stand_side_by_side),
	    T(silence_is_no_point),
	    T(another_run_goes_on_with_a_gap_and_without_a_spike),
	    T(another_pool_in_the_row_has_no_past),
	    T(all_pools_are_the_sum_of_those_that_are_known),
	    T(worker_has_a_point_each_step),
	    T(visit_has_each_point_from_there_on),
	    T(rewound_frame_has_what_was_sampled_and_nothing_else),
	    T(rewind_ends_where_the_samples_do),
	    T(rewind_goes_over_what_has_no_samples),
	};

	return cmocka_run_group_tests_name("top/history", tests, NULL, NULL);
}
