/* SPDX-License-Identifier: Apache-2.0 */
#include "lane.h"

#include <math.h>
#include <string.h>

#define STEP_NS (TOP_WORKER_STEP_S * SNP_NS_PER_S)

/* A step in which a worker has this share of its time in requests is a busy one. */
#define BUSY_PERCENT 5.0

static char state_letter(unsigned state)
{
	switch (state) {
	case SNP_WORKER_STATE_EMPTY:
		return TOP_LANE_NONE;
	case SNP_WORKER_STATE_SPAWNING:
	case SNP_WORKER_STATE_STARTING:
	case SNP_WORKER_STATE_WARMING:
		return TOP_LANE_START;
	case SNP_WORKER_STATE_READY:
		return TOP_LANE_IDLE;
	case SNP_WORKER_STATE_DRAINING:
		return TOP_LANE_DRAIN;
	default:
		return TOP_LANE_DEAD;
	}
}

/* How long the oldest request of the worker runs; 0 = it has none. */
static uint64_t running_ns(const struct top_frame *frame, size_t worker)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < frame->inflight_nr; i++) {
		const struct top_inflight *r = &frame->inflight[i];

		if (r->worker == worker && r->run_ns != SNP_UNKNOWN &&
		    r->run_ns > longest)
			longest = r->run_ns;
	}
	return longest;
}

/* Time in requests is counted when they end: what is more than fits into a step was
 * before it. `*carry` is in percent of a step, from later steps to earlier ones. */
static char work_letter(const struct top_worker_point *point, double *carry)
{
	double busy = *carry + (isnan(point->busy_percent) ? 0 : point->busy_percent);
	bool began = point->req_s > 0;

	*carry = busy > 100.0 ? busy - 100.0 : 0;
	if (busy < BUSY_PERCENT)
		return TOP_LANE_IDLE;
	return busy >= 99.0 && !began ? TOP_LANE_SLOW : TOP_LANE_BUSY;
}

/* Heartbeats are events, not samples. */
static void mark_heartbeats(char *out, int cols, const struct top_frame *frame,
			    size_t worker)
{
	const struct snp_worker_stat *w = &frame->look.workers[worker];
	const char *pool = frame->look.pools[w->pool].name;

	for (unsigned back = 0;; back++) {
		const struct snp_told_event *e = top_eventlog_at(&frame->events, back);
		uint64_t ago;

		if (!e || e->wall.ns > frame->wall.ns)
			break;
		ago = (frame->wall.ns - e->wall.ns) / STEP_NS;
		if (ago >= (uint64_t)cols)
			break;
		if (e->event.kind == SNP_EVENT_KIND_HEARTBEAT_MISSED &&
		    e->event.slot == w->slot && strcmp(e->pool, pool) == 0 &&
		    out[cols - 1 - (int)ago] != TOP_LANE_DEAD)
			out[cols - 1 - (int)ago] = TOP_LANE_HEART;
	}
}

void top_lane(char out[TOP_LANE_MAX + 1], int cols, const struct top_frame *frame,
	      size_t worker)
{
	double carry = 100.0 * (double)running_ns(frame, worker) / (double)STEP_NS;

	cols = cols < 0 ? 0 : cols > TOP_LANE_MAX ? TOP_LANE_MAX : cols;
	for (int back = 0; back < cols; back++) {
		const struct top_worker_point *point =
		    top_frame_worker_at(frame, worker, (unsigned)back);
		char letter = point ? state_letter(point->state) : TOP_LANE_NONE;

		if (letter == TOP_LANE_IDLE || letter == TOP_LANE_DRAIN) {
			char work = work_letter(point, &carry);

			letter = letter == TOP_LANE_IDLE ? work : letter;
		} else {
			carry = 0; /* another process did that, or nobody knows */
		}
		out[cols - 1 - back] = letter;
	}
	out[cols] = '\0';
	mark_heartbeats(out, cols, frame, worker);
}
