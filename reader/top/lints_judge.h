/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lints_judge.h - from when on numbers are worth a lint. Private to lints*.c.
 *
 * Numbers in, verdict out: nothing here knows frames. Unknown numbers are NaN; no lint
 * comes from what is not known. Each limit is reached at its value. Pure.
 */
#ifndef SNP_TOP_LINTS_JUDGE_H
#define SNP_TOP_LINTS_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "lints.h"

/* A line through points: least squares. */
struct top_trend {
	double slope; /* y per x; NaN with fewer than 3 points, or all at one x */
	double fit;   /* coefficient of correlation, -1 to 1 */
	double span;  /* from the first x to the last */
};
struct top_trend top_trend_of(const double *x, const double *y, size_t nr);

struct top_queue_facts {
	double depth, limit;
	struct top_trend trend; /* requests over seconds */
};
/* How long until it is full; 0 = it is. */
bool top_judge_queue(const struct top_lint_limits *limits,
		     const struct top_queue_facts *queue, double *ret_full_in_s);

bool top_judge_stuck(const struct top_lint_limits *limits, double running_s,
		     double p99_s);
bool top_judge_storm(const struct top_lint_limits *limits, double restarts);
bool top_judge_spawn(const struct top_lint_limits *limits, double starting_s,
		     double p95_s);
bool top_judge_timeouts(const struct top_lint_limits *limits, double recent,
			double usual);
bool top_judge_heartbeats(const struct top_lint_limits *limits, double p50_s,
			  double p99_s);
bool top_judge_skew(const struct top_lint_limits *limits, double req_s, double median,
		    size_t peers);
/* `trend` is bytes over seconds. */
bool top_judge_rss(const struct top_lint_limits *limits, const struct top_trend *trend);
bool top_judge_torn(const struct top_lint_limits *limits, double torn, double skipped,
		    double looks);

#endif
