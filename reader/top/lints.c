/* SPDX-License-Identifier: Apache-2.0 */
#include "lints.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "advice.h"
#include "format.h"
#include "heat.h"
#include "lints_parts.h"

#define STORM_S	    60
#define STORM_SLOTS 64 /* that are told apart */

const struct top_lint_info top_lint_infos[TOP_LINT_NR] = {
#define TOP_LINT(id, name, help) {name, help},
#include "lints.def"
#undef TOP_LINT
};

const struct top_limit_info top_limit_infos[TOP_LIMIT_NR] = {
#define TOP_LIMIT(id, name, value, help) {name, help, value},
#include "lints.def"
#undef TOP_LIMIT
};

int top_lint_find(const char *name)
{
	for (int id = 0; id < TOP_LINT_NR; id++)
		if (strcmp(top_lint_infos[id].name, name) == 0)
			return id;
	return -1;
}

void top_lint_limits_init(struct top_lint_limits *limits)
{
	for (int id = 0; id < TOP_LIMIT_NR; id++)
		limits->value[id] = top_limit_infos[id].value;
}

/* ---- collecting ---------------------------------------------------------- */

struct top_lint *lint_next(struct lint_search *s, enum top_lint_id id, const char *pool)
{
	struct top_lint *lint;

	if (s->silenced >> id & 1) {
		s->found->silenced++;
		return NULL;
	}
	if (s->found->nr++ >= TOP_LINTS_MAX)
		return NULL;
	lint = &s->found->lint[s->found->nr - 1];
	*lint = (struct top_lint){.id = id};
	(void)snprintf(lint->pool, sizeof(lint->pool), "%s", pool);
	return lint;
}

struct top_lint *lint_next_worker(struct lint_search *s, enum top_lint_id id,
				  const struct snp_worker_stat *worker)
{
	struct top_lint *lint =
	    lint_next(s, id, s->frame->look.pools[worker->pool].name);

	if (lint) {
		lint->is_worker = true;
		lint->slot = worker->slot;
	}
	return lint;
}

void lint_put(char text[TOP_LINT_TEXT_BYTES], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, TOP_LINT_TEXT_BYTES, fmt, ap);
	va_end(ap);
}

/* One that does not fit is left out: cut, it would be another. */
static void put_command(struct top_lint *lint, const char *command)
{
	if (strlen(command) < sizeof(lint->next))
		lint_put(lint->next, "%s", command);
}

void lint_put_command(struct lint_search *s, struct top_lint *lint, const char *verb,
		      const char *more)
{
	char command[TOP_ADVICE_BYTES], rest[TOP_ADVICE_BYTES], word[TOP_ADVICE_BYTES];

	if (lint->is_worker)
		top_advice_worker(word, lint->pool, lint->slot);
	else
		top_advice_word(word, lint->pool);
	if (snprintf(rest, sizeof(rest), "%s%s", word, more) >= (int)sizeof(rest))
		return;
	top_advice_snakepit(command, s->frame, verb, rest);
	put_command(lint, command);
}

double lint_number(uint64_t value)
{
	return value == SNP_UNKNOWN ? NAN : (double)value;
}

double lint_seconds(uint64_t ns)
{
	return lint_number(ns) / 1e9;
}

static void put_seconds(char out[TOP_FORMAT_BYTES], double s)
{
	top_format_latency(out, (uint64_t)(fmin(s, 1e9) * 1e9), 6);
}

/* ---- stuck-worker -------------------------------------------------------- */

static bool worker_is_listed(const struct lint_search *s,
			     const struct snp_worker_stat *w)
{
	const char *pool = s->frame->look.pools[w->pool].name;
	size_t kept = top_lints_kept(s->found);

	for (size_t i = 0; i < kept; i++) {
		const struct top_lint *lint = &s->found->lint[i];

		if (lint->id == TOP_LINT_STUCK_WORKER && lint->slot == w->slot &&
		    strcmp(lint->pool, pool) == 0)
			return true;
	}
	return false;
}

/* What it takes to add up ten minutes of a pool is paid once, not for each of its
 * requests. A pool has its place by its number; another may push it out. */
#define P99_PLACES 64
struct p99 {
	bool known;
	uint32_t pool;
	double s;
};

static double p99_of(struct p99 places[P99_PLACES], const struct top_frame *frame,
		     uint32_t pool)
{
	struct p99 *place = &places[pool % P99_PLACES];

	if (!place->known || place->pool != pool)
		*place = (struct p99){true, pool,
				      lint_seconds(top_heat_p99_ns(frame, pool))};
	return place->s;
}

static void find_stuck_workers(struct lint_search *s)
{
	const struct top_frame *f = s->frame;
	struct p99 places[P99_PLACES] = {0};

	for (size_t i = 0; i < f->inflight_nr; i++) {
		const struct top_inflight *r = &f->inflight[i];
		double running_s = lint_seconds(r->run_ns), p99_s;
		char run[TOP_FORMAT_BYTES], p99[TOP_FORMAT_BYTES];
		const struct snp_worker_stat *w;
		struct top_lint *lint;

		/* Most are young: only for the others is the p99 worth its cost. */
		if (!top_judge_stuck(s->limits, running_s, 0) ||
		    r->worker >= f->look.workers_nr)
			continue;
		w = &f->look.workers[r->worker];
		p99_s = p99_of(places, f, w->pool);
		if (!top_judge_stuck(s->limits, running_s, p99_s) ||
		    worker_is_listed(s, w))
			continue;
		lint = lint_next_worker(s, TOP_LINT_STUCK_WORKER, w);
		if (!lint)
			continue;
		put_seconds(run, running_s);
		put_seconds(p99, p99_s);
		lint_put(lint->brief, "a request runs for %s", run);
		lint_put(lint->what,
			 "%.60s runs for %s, %.0f times the pool's p99 of %s",
			 r->method[0] ? r->method : "a request", run, running_s / p99_s,
			 p99);
		if (w->pid > 0)
			lint_put(lint->next, "$ py-spy dump --pid %jd",
				 (intmax_t)w->pid);
	}
}

/* ---- restart-storm ------------------------------------------------------- */

struct storm {
	const struct snp_told_event *last; /* of this slot */
	unsigned restarts;
};

static size_t count_restarts(const struct top_frame *f,
			     struct storm storms[STORM_SLOTS])
{
	uint64_t now = f->wall.ns;
	size_t nr = 0;

	if (top_verdict_is_final(f->verdict) && now > f->heartbeat_age_ns)
		now -= f->heartbeat_age_ns; /* as it was at the end */
	for (unsigned back = 0;; back++) {
		const struct snp_told_event *e = top_eventlog_at(&f->events, back);
		size_t i = 0;

		if (!e || e->wall.ns + STORM_S * SNP_NS_PER_S < now)
			break;
		if (!top_event_is_restart(&e->event))
			continue;
		while (i < nr && (storms[i].last->event.slot != e->event.slot ||
				  strcmp(storms[i].last->pool, e->pool) != 0))
			i++;
		if (i == nr && nr < STORM_SLOTS)
			storms[nr++] = (struct storm){.last = e};
		if (i < nr)
			storms[i].restarts++;
	}
	return nr;
}

static const struct snp_worker_stat *worker_of(const struct snp_look *look,
					       const char *pool, uint32_t slot)
{
	for (size_t i = 0; i < look->workers_nr; i++)
		if (look->workers[i].slot == slot &&
		    strcmp(look->pools[look->workers[i].pool].name, pool) == 0)
			return &look->workers[i];
	return NULL;
}

static void find_restart_storms(struct lint_search *s)
{
	struct storm storms[STORM_SLOTS];
	size_t nr = count_restarts(s->frame, storms);

	for (size_t i = 0; i < nr; i++) {
		const struct snp_worker_stat *w;
		char command[TOP_ADVICE_BYTES];
		struct top_lint *lint;

		if (!top_judge_storm(s->limits, storms[i].restarts))
			continue;
		w = worker_of(&s->frame->look, storms[i].last->pool,
			      storms[i].last->event.slot);
		lint = w ? lint_next_worker(s, TOP_LINT_RESTART_STORM, w) : NULL;
		if (!lint)
			continue;
		lint_put(lint->brief, "restart storm %u/%us", storms[i].restarts,
			 STORM_S);
		lint_put(lint->what, "%u restarts in %us%s%s", storms[i].restarts,
			 STORM_S, w->last_exit[0] ? ", last exit " : "", w->last_exit);
		top_advice_events(command, s->frame, lint->pool, lint->slot);
		put_command(lint, command);
	}
}

/* ---- spawn-slow ---------------------------------------------------------- */

static void find_slow_spawns(struct lint_search *s)
{
	const struct snp_look *look = &s->frame->look;

	for (size_t i = 0; i < look->workers_nr; i++) {
		const struct snp_worker_stat *w = &look->workers[i];
		double p95_s = lint_seconds(look->pools[w->pool].startup_p95_ns);
		double starting_s = lint_seconds(w->uptime_ns);
		char run[TOP_FORMAT_BYTES], p95[TOP_FORMAT_BYTES];
		struct top_lint *lint;

		if (w->status != SNP_WORKER_STATUS_STARTING ||
		    !top_judge_spawn(s->limits, starting_s, p95_s))
			continue;
		lint = lint_next_worker(s, TOP_LINT_SPAWN_SLOW, w);
		if (!lint)
			continue;
		put_seconds(run, starting_s);
		lint_put(lint->brief, "starting for %s", run);
		if (isnan(p95_s)) {
			lint_put(lint->what,
				 "%s for %s, and no worker of the pool was "
				 "ever ready",
				 w->state_name, run);
		} else {
			put_seconds(p95, p95_s);
			lint_put(lint->what,
				 "%s for %s, starts of the pool took %s (p95)",
				 w->state_name, run, p95);
		}
		if (w->pid > 0)
			lint_put(lint->next, "$ py-spy dump --pid %jd",
				 (intmax_t)w->pid);
	}
}

/* ---- timeouts-rising ----------------------------------------------------- */

/* How many there were in as much time before the window, on average; NaN where there
 * was less time before it than in it. */
static double usual_timeouts(const struct top_frame *f, const struct snp_pool_stat *p)
{
	double window_s = lint_seconds(f->look.window_ns);
	double before_s = lint_seconds(f->uptime_ns) - window_s;

	if (!(window_s > 0) || !(before_s >= window_s))
		return NAN;
	return (lint_number(p->timeouts) - lint_number(p->timeouts_window)) * window_s /
	       before_s;
}

static void find_rising_timeouts(struct lint_search *s)
{
	const struct snp_look *look = &s->frame->look;

	for (size_t i = 0; i < look->pools_nr; i++) {
		const struct snp_pool_stat *p = &look->pools[i];
		double recent = lint_number(p->timeouts_window);
		double usual = usual_timeouts(s->frame, p);
		double window_s = lint_seconds(look->window_ns);
		struct top_lint *lint;

		if (!top_judge_timeouts(s->limits, recent, usual))
			continue;
		lint = lint_next(s, TOP_LINT_TIMEOUTS_RISING, p->name);
		if (!lint)
			continue;
		lint_put(lint->brief, "%.0f timeouts in %.0fs", recent, window_s);
		lint_put(lint->what,
			 "%.0f requests missed their deadline in %.0fs; usual are %.1f",
			 recent, window_s, usual);
		lint_put(lint->next,
			 "view 3 shows what runs longest, view 4 since when");
	}
}

/* ---- hb-jitter ----------------------------------------------------------- */

static void find_jitter(struct lint_search *s)
{
	const struct snp_look *look = &s->frame->look;

	for (size_t i = 0; i < look->pools_nr; i++) {
		const struct snp_pool_stat *p = &look->pools[i];
		char p50[TOP_FORMAT_BYTES], p99[TOP_FORMAT_BYTES];
		struct top_lint *lint;

		if (!top_judge_heartbeats(s->limits, lint_seconds(p->heartbeat_p50_ns),
					  lint_seconds(p->heartbeat_p99_ns)))
			continue;
		lint = lint_next(s, TOP_LINT_HB_JITTER, p->name);
		if (!lint)
			continue;
		top_format_latency(p50, p->heartbeat_p50_ns, 6);
		top_format_latency(p99, p->heartbeat_p99_ns, 6);
		lint_put(lint->brief, "heartbeats up to %s", p99);
		lint_put(lint->what, "heartbeats take %s, 1%% of them more than %s",
			 p50, p99);
		lint_put(lint->next,
			 "code that holds the GIL? sort by HB (oh), then py-spy "
			 "dump --native on the worker on top");
	}
}

/* ---- torn-reads ---------------------------------------------------------- */

static void find_torn_reads(struct lint_search *s)
{
	const struct top_frame *f = s->frame;
	struct top_lint *lint;

	if (!top_judge_torn(s->limits, (double)f->torn, (double)f->skipped,
			    (double)f->looks))
		return;
	lint = lint_next(s, TOP_LINT_TORN_READS, "");
	if (!lint)
		return;
	lint_put(lint->brief, "torn reads");
	lint_put(lint->what,
		 "%" PRIu64 " reads repeated and %" PRIu64 " rows left out in "
		 "%" PRIu64 " looks: numbers may be late",
		 f->torn, f->skipped, f->looks);
	lint_put(lint->next, "give this program more CPU, or ask less often (+)");
}

/* ---- all of them --------------------------------------------------------- */

void top_lints_find(struct top_lints *ret_lints, const struct top_frame *frame,
		    const struct top_lint_limits *limits, uint64_t silenced)
{
	static void (*const find[TOP_LINT_NR])(struct lint_search *) = {
	    [TOP_LINT_QUEUE_ETA] = lint_find_queue_eta,
	    [TOP_LINT_STUCK_WORKER] = find_stuck_workers,
	    [TOP_LINT_RESTART_STORM] = find_restart_storms,
	    [TOP_LINT_SPAWN_SLOW] = find_slow_spawns,
	    [TOP_LINT_TIMEOUTS_RISING] = find_rising_timeouts,
	    [TOP_LINT_HB_JITTER] = find_jitter,
	    [TOP_LINT_SKEW] = lint_find_skew,
	    [TOP_LINT_RSS_SLOPE] = lint_find_rss_slope,
	    [TOP_LINT_TORN_READS] = find_torn_reads,
	};
	struct lint_search s = {ret_lints, frame, limits, silenced};

	ret_lints->nr = ret_lints->silenced = 0;
	for (int id = 0; id < TOP_LINT_NR; id++)
		find[id](&s);
}

void top_lint_subject(char out[TOP_LINT_SUBJECT_BYTES], const struct top_lint *lint)
{
	if (!lint->pool[0])
		(void)snprintf(out, TOP_LINT_SUBJECT_BYTES, "snakepit-top");
	else if (lint->is_worker)
		(void)snprintf(out, TOP_LINT_SUBJECT_BYTES, "%s/%" PRIu32, lint->pool,
			       lint->slot);
	else
		(void)snprintf(out, TOP_LINT_SUBJECT_BYTES, "%s", lint->pool);
}

void top_lints_json(struct snp_json *json, const struct top_lints *lints)
{
	size_t kept = top_lints_kept(lints);

	snp_json_array_begin(json);
	for (size_t i = 0; i < kept; i++) {
		const struct top_lint *lint = &lints->lint[i];

		snp_json_object_begin(json);
		snp_json_kv_string(json, "lint", top_lint_infos[lint->id].name);
		if (lint->pool[0])
			snp_json_kv_string(json, "pool", lint->pool);
		if (lint->is_worker)
			snp_json_kv_u64(json, "slot", lint->slot);
		snp_json_kv_string(json, "what", lint->what);
		snp_json_kv_string(json, "next", lint->next);
		snp_json_object_end(json);
	}
	snp_json_array_end(json);
}
