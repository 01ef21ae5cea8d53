/* SPDX-License-Identifier: Apache-2.0 */
#include "lints_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format.h"

#define QUEUE_TREND_S 30 /* of the queue's depth */
#define LOAD_STEPS    (60 / TOP_WORKER_STEP_S)
#define RSS_STEPS_MAX (TOP_HISTORY_S / TOP_WORKER_STEP_S)

/* ---- queue-eta ----------------------------------------------------------- */

static struct top_trend queue_trend(const struct top_frame *frame, size_t pool)
{
	double x[QUEUE_TREND_S], y[QUEUE_TREND_S];
	uint32_t run = 0;
	size_t nr = 0;

	for (unsigned back = 0; back < QUEUE_TREND_S; back++) {
		const struct top_pool_point *point =
		    top_frame_pool_at(frame, pool, back);

		if (!point || (nr > 0 && point->run != run))
			break;
		nr++;
		run = point->run;
		x[QUEUE_TREND_S - nr] = (double)point->at.ns / 1e9;
		y[QUEUE_TREND_S - nr] = (double)point->queue_depth;
	}
	return top_trend_of(x + QUEUE_TREND_S - nr, y + QUEUE_TREND_S - nr, nr);
}

void lint_find_queue_eta(struct lint_search *s)
{
	const struct snp_look *look = &s->frame->look;

	for (size_t i = 0; i < look->pools_nr; i++) {
		const struct snp_pool_stat *p = &look->pools[i];
		struct top_queue_facts facts = {.depth = lint_number(p->queue_depth),
						.limit = lint_number(p->queue_limit),
						.trend = queue_trend(s->frame, i)};
		char more[32], busy[32] = "";
		struct top_lint *lint;
		double full_in_s;

		if (!top_judge_queue(s->limits, &facts, &full_in_s))
			continue;
		lint = lint_next(s, TOP_LINT_QUEUE_ETA, p->name);
		if (!lint)
			continue;
		if (!isnan(p->busy_percent))
			(void)snprintf(busy, sizeof(busy), "; %.0f%% of slots busy",
				       p->busy_percent);
		if (full_in_s > 0)
			lint_put(lint->brief, "queue full in ~%.0fs (+%.0f/s)",
				 full_in_s, facts.trend.slope);
		else
			lint_put(lint->brief, "queue full");
		if (full_in_s > 0)
			lint_put(lint->what,
				 "queue %.0f/%.0f growing %.1f/s, full in ~%.0fs%s",
				 facts.depth, facts.limit, facts.trend.slope, full_in_s,
				 busy);
		else
			lint_put(lint->what,
				 "queue %.0f/%.0f is full, requests are refused%s",
				 facts.depth, facts.limit, busy);
		(void)snprintf(more, sizeof(more), " %" PRIu64, p->workers + 1);
		lint_put_command(s, lint, "scale", more);
	}
}

/* ---- skew ---------------------------------------------------------------- */

/* Requests a second over the last minute; NaN where the slot has no minute. */
static double load_of(const struct top_frame *frame, size_t worker)
{
	const struct top_worker_point *now = top_frame_worker_at(frame, worker, 0);
	const struct top_worker_point *then =
	    top_frame_worker_at(frame, worker, LOAD_STEPS);

	if (!now || !then || now->run != then->run || now->at.ns <= then->at.ns ||
	    now->requests < then->requests)
		return NAN;
	return (double)(now->requests - then->requests) * 1e9 /
	       (double)(now->at.ns - then->at.ns);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* `load` is of the pool's workers, [first, end) of the look. */
static void find_skew_in(struct lint_search *s, const double *load, size_t first,
			 size_t end)
{
	double *known = calloc(end - first, sizeof(*known));
	size_t nr = 0;
	double median;

	if (!known)
		return;
	for (size_t i = first; i < end; i++)
		if (!isnan(load[i]))
			known[nr++] = load[i];
	qsort(known, nr, sizeof(*known), by_value);
	median = nr > 0 ? known[nr / 2] : NAN;
	free(known);
	for (size_t i = first; i < end; i++) {
		const struct snp_worker_stat *w = &s->frame->look.workers[i];
		struct top_lint *lint;

		if (!top_judge_skew(s->limits, load[i], median, nr))
			continue;
		lint = lint_next_worker(s, TOP_LINT_SKEW, w);
		if (!lint)
			continue;
		lint_put(lint->brief, "%.1f times its peers' load", load[i] / median);
		lint_put(lint->what,
			 "%.1f requests/s over 60s, %.1f times the median of %zu "
			 "workers (%.1f/s)",
			 load[i], load[i] / median, nr, median);
		lint_put(lint->next, "sessions that stay with one worker? see SESS (-o "
				     "pool.sessions)");
	}
}

void lint_find_skew(struct lint_search *s)
{
	const struct snp_look *look = &s->frame->look;
	double *load =
	    look->workers_nr ? calloc(look->workers_nr, sizeof(*load)) : NULL;
	size_t first = 0;

	if (!load)
		return;
	for (size_t i = 0; i < look->workers_nr; i++)
		load[i] = load_of(s->frame, i);
	for (size_t i = 1; i <= look->workers_nr; i++) {
		if (i < look->workers_nr &&
		    look->workers[i].pool == look->workers[first].pool)
			continue;
		find_skew_in(s, load, first, i);
		first = i;
	}
	free(load);
}

/* ---- rss-slope ----------------------------------------------------------- */

/* Of the process that is in the slot now. */
static struct top_trend rss_trend(const struct top_frame *frame, size_t worker)
{
	uint64_t up_s = frame->look.workers[worker].uptime_ns / SNP_NS_PER_S;
	uint64_t steps = up_s / TOP_WORKER_STEP_S;
	double x[RSS_STEPS_MAX], y[RSS_STEPS_MAX];
	uint32_t run = 0;
	size_t nr = 0;

	steps = steps < RSS_STEPS_MAX ? steps : RSS_STEPS_MAX;
	for (unsigned back = 0; back < steps; back++) {
		const struct top_worker_point *point =
		    top_frame_worker_at(frame, worker, back);

		if (!point || point->rss_bytes == 0 || (nr > 0 && point->run != run))
			break;
		nr++;
		run = point->run;
		x[RSS_STEPS_MAX - nr] = (double)point->at.ns / 1e9;
		y[RSS_STEPS_MAX - nr] = (double)point->rss_bytes;
	}
	return top_trend_of(x + RSS_STEPS_MAX - nr, y + RSS_STEPS_MAX - nr, nr);
}

/* Two points tell most workers from those that grow, at a hundredth of the cost. */
static bool may_grow(const struct lint_search *s, size_t worker)
{
	/* A limit beyond all history is never reached. */
	double span_s = fmin(s->limits->value[TOP_LIMIT_RSS_SPAN_S], TOP_HISTORY_S);
	unsigned steps = (unsigned)(span_s / TOP_WORKER_STEP_S);
	const struct top_worker_point *now = top_frame_worker_at(s->frame, worker, 0);
	const struct top_worker_point *then =
	    top_frame_worker_at(s->frame, worker, steps);

	return now && then && now->rss_bytes > then->rss_bytes;
}

void lint_find_rss_slope(struct lint_search *s)
{
	const struct snp_look *look = &s->frame->look;

	for (size_t i = 0; i < look->workers_nr; i++) {
		const struct snp_worker_stat *w = &look->workers[i];
		char rss[TOP_FORMAT_BYTES], slope[TOP_FORMAT_BYTES];
		struct top_trend trend;
		struct top_lint *lint;

		if (w->pid <= 0 || w->uptime_ns == SNP_UNKNOWN || !may_grow(s, i))
			continue;
		trend = rss_trend(s->frame, i);
		if (!top_judge_rss(s->limits, &trend))
			continue;
		lint = lint_next_worker(s, TOP_LINT_RSS_SLOPE, w);
		if (!lint)
			continue;
		top_format_bytes(rss, w->rss_bytes, 6);
		top_format_bytes(slope, (uint64_t)fmin(trend.slope * 3600, 1e18), 6);
		lint_put(lint->brief, "memory grows %s/h", slope);
		lint_put(lint->what,
			 "memory %s grows %s an hour over %.0fs, twice as much "
			 "in ~%.1fh",
			 rss, slope, trend.span,
			 (double)w->rss_bytes / (trend.slope * 3600));
		lint_put_command(s, lint, "recycle", "");
	}
}
