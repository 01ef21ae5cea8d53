/* SPDX-License-Identifier: Apache-2.0 */
#include "sane.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scripted_writer.h"
#include "snakepit/check.h"

enum { RECORDS_MAX = 256 };

static bool fault(struct sane *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool fault(struct sane *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s->fault, sizeof(s->fault), fmt, ap);
	va_end(ap);
	return false;
}

void sane_init(struct sane *s, struct snp_segment *seg, bool settled)
{
	*s = (struct sane){.seg = seg, .settled = settled};
	s->events = calloc(RECORDS_MAX, sizeof(*s->events));
	s->spans = calloc(RECORDS_MAX, sizeof(*s->spans));
	SNP_CHECK(s->events && s->spans);
}

void sane_fini(struct sane *s)
{
	snp_snapshot_destroy(&s->now);
	snp_snapshot_destroy(&s->before);
	snp_snapshot_destroy(&s->snap);
	free(s->events);
	free(s->spans);
}

/* ---- series -------------------------------------------------------------- */

static uint64_t value_of(const struct snp_snapshot *snap, const char *name,
			 uint32_t row, uint32_t cell)
{
	return snp_snapshot_value(snap, snp_snapshot_metric_find(snap, name), row,
				  cell);
}

static bool ledgers_add_up(struct sane *s, const struct snp_snapshot *snap)
{
	for (uint32_t i = 0; i < snp_snapshot_rows_nr(snap, SNP_ROW_POOL); i++) {
		uint64_t requests, parts;

		if (!snp_snapshot_row(snap, SNP_ROW_POOL, i))
			continue;
		requests = value_of(snap, "snakepit.pool.requests", i, 0);
		parts = value_of(snap, "snakepit.pool.request.outcomes", i, 0) +
			value_of(snap, "snakepit.pool.request.outcomes", i, 1) +
			value_of(snap, "snakepit.request.active", i, 0) +
			value_of(snap, "snakepit.pool.queue.depth", i, 0);
		if (requests != parts)
			return fault(s, "pool %u: %llu requests, %llu in the books", i,
				     (unsigned long long)requests,
				     (unsigned long long)parts);
	}
	return true;
}

/* All cells of one row's metric. */
static uint64_t sum_of(const struct snp_snapshot *snap, const char *name, uint32_t row)
{
	const struct snp_metric *m = snp_snapshot_metric_find(snap, name);
	uint64_t sum = 0;

	for (uint32_t cell = 0; cell < m->cells; cell++)
		sum += snp_snapshot_value(snap, m, row, cell);
	return sum;
}

static bool heads_add_up(struct sane *s, const struct snp_snapshot *snap)
{
	for (uint32_t i = 0; i < snp_snapshot_rows_nr(snap, SNP_ROW_POOL); i++) {
		uint64_t starts, parts;

		if (!snp_snapshot_row(snap, SNP_ROW_POOL, i))
			continue;
		starts = sum_of(snap, "snakepit.worker.starts", i);
		parts = sum_of(snap, "snakepit.worker.exits", i) +
			sum_of(snap, "snakepit.worker.processes", i);
		if (starts != parts)
			return fault(s, "pool %u: %llu starts, %llu ended or live", i,
				     (unsigned long long)starts,
				     (unsigned long long)parts);
	}
	return true;
}

/* The sum lags the buckets, never leads: at most what they hold at their upper ends. */
static bool histogram_holds(struct sane *s, const struct snp_series *series)
{
	const struct snp_metric *m = series->metric;
	long double most = 0;

	for (uint32_t i = 0; i <= m->nbuckets; i++)
		most += (long double)series->hist[i] *
			((long double)snp_hist_upper_ns(m, i) + 1);
	if (series->hist[m->nbuckets + 1] == 0 &&
	    (long double)series->hist[m->nbuckets + 2] > most)
		return fault(s, "%s row %u: sum ahead of its buckets", m->name,
			     series->row);
	return true;
}

static bool counter_did_not_fall(struct sane *s, const struct snp_series *series)
{
	const struct snp_metric *m = series->metric;
	const struct snp_row *before = NULL, *now;
	uint64_t old;

	if (s->looks == 0)
		return true;
	if (m->row_kind != SNP_ROW_PROC) {
		before = snp_snapshot_row(s->before, m->row_kind, series->row);
		now = snp_snapshot_row(s->now, m->row_kind, series->row);
		if (!before || !now || before->uid != now->uid)
			return true;
	}
	old = snp_snapshot_value(s->before, m, series->row, series->cell);
	if (old > series->value)
		return fault(s, "%s row %u cell %u fell from %llu to %llu", m->name,
			     series->row, series->cell, (unsigned long long)old,
			     (unsigned long long)series->value);
	/* The grace period before a row is retired is what this rests on. */
	if (m->row_kind != SNP_ROW_PROC && before->tombstone && old != series->value)
		return fault(s, "%s row %u cell %u counted on after it was retired",
			     m->name, series->row, series->cell);
	return true;
}

static bool series_hold(struct sane *s)
{
	struct snp_series_iter it;
	struct snp_series series;

	snp_series_iter_init(&it, s->now, NULL);
	while (snp_series_next(&it, &series)) {
		if (series.metric->kind == SNP_KIND_HISTOGRAM &&
		    !histogram_holds(s, &series))
			return false;
		if (series.metric->kind == SNP_KIND_COUNTER &&
		    !counter_did_not_fall(s, &series))
			return false;
	}
	return true;
}

/* ---- rows ---------------------------------------------------------------- */

/* A tool's name carries its number three times; a recycled row's cells start at 0, and
 * the script counts `requests` and `retries` of a tool alike, retries last. */
static bool tools_are_whole(struct sane *s, const struct snp_snapshot *snap)
{
	for (uint32_t i = 0; i < snp_snapshot_rows_nr(snap, SNP_ROW_TOOL); i++) {
		const struct snp_row *row = snp_snapshot_row(snap, SNP_ROW_TOOL, i);
		unsigned a, b, c;
		uint64_t requests, retries;

		if (!row)
			continue;
		if (sscanf(row->name, "tool-%u-%u-%u", &a, &b, &c) != 3 || a != b ||
		    b != c)
			return fault(s, "tool row %u has the name '%s'", i, row->name);
		requests = value_of(snap, "snakepit.requests", i, 0);
		retries = value_of(snap, "snakepit.request.retries", i, 0);
		if (s->settled && requests - retries > 1)
			return fault(s, "tool row %u: %llu requests, %llu retries", i,
				     (unsigned long long)requests,
				     (unsigned long long)retries);
	}
	return true;
}

static bool workers_are_whole(struct sane *s, const struct snp_snapshot *snap)
{
	for (uint32_t i = 0; i < snp_snapshot_rows_nr(snap, SNP_ROW_WORKER); i++) {
		const struct snp_row *row = snp_snapshot_row(snap, SNP_ROW_WORKER, i);

		if (!row)
			continue;
		if ((uint64_t)row->pid != script_pid(row->incarnation) ||
		    row->start_mono.ns != row->incarnation)
			return fault(s, "worker row %u: pid %d of incarnation %llu", i,
				     row->pid, (unsigned long long)row->incarnation);
		for (const char *p = row->last_error; *p; p++)
			if (*p != *row->last_error)
				return fault(s, "worker row %u: text '%.40s'", i,
					     row->last_error);
	}
	return true;
}

static bool rows_hold(struct sane *s, const struct snp_snapshot *snap)
{
	const struct snp_snapshot_stats *stats = snp_snapshot_stats(snap);

	if (s->settled && (stats->retries || stats->rows_skipped))
		return fault(s, "%u retries, %llu rows skipped with nobody writing",
			     stats->retries, (unsigned long long)stats->rows_skipped);
	return ledgers_add_up(s, snap) && heads_add_up(s, snap) &&
	       tools_are_whole(s, snap) && workers_are_whole(s, snap);
}

/* ---- records ------------------------------------------------------------- */

static bool evidence_is_whole(struct sane *s, uint64_t number)
{
	struct snp_evidence evidence;
	size_t same = 0;
	int rc = snp_segment_evidence(s->seg, number, &evidence);

	if (rc == -ENOENT)
		return true; /* overwritten */
	if (rc < 0)
		return fault(s, "evidence %llu: %d", (unsigned long long)number, rc);
	while (same < evidence.len && evidence.text[same] == evidence.text[0])
		same++;
	if (same < evidence.len)
		(void)fault(s, "evidence %llu is mixed from byte %zu on",
			    (unsigned long long)number, same);
	free(evidence.text);
	return same == evidence.len;
}

static bool events_hold(struct sane *s)
{
	struct snp_ring_cursor cursor = {0};
	size_t found = snp_segment_events(s->seg, &cursor, s->events, RECORDS_MAX);

	for (size_t i = 0; i < found; i++) {
		const struct snp_event *e = &s->events[i];

		if (e->value[1] != script_mix(e->value[0]) ||
		    e->incarnation != e->value[0])
			return fault(s, "event %llu is mixed",
				     (unsigned long long)e->seq);
		if (e->evidence && !evidence_is_whole(s, e->evidence))
			return false;
	}
	/* Of the kept ones, only the record that is being overwritten may be missing.
	 */
	if (s->settled && cursor.lost && found + 1 < SCRIPT_RING)
		return fault(s, "%zu events found, %llu lost", found,
			     (unsigned long long)cursor.lost);
	return true;
}

static bool spans_hold(struct sane *s)
{
	struct snp_ring_cursor cursor = {0};
	size_t found = snp_segment_spans(s->seg, &cursor, s->spans, RECORDS_MAX);

	for (size_t i = 0; i < found; i++) {
		const struct snp_span *span = &s->spans[i];

		if (span->trace_id[1] != script_mix(span->trace_id[0]) ||
		    span->end.ns != span->start.ns + span->queue_ns)
			return fault(s, "span %llu is mixed",
				     (unsigned long long)span->seq);
	}
	if (s->settled && cursor.lost && found + 1 < SCRIPT_RING)
		return fault(s, "%zu spans found, %llu lost", found,
			     (unsigned long long)cursor.lost);
	return true;
}

static bool inflight_holds(struct sane *s)
{
	struct snp_inflight slots[8];
	size_t found = snp_segment_inflight(s->seg, slots, 8);

	for (size_t i = 0; i < found && i < 8; i++) {
		char want[SNP_INFL_CORRELATION_BYTES + 1];

		script_correlation(slots[i].incarnation, want);
		if (slots[i].trace_id[1] != script_mix(slots[i].trace_id[0]) ||
		    strcmp(slots[i].correlation, want) != 0)
			return fault(s, "slot %u in flight is mixed", slots[i].at);
	}
	return true;
}

static bool history_holds(struct sane *s)
{
	const struct snp_row *row = snp_snapshot_row(s->now, SNP_ROW_POOL, 0);
	struct snp_pool_sample samples[64];
	size_t found = row ? snp_segment_pool_history(s->seg, row, samples, 64) : 0;

	for (size_t i = 1; i < found; i++)
		if (samples[i].mono.ns < samples[i - 1].mono.ns ||
		    samples[i].requests < samples[i - 1].requests)
			return fault(s, "pool sample %zu is older than the one before",
				     i);
	return true;
}

/* ---- all ----------------------------------------------------------------- */

static bool snap_holds(struct sane *s)
{
	struct snp_err err = {0};
	int rc = snp_segment_snapshot_from(s->seg, SNP_TIER_SNAP, &s->snap, &err);

	if (rc == -EAGAIN)
		return true; /* none yet */
	if (rc < 0 && s->settled)
		return fault(s, "SNAP: %s", err.msg);
	return rc < 0 || rows_hold(s, s->snap);
}

bool sane_take(struct sane *s)
{
	struct snp_snapshot *spare = s->before;
	struct snp_err err = {0};

	s->before = s->now;
	s->now = spare;
	if (snp_segment_snapshot(s->seg, &s->now, &err) < 0)
		return fault(s, "snapshot: %s", err.msg);
	return true;
}

bool sane_judge(struct sane *s)
{
	bool ok = rows_hold(s, s->now) && series_hold(s) && snap_holds(s) &&
		  events_hold(s) && spans_hold(s) && inflight_holds(s) &&
		  history_holds(s);

	s->looks++;
	return ok;
}

bool sane_look(struct sane *s)
{
	return sane_take(s) && sane_judge(s);
}
