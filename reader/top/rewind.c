/* SPDX-License-Identifier: Apache-2.0 */
#include "rewind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/octave.h"
#include "model/rate.h"

/* ---- rates and quantiles ------------------------------------------------- */

static void quantiles_of(const struct top_frame *frame, size_t pool,
			 struct snp_pool_stat *p, const uint64_t *life)
{
	uint64_t octave[SNP_HIST_OCTAVES] = {0}, all = 0;

	for (unsigned back = 0; back < TOP_WINDOW_S; back++) {
		const struct top_pool_point *point =
		    top_frame_pool_at(frame, pool, back);

		for (unsigned i = 0; point && i < SNP_HIST_OCTAVES; i++) {
			octave[i] += point->octave[i];
			all += point->octave[i];
		}
	}
	p->p50_ns = p->p95_ns = p->p99_ns = SNP_UNKNOWN;
	if (all == 0)
		return;
	p->p50_ns = snp_octave_quantile_ns(octave, life, 0.50);
	p->p95_ns = snp_octave_quantile_ns(octave, life, 0.95);
	p->p99_ns = snp_octave_quantile_ns(octave, life, 0.99);
}

void top_rewind_quantiles(struct top_frame *frame)
{
	struct snp_look *look = &frame->look;
	bool fits = look->hist_words == SNP_HIST_WORDS;
	uint64_t life[SNP_HIST_WORDS] = {0};

	for (size_t i = 0; i < look->pools_nr; i++) {
		const uint64_t *words =
		    fits ? snp_look_hist(look, i, SNP_LOOK_DURATION) : NULL;

		quantiles_of(frame, i, &look->pools[i], words);
		for (size_t k = 0; fits && k < SNP_HIST_WORDS; k++)
			life[k] += words[k];
	}
	quantiles_of(frame, TOP_ALL_POOLS, &look->total, life);
	look->window_ns = TOP_WINDOW_S * SNP_NS_PER_S;
}

static void rates_of_pools(struct top_frame *frame)
{
	struct snp_look *look = &frame->look;

	look->total.req_s = look->total.err_s = NAN;
	for (size_t i = 0; i < look->pools_nr; i++) {
		const struct top_pool_point *point = top_frame_pool_at(frame, i, 0);
		struct snp_pool_stat *p = &look->pools[i];

		p->req_s = point ? point->req_s : NAN;
		p->err_s = point ? point->err_s : NAN;
		snp_add_known(&look->total.req_s, p->req_s);
		snp_add_known(&look->total.err_s, p->err_s);
	}
}

void top_rewind_rates(struct top_frame *frame)
{
	struct snp_look *look = &frame->look;

	rates_of_pools(frame);
	for (size_t i = 0; i < look->workers_nr; i++) {
		const struct top_worker_point *point = top_frame_worker_at(frame, i, 0);

		look->workers[i].req_s = point ? point->req_s : NAN;
		look->workers[i].busy_percent = point ? point->busy_percent : NAN;
	}
	look->interval_ns = SNP_NS_PER_S;
	top_rewind_quantiles(frame);
}

/* ---- a moment that has passed -------------------------------------------- */

static struct snp_pool_stat pool_without_numbers(const struct snp_pool_stat *was)
{
	struct snp_pool_stat p = {.row = was->row,
				  .uid = was->uid,
				  .worker_limit = SNP_UNKNOWN,
				  .admission = SNP_ADMISSION_NR,
				  .breaker = SNP_BREAKER_NR,
				  .admission_name = "?",
				  .breaker_name = "?",
				  .generation = SNP_UNKNOWN,
				  .active = SNP_UNKNOWN,
				  .capacity = SNP_UNKNOWN,
				  .queue_depth = SNP_UNKNOWN,
				  .queue_limit = SNP_UNKNOWN,
				  .queue_peak = SNP_UNKNOWN,
				  .queue_oldest_ns = SNP_UNKNOWN,
				  .sessions = SNP_UNKNOWN,
				  .requests = SNP_UNKNOWN,
				  .ok = SNP_UNKNOWN,
				  .errors = SNP_UNKNOWN,
				  .refused = SNP_UNKNOWN,
				  .timeouts = SNP_UNKNOWN,
				  .timeouts_window = SNP_UNKNOWN,
				  .restarts = SNP_UNKNOWN,
				  .rss_bytes = SNP_UNKNOWN,
				  .busy_percent = NAN,
				  .req_s = NAN,
				  .err_s = NAN,
				  .refused_s = NAN,
				  .timeout_s = NAN,
				  .cpu_percent = NAN,
				  .p50_ns = SNP_UNKNOWN,
				  .p95_ns = SNP_UNKNOWN,
				  .p99_ns = SNP_UNKNOWN,
				  .heartbeat_p50_ns = SNP_UNKNOWN,
				  .heartbeat_p99_ns = SNP_UNKNOWN,
				  .queue_wait_p95_ns = SNP_UNKNOWN,
				  .startup_p95_ns = SNP_UNKNOWN};

	memcpy(p.name, was->name, sizeof(p.name));
	memcpy(p.adapter, was->adapter, sizeof(p.adapter));
	return p;
}

static struct snp_worker_stat worker_without_numbers(const struct snp_worker_stat *was)
{
	return (struct snp_worker_stat){.row = was->row,
					.slot = was->slot,
					.pool = was->pool,
					.uid = was->uid,
					.incarnation = SNP_UNKNOWN,
					.state = SNP_WORKER_STATE_NR,
					.status = SNP_WORKER_STATUS_NR,
					.state_name = "?",
					.health_name = "?",
					.generation = SNP_UNKNOWN,
					.uptime_ns = SNP_UNKNOWN,
					.heartbeat_age_ns = SNP_UNKNOWN,
					.heartbeat_missed = SNP_UNKNOWN,
					.heartbeat_failures = SNP_UNKNOWN,
					.active = SNP_UNKNOWN,
					.capacity = SNP_UNKNOWN,
					.requests = SNP_UNKNOWN,
					.errors = SNP_UNKNOWN,
					.restarts = SNP_UNKNOWN,
					.rss_bytes = SNP_UNKNOWN,
					.cpu_ns = SNP_UNKNOWN,
					.busy_ns = SNP_UNKNOWN,
					.req_s = NAN,
					.err_s = NAN,
					.cpu_percent = NAN,
					.busy_percent = NAN};
}

/* Idle and busy are not told apart by the samples. */
static unsigned status_of(unsigned state)
{
	switch (state) {
	case SNP_WORKER_STATE_SPAWNING:
	case SNP_WORKER_STATE_STARTING:
	case SNP_WORKER_STATE_WARMING:
		return SNP_WORKER_STATUS_STARTING;
	case SNP_WORKER_STATE_DRAINING:
		return SNP_WORKER_STATUS_DRAINING;
	case SNP_WORKER_STATE_READY:
		return SNP_WORKER_STATUS_NR;
	default:
		return SNP_WORKER_STATUS_DOWN;
	}
}

static void recall_worker(struct top_frame *past, size_t i)
{
	const struct top_worker_point *point = top_frame_worker_at(past, i, 0);
	struct snp_worker_stat *w = &past->look.workers[i];

	*w = worker_without_numbers(w);
	if (!point)
		return;
	w->requests = point->requests;
	w->busy_ns = point->busy_ns;
	w->rss_bytes = point->rss_bytes;
	if (point->state >= SNP_WORKER_STATE_NR)
		return;
	w->state = point->state;
	w->status = status_of(point->state);
	(void)snprintf(w->state_name, sizeof(w->state_name), "%s",
		       snp_enum_text(SNP_ENUM_TABLE_WORKER_STATE, point->state));
}

/* Where a worker's state is not known, no status of its pool can be counted. */
static void count_worker(struct snp_pool_stat *p, const struct snp_worker_stat *w)
{
	p->workers++;
	if (w->state == SNP_WORKER_STATE_NR)
		for (unsigned i = 0; i < SNP_WORKER_STATUS_NR; i++)
			p->by_status[i] = SNP_UNKNOWN;
	else if (w->status == SNP_WORKER_STATUS_NR)
		p->by_status[SNP_WORKER_STATUS_IDLE] =
		    p->by_status[SNP_WORKER_STATUS_BUSY] = SNP_UNKNOWN;
	else if (p->by_status[w->status] != SNP_UNKNOWN)
		p->by_status[w->status]++;
}

static void recall_pool(struct top_frame *past, size_t pool, struct snp_pool_stat *p)
{
	const struct top_pool_point *point = top_frame_pool_at(past, pool, 0);

	*p = pool_without_numbers(p);
	if (!point)
		return;
	p->queue_depth = point->queue_depth;
	p->active = point->active;
	p->requests = point->requests;
	p->errors = point->failures;
}

static void recall(struct top_frame *past)
{
	struct snp_look *look = &past->look;

	for (size_t i = 0; i < look->pools_nr; i++)
		recall_pool(past, i, &look->pools[i]);
	recall_pool(past, TOP_ALL_POOLS, &look->total);
	for (size_t i = 0; i < look->workers_nr; i++) {
		recall_worker(past, i);
		count_worker(&look->pools[look->workers[i].pool], &look->workers[i]);
		count_worker(&look->total, &look->workers[i]);
	}
	top_rewind_rates(past);
}

/* How far back there is a point: there, or beyond a gap on the way from `was`. */
static uint64_t reach(const struct top_frame *newest, uint64_t back, uint64_t was)
{
	for (uint64_t at = back; at > was && at < TOP_HISTORY_S; at++)
		if (top_frame_pool_at(newest, TOP_ALL_POOLS, (unsigned)at))
			return at;
	for (; back > 0; back--)
		if (top_frame_pool_at(newest, TOP_ALL_POOLS, (unsigned)back))
			break;
	return back;
}

int top_rewind(struct top_frame *past, const struct top_frame *newest, uint64_t back,
	       uint64_t was)
{
	const struct top_pool_point *point;
	int rc = top_frame_copy(past, newest);

	if (rc < 0)
		return rc;
	back = reach(newest, back < TOP_HISTORY_S ? back : TOP_HISTORY_S - 1, was);
	if (back == 0)
		return 0;
	past->history = newest->history;
	past->second -= back;
	past->step -= back / TOP_WORKER_STEP_S;
	past->rewound_ns = back * SNP_NS_PER_S;
	past->wall.ns -= past->rewound_ns;
	past->uptime_ns -=
	    past->uptime_ns < past->rewound_ns ? past->uptime_ns : past->rewound_ns;
	point = top_frame_pool_at(past, TOP_ALL_POOLS, 0);
	past->look.now = point->at;
	past->inflight_nr = 0;
	past->inflight_all = SNP_UNKNOWN;
	past->heartbeat_age_ns = past->heartbeat_seq = SNP_UNKNOWN;
	top_eventlog_forget(&past->events, past->look.now);
	recall(past);
	return 0;
}
