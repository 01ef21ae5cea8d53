/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scene.h - a frame with a bit of everything in it, the same in every run.
 *
 * Written into a real segment and read back through the library. What a clock would
 * make different each time (intervals, ages, wall time) is then set to fixed values.
 */
#ifndef SNP_TEST_TOP_SCENE_H
#define SNP_TEST_TOP_SCENE_H

#include "snp_test.h"

#include <locale.h>
#include <math.h>
#include <string.h>

#include "frame.h"
#include "lints.h"
#include "rows.h"
#include "snakepit/read.h"
#include "snakepit/write.h"
#include "ui.h"
#include "view.h"

#define SCENE_POOLS   3
#define SCENE_WORKERS 16
#define SCENE_WALL_NS                                                                  \
	(UINT64_C(1795280601) * SNP_NS_PER_S) /* 2026-11-21 17:03:21 UTC */
#define SCENE_SEQ 918231

struct scene {
	char dir[64];
	struct snp_writer *writer;
	struct snp_bank bank;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	uint32_t pool[SCENE_POOLS], tool[SCENE_POOLS];
	uint32_t worker[SCENE_WORKERS];
	unsigned workers_nr;
	uint64_t now_ns; /* the writer's clock in this scene */
	struct top_frame frame;
	struct top_history *history;
	struct top_rows rows;
	struct top_lints lints;
	struct top_instances instances; /* of the list, borrowed */
	struct top_ui ui;
};

static inline void scene_sort(struct scene *s)
{
	const struct top_order order = top_ui_order(&s->ui);

	assert_int_equal(0, top_rows_build(&s->rows, &s->frame.look, &order));
}

/* What a key is pressed in front of, at a time that does not matter. */
static inline struct top_context scene_context(const struct scene *s)
{
	return (struct top_context){.frame = &s->frame,
				    .rows = &s->rows,
				    .lints = s->lints.lint,
				    .lints_nr = top_lints_kept(&s->lints)};
}

/* ---- writing ------------------------------------------------------------- */

struct scene_worker {
	unsigned pool, slot, state;
	pid_t pid;
	uint64_t up_s, pong_ms, missed, active, requests, errors, restarts, rss_mb;
	unsigned exit_reason, exit_status; /* EXIT_REASON plus 1, 0 = none */
};

static inline void scene_put_worker(struct scene *s, uint32_t row,
				    const struct scene_worker *w)
{
	struct snp_worker_row *cells = snp_worker_row(s->writer, row);
	uint64_t proc[SNP_PROC_PYTHON_HI + 1] = {
	    [SNP_PROC_INCARNATION] = w->restarts + 1,
	    [SNP_PROC_PID] = (uint64_t)w->pid,
	    [SNP_PROC_START_MONO_NS] = s->now_ns - 60 * SNP_NS_PER_S,
	    [SNP_PROC_LAST_EXIT_REASON] = w->exit_reason,
	    [SNP_PROC_LAST_EXIT_STATUS] = w->exit_status,
	};

	memcpy(&proc[SNP_PROC_PYTHON], "3.11.2", 6);
	snp_latch_publish(&cells->proc, proc, sizeof(proc) / sizeof(*proc));
	snp_set(&cells->sup.state[0], w->state);
	snp_set(&cells->sup.memory[0], w->rss_mb << 20);
	snp_set(&cells->sup.restarts[0], w->restarts);
	snp_set(&cells->sup.capacity[0], 8);
	snp_set(&cells->sup.cpu[0], w->requests * 1000000);
	snp_set(&cells->hot.last_pong[0], s->now_ns - w->pong_ms * SNP_NS_PER_MS);
	snp_set(&cells->hot.heartbeat_missed[0], w->missed);
	snp_set(&cells->hot.worker_active[0], w->active);
	snp_set(&cells->hot.worker_requests[0], w->requests);
	snp_set(&cells->hot.worker_errors[0], w->errors);
	snp_set(&cells->hot.worker_busy[0], w->requests * 2000000);
}

#define SCENE_LEDGER(id) (offsetof(struct snp_pool_ledger, id) / sizeof(uint64_t))

static inline void scene_put_pool(struct scene *s, unsigned pool, uint64_t requests,
				  uint64_t errors, uint64_t queue)
{
	struct snp_pool_row *row = snp_pool_row(s->writer, s->pool[pool]);
	uint64_t words[sizeof(struct snp_pool_ledger) / sizeof(uint64_t)] = {0};

	snp_set(&row->worker_limit[0], 8);
	snp_set(&row->queue_limit[0], 1000);
	words[SCENE_LEDGER(pool_requests)] = requests;
	words[SCENE_LEDGER(outcomes) + SNP_OUTCOME_OK] = requests - errors - queue;
	words[SCENE_LEDGER(outcomes) + SNP_OUTCOME_ERROR] = errors;
	words[SCENE_LEDGER(active)] = pool == 1 ? 33 : pool;
	words[SCENE_LEDGER(queue_depth)] = queue;
	words[SCENE_LEDGER(queue_peak)] = 212;
	words[SCENE_LEDGER(queue_oldest)] = queue ? s->now_ns - 212 * SNP_NS_PER_MS : 0;
	snp_latch_publish(&row->ledger, words, sizeof(words) / sizeof(*words));
}

static inline void scene_snapshot(struct scene *s)
{
	struct snp_err err = {0};

	if (snp_segment_snapshot(s->seg, &s->snap, &err) < 0)
		fail_msg("snapshot: %s", err.msg);
}

static const struct scene_worker scene_workers[] = {
    {0, 0, SNP_WORKER_STATE_READY, 11902, 273600, 300, 0, 1, 811000, 2, 0, 231, 0, 0},
    {0, 1, SNP_WORKER_STATE_READY, 11903, 273600, 100, 0, 0, 802000, 0, 0, 229, 0, 0},
    {0, 2, SNP_WORKER_STATE_READY, 11904, 7322, 400, 0, 1, 61000, 0, 1, 233, 4, 137},
    {0, 10, SNP_WORKER_STATE_BACKOFF, 0, 0, 0, 0, 0, 12345, 31, 3, 0, 5, 1},
    {1, 0, SNP_WORKER_STATE_READY, 12001, 273600, 200, 0, 7, 311000, 0, 0, 4410, 0, 0},
    {1, 1, SNP_WORKER_STATE_READY, 12003, 273600, 6200, 3, 8, 121000, 0, 0, 4412, 0, 0},
    {1, 2, SNP_WORKER_STATE_STARTING, 12977, 12, 0, 0, 0, 0, 0, 2, 96, 3, 137},
    {1, 3, SNP_WORKER_STATE_KILLING, 12008, 3600, 12400, 3, 2, 4000, 1, 0, 338, 0, 0},
    {2, 0, SNP_WORKER_STATE_DRAINING, 13001, 95, 100, 0, 1, 212, 0, 0, 64, 2, 0},
};
#define SCENE_WORKERS_NR (sizeof(scene_workers) / sizeof(*scene_workers))

static inline void scene_event(struct scene *s, unsigned kind, unsigned worker,
			       unsigned to, unsigned reason, uint64_t ago_ms)
{
	const struct scene_worker *w = &scene_workers[worker];
	struct snp_event_fields fields = {.kind = kind,
					  .from = SNP_WORKER_STATE_READY,
					  .to = to,
					  .reason = reason,
					  .pool = s->pool[w->pool],
					  .slot = w->slot,
					  .pid = (uint64_t)w->pid};

	snp_event_record(&s->bank, &fields,
			 (snp_mono_t){s->now_ns - ago_ms * SNP_NS_PER_MS});
}

static inline void scene_declare(struct scene *s)
{
	static const char *const names[SCENE_POOLS] = {"default", "ml_infer", "io"};
	struct snp_err err = {0};

	for (unsigned i = 0; i < SCENE_POOLS; i++) {
		struct snp_row_decl pool = {
		    .kind = SNP_ROW_POOL, .name = names[i], .text = "demo.Adapter"};
		struct snp_row_decl tool = {.kind = SNP_ROW_TOOL, .name = "run"};

		assert_int_equal(0,
				 snp_row_declare(s->writer, &pool, &s->pool[i], &err));
		tool.pool = s->pool[i];
		assert_int_equal(0,
				 snp_row_declare(s->writer, &tool, &s->tool[i], &err));
	}
	for (unsigned i = 0; i < SCENE_WORKERS_NR; i++) {
		struct snp_row_decl decl = {.kind = SNP_ROW_WORKER,
					    .pool = s->pool[scene_workers[i].pool],
					    .slot = scene_workers[i].slot};

		assert_int_equal(
		    0, snp_row_declare(s->writer, &decl, &s->worker[i], &err));
	}
}

/* ---- reading ------------------------------------------------------------- */

/* Two looks a second apart on paper: the rates are exact. */
static inline void scene_look(struct scene *s)
{
	struct snp_look before = {0};

	scene_put_pool(s, 0, 1000000, 400, 0);
	scene_put_pool(s, 1, 50000, 0, 0);
	scene_put_pool(s, 2, 500, 0, 0);
	for (unsigned i = 0; i < SCENE_WORKERS_NR; i++)
		scene_put_worker(s, s->worker[i], &scene_workers[i]);
	scene_snapshot(s);
	assert_int_equal(0, snp_look_read(&before, s->snap, NULL, NULL));

	scene_put_pool(s, 0, 1038100, 402, 0);
	scene_put_pool(s, 1, 52900, 0, 7);
	scene_put_pool(s, 2, 712, 0, 0);
	for (unsigned i = 0; i < SCENE_WORKERS_NR; i++) {
		struct scene_worker w = scene_workers[i];

		w.requests += w.active * 37;
		scene_put_worker(s, s->worker[i], &w);
	}
	for (unsigned i = 0; i < 1000; i++) {
		snp_hist_record(&s->bank.tools[s->tool[0]].duration[0],
				200000 + i * 1500);
		snp_hist_record(&s->bank.tools[s->tool[1]].duration[0],
				(5 + i / 12) * 1000000);
	}
	scene_snapshot(s);
	assert_int_equal(0, snp_look_read(&s->frame.look, s->snap, NULL, NULL));
	before.taken.ns = s->frame.look.taken.ns - SNP_NS_PER_S;
	assert_int_equal(0, snp_look_read(&s->frame.look, s->snap, &before, &before));
	snp_look_fini(&before);
}

/* Worker processes of three days on a machine that may have booted an hour ago. */
static inline void scene_age(struct scene *s)
{
	for (size_t i = 0; i < s->frame.look.workers_nr; i++) {
		struct snp_worker_stat *w = &s->frame.look.workers[i];

		if (w->pid > 0)
			w->uptime_ns = scene_workers[i].up_s * SNP_NS_PER_S;
	}
}

static inline void scene_events(struct scene *s)
{
	struct snp_ring_cursor cursor = {0};
	struct snp_event events[16];
	size_t n;

	scene_event(s, SNP_EVENT_KIND_RUNTIME_STARTED, 0, 0, 0, 60000);
	scene_event(s, SNP_EVENT_KIND_HEARTBEAT_MISSED, 5, 0, 0, 12000);
	scene_event(s, SNP_EVENT_KIND_WORKER_MOVED, 3, SNP_WORKER_STATE_EXITED,
		    SNP_MOVE_REASON_EXIT_CODE, 9000);
	scene_event(s, SNP_EVENT_KIND_WORKER_MOVED, 3, SNP_WORKER_STATE_BACKOFF,
		    SNP_MOVE_REASON_BACKOFF, 8500);
	scene_event(s, SNP_EVENT_KIND_WORKER_MOVED, 8, SNP_WORKER_STATE_DRAINING,
		    SNP_MOVE_REASON_NONE, 1000);
	n = snp_segment_events(s->seg, &cursor, events, 16);
	assert_int_equal(5, n);
	for (size_t i = 0; i < n; i++) {
		struct snp_told_event event;

		top_event_read(&event, &events[i], s->seg, &s->frame.look);
		event.wall.ns = SCENE_WALL_NS - (s->now_ns - events[i].mono.ns);
		assert_true(*event.pool);
		top_eventlog_add(&s->frame.events, &event);
	}
}

/* Requests that ended in one second, by how long they took: a slow minute in between,
 * and a few that take longer and longer in the end. */
static inline void scene_octaves(struct top_pool_point *point, unsigned second,
				 int middle)
{
	static const unsigned usual[] = {40, 900, 5000, 2500, 300, 20};
	unsigned load = 4 + second / 7 % 9;

	middle += second > 380 && second < 450 ? 2 : 0;
	for (int o = 0; o < 6; o++)
		point->octave[middle - 3 + o] = usual[o] * load / 12;
	if (second > 480)
		point->octave[middle + 3 + (second > 530)] = (second - 480) / 9;
}

/* Ten minutes of points, with another run of the runtime 40 s ago. The places are fixed
 * and do not come from a clock. */
#define SCENE_SECOND 1000000
static inline void scene_pool_history(struct scene *s, unsigned pool)
{
	struct top_history_who who = {.row = s->frame.look.pools[pool].row};

	(void)strcpy(who.pool, s->frame.look.pools[pool].name);
	for (unsigned i = 0; i < TOP_HISTORY_S; i++) {
		struct top_pool_point point = {
		    .at.ns = (SCENE_SECOND + i) * SNP_NS_PER_S,
		    .run = i < 560 ? 1 : 2,
		    .gap = i == 560,
		    .req_s = i < 3 ? NAN
				   : (30000 + 8000 * sin(i / 9.0) + (i % 7) * 500) /
					 (pool * 12 + 1),
		    .err_s = i % 50 == 7 ? 2 : 0};

		if (pool == 1)
			point.queue_depth = i > 570 && i < 590 ? (i - 570) * 3
					    : i % 120 < 40     ? i % 7
							       : 0;
		scene_octaves(&point, i, pool == 0 ? 10 : 15);
		assert_int_equal(0, top_history_put_pool(s->history, &who,
							 SCENE_SECOND + i, &point));
	}
}

/* What worker `w` did in step `i` of 120. */
static inline struct top_worker_point scene_worker_point(unsigned w, unsigned i)
{
	struct top_worker_point point = {
	    .at.ns = (SCENE_SECOND + (uint64_t)i * TOP_WORKER_STEP_S) * SNP_NS_PER_S,
	    .run = i < 112 ? 1 : 2,
	    .gap = i == 112,
	    .state = SNP_WORKER_STATE_READY,
	    .requests = (uint64_t)i * (w == 0 ? 5000 : 1000),
	    .rss_bytes = (100 + (uint64_t)i * (w == 4 ? 2 : 0)) << 20,
	    .req_s = w == 0 ? 1000 : 200 + 20 * (i % 5),
	    .busy_percent = (i + w) % 4 == 0 ? 1 : 60};

	if (scene_workers[w].state != SNP_WORKER_STATE_READY && i > 100)
		point.state =
		    i % 8 < 2 ? SNP_WORKER_STATE_STARTING : scene_workers[w].state;
	if (w == 5 && i > 108) {
		point.req_s = 0;
		point.busy_percent = 0;
	}
	return point;
}

static inline void scene_history(struct scene *s)
{
	struct top_frame *f = &s->frame;

	s->history = top_history_create();
	assert_non_null(s->history);
	for (unsigned pool = 0; pool < SCENE_POOLS; pool++)
		scene_pool_history(s, pool);
	for (unsigned w = 0; w < SCENE_WORKERS_NR; w++) {
		struct top_history_who who = {.row = f->look.workers[w].row,
					      .slot = scene_workers[w].slot};

		(void)strcpy(who.pool, f->look.pools[scene_workers[w].pool].name);
		for (unsigned i = 0; i < TOP_HISTORY_S / TOP_WORKER_STEP_S; i++) {
			struct top_worker_point point = scene_worker_point(w, i);

			assert_int_equal(0, top_history_put_worker(
						s->history, &who,
						SCENE_SECOND / TOP_WORKER_STEP_S + i,
						&point));
		}
	}
	f->history = s->history;
	f->second = top_history_second(s->history);
	f->step = top_history_step(s->history);
}

static inline void scene_inflight(struct scene *s)
{
	static const struct {
		uint32_t worker;
		const char *method, *correlation;
		uint64_t age_ms, run_ms, left_ms;
	} requests[] = {
	    {5, "infer", "9f1c2e4a-req-17", 21400, 21300, 8600},
	    {7, "infer", "", 5100, 5000, 0},
	    {4, "infer", "9f1c2e4a-req-91", 310, 290, 29690},
	    {0, "word_stats", "", 12, 11, 9988},
	    {8, "", "", 3, 2, SNP_UNKNOWN / SNP_NS_PER_MS},
	};
	struct top_frame *f = &s->frame;

	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		struct top_inflight *r = &f->inflight[f->inflight_nr++];

		r->worker = requests[i].worker;
		r->pool = f->look.workers[r->worker].pool;
		(void)strcpy(r->method, requests[i].method);
		(void)strcpy(r->correlation, requests[i].correlation);
		r->age_ns = requests[i].age_ms * SNP_NS_PER_MS;
		r->run_ns = requests[i].run_ms * SNP_NS_PER_MS;
		r->left_ns = requests[i].left_ms > SNP_UNKNOWN / SNP_NS_PER_MS - 1
				 ? SNP_UNKNOWN
				 : requests[i].left_ms * SNP_NS_PER_MS;
	}
	f->inflight_all = 35;
}

static inline void scene_header(struct scene *s)
{
	struct top_frame *f = &s->frame;

	f->verdict = TOP_LIVE;
	(void)strcpy(f->instance, "ml7-prod");
	f->pid = 41822;
	f->wall.ns = f->clock.ns = SCENE_WALL_NS;
	f->uptime_ns = 273660 * SNP_NS_PER_S;
	f->heartbeat_age_ns = 3 * SNP_NS_PER_MS;
	f->heartbeat_seq = SCENE_SEQ;
	f->incarnation = 4;
	f->generation = 1;
	f->self_cpu_percent = 0.06;
	f->self_rss_bytes = 2200000;
}

/* ---- life ---------------------------------------------------------------- */

static inline int scene_open(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct snp_writer_options options = {.instance = "scene",
					     .pools_max = SCENE_POOLS,
					     .workers_max = SCENE_WORKERS,
					     .tools_max = SCENE_POOLS,
					     .banks_max = 1,
					     .events_per_ring = 64};
	struct snp_err err = {0};

	assert_non_null(s);
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_int_equal(0, setenv("TZ", "UTC0", 1));
	snp_test_tmpdir_make(s->dir, sizeof(s->dir));
	options.dir = s->dir;
	if (snp_writer_create(&options, &s->writer, &err) < 0)
		fail_msg("create: %s", err.msg);
	assert_int_equal(0, snp_bank_adopt(s->writer, &s->bank));
	scene_declare(s);
	snp_writer_heartbeat(s->writer, 0, 1);
	assert_int_equal(0, snp_writer_publish(s->writer, &err));
	if (snp_segment_attach(snp_writer_path(s->writer), &s->seg, &err) < 0)
		fail_msg("attach: %s", err.msg);
	/* The last heartbeat is the scene's now; none comes after it. */
	scene_snapshot(s);
	s->now_ns = snp_snapshot_now(s->snap).ns;
	scene_look(s);
	scene_age(s);
	scene_events(s);
	scene_history(s);
	scene_inflight(s);
	scene_header(s);
	top_ui_init(&s->ui);
	s->ui.utf8 = true;
	scene_sort(s);
	*state = s;
	return 0;
}

static inline int scene_close(void **state)
{
	struct scene *s = *state;

	snp_snapshot_destroy(&s->snap);
	snp_segment_detach(&s->seg);
	snp_bank_release(s->writer, &s->bank);
	snp_writer_close(&s->writer);
	top_frame_fini(&s->frame);
	top_history_destroy(&s->history);
	top_rows_fini(&s->rows);
	top_ui_fini(&s->ui);
	snp_test_tmpdir_remove(s->dir);
	free(s);
	return 0;
}

#endif
