/* SPDX-License-Identifier: Apache-2.0 */
#include "lints_judge.h"

#include <math.h>

#define LIMIT(id) (limits->value[TOP_LIMIT_##id])

/* Comparisons with NaN are false: what is not known never reaches a limit. */

struct top_trend top_trend_of(const double *x, const double *y, size_t nr)
{
	struct top_trend trend = {.slope = NAN, .fit = NAN, .span = 0};
	double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;

	if (nr < 3)
		return trend;
	for (size_t i = 0; i < nr; i++) {
		mx += x[i] / (double)nr;
		my += y[i] / (double)nr;
	}
	for (size_t i = 0; i < nr; i++) {
		xx += (x[i] - mx) * (x[i] - mx);
		yy += (y[i] - my) * (y[i] - my);
		xy += (x[i] - mx) * (y[i] - my);
	}
	trend.span = x[nr - 1] - x[0];
	if (xx <= 0)
		return trend;
	trend.slope = xy / xx;
	trend.fit = yy > 0 ? xy / sqrt(xx * yy) : 0;
	return trend;
}

bool top_judge_queue(const struct top_lint_limits *limits,
		     const struct top_queue_facts *queue, double *ret_full_in_s)
{
	double grown = queue->trend.slope * queue->trend.span;
	double full_in_s;

	if (!(queue->limit > 0))
		return false;
	if (queue->depth >= queue->limit) {
		*ret_full_in_s = 0;
		return true;
	}
	if (!(queue->trend.slope > 0) ||
	    !(grown >= queue->limit * LIMIT(QUEUE_ETA_GROWTH) / 100.0))
		return false;
	full_in_s = (queue->limit - queue->depth) / queue->trend.slope;
	if (!(full_in_s <= LIMIT(QUEUE_ETA_S)))
		return false;
	*ret_full_in_s = full_in_s;
	return true;
}

bool top_judge_stuck(const struct top_lint_limits *limits, double running_s,
		     double p99_s)
{
	return running_s >= LIMIT(STUCK_MIN_S) &&
	       running_s >= p99_s * LIMIT(STUCK_FACTOR);
}

bool top_judge_storm(const struct top_lint_limits *limits, double restarts)
{
	return restarts >= LIMIT(STORM_RESTARTS);
}

bool top_judge_spawn(const struct top_lint_limits *limits, double starting_s,
		     double p95_s)
{
	if (isnan(p95_s))
		return starting_s >= LIMIT(SPAWN_BLIND_S);
	return starting_s >= LIMIT(SPAWN_MIN_S) &&
	       starting_s >= p95_s * LIMIT(SPAWN_FACTOR);
}

bool top_judge_timeouts(const struct top_lint_limits *limits, double recent,
			double usual)
{
	return recent >= LIMIT(TIMEOUTS_NR) && recent >= usual * LIMIT(TIMEOUTS_FACTOR);
}

bool top_judge_heartbeats(const struct top_lint_limits *limits, double p50_s,
			  double p99_s)
{
	return p99_s * 1e3 >= LIMIT(HB_MIN_MS) && p99_s >= p50_s * LIMIT(HB_FACTOR);
}

bool top_judge_skew(const struct top_lint_limits *limits, double req_s, double median,
		    size_t peers)
{
	return (double)peers >= LIMIT(SKEW_PEERS) && median >= LIMIT(SKEW_MIN_S) &&
	       req_s >= median * LIMIT(SKEW_FACTOR);
}

bool top_judge_rss(const struct top_lint_limits *limits, const struct top_trend *trend)
{
	return trend->span >= LIMIT(RSS_SPAN_S) && trend->fit >= LIMIT(RSS_FIT) &&
	       trend->slope * 3600.0 >= LIMIT(RSS_MB_H) * 1048576.0;
}

bool top_judge_torn(const struct top_lint_limits *limits, double torn, double skipped,
		    double looks)
{
	return looks >= LIMIT(TORN_LOOKS) && (torn >= looks * LIMIT(TORN_PER_LOOK) ||
					      skipped >= looks * LIMIT(TORN_SKIPPED));
}
