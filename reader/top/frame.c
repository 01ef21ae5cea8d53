/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <errno.h>
#include <math.h>

const char *top_verdict_name(enum top_verdict verdict)
{
	static const char *const names[TOP_VERDICT_NR] = {
	    [TOP_WAITING] = "WAITING", [TOP_BROKEN] = "UNREADABLE",
	    [TOP_LIVE] = "LIVE",       [TOP_STALE] = "STALE",
	    [TOP_DEAD] = "DEAD",       [TOP_CLOSED] = "CLOSED",
	};

	return names[verdict];
}

int top_frame_copy(struct top_frame *to, const struct top_frame *from)
{
	struct snp_look look = to->look;
	int rc = snp_look_copy(&look, &from->look);

	if (rc < 0) {
		snp_look_fini(&look);
		*to = (struct top_frame){0};
		return rc;
	}
	*to = *from;
	to->look = look;
	to->history = NULL;
	return 0;
}

void top_frame_fini(struct top_frame *frame)
{
	snp_look_fini(&frame->look);
}

/* ---- the minutes up to the frame ----------------------------------------- */

const struct top_pool_point *top_frame_pool_at(const struct top_frame *frame,
					       size_t pool, unsigned back)
{
	uint32_t row = TOP_HISTORY_ALL;

	if (!frame->history || back > frame->second)
		return NULL;
	if (pool != TOP_ALL_POOLS)
		row = frame->look.pools[pool].row;
	return top_history_pool(frame->history, row, frame->second - back);
}

const struct top_worker_point *top_frame_worker_at(const struct top_frame *frame,
						   size_t worker, unsigned back)
{
	if (!frame->history || back > frame->step)
		return NULL;
	return top_history_worker(frame->history, frame->look.workers[worker].row,
				  frame->step - back);
}

double top_frame_value(const struct top_frame *frame, size_t pool,
		       enum top_series series, unsigned back)
{
	const struct top_pool_point *point = top_frame_pool_at(frame, pool, back);

	if (!point)
		return NAN;
	switch (series) {
	case TOP_SERIES_REQ:
		return point->req_s;
	case TOP_SERIES_ERR:
		return point->err_s;
	case TOP_SERIES_QUEUE:
		return (double)point->queue_depth;
	default:
		return (double)point->active;
	}
}

double top_frame_max(const struct top_frame *frame, size_t pool, enum top_series series,
		     unsigned nr)
{
	double max = 0;

	for (unsigned back = 0; back < nr && back < TOP_HISTORY_S; back++)
		max = fmax(max, top_frame_value(frame, pool, series, back));
	return max;
}
