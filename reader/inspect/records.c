/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a report that are records: what happened, and what is going on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

/* Records of a region are read in chunks; a runtime may write as fast as we read. */
enum { CHUNK = 256, CHUNKS_MAX = 65536, HISTORY_FIRST = 2048 };

/* Room for CHUNK more of `bytes` each behind the first `nr`. */
static int grow(void **array, size_t nr, size_t bytes)
{
	void *bigger = reallocarray(*array, nr + CHUNK, bytes);

	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	return 0;
}

/* ---- events -------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
	const struct snp_event *x = a, *y = b;

	if (x->mono.ns != y->mono.ns)
		return x->mono.ns < y->mono.ns ? -1 : 1;
	if (x->ring != y->ring)
		return x->ring < y->ring ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int add_events(struct report *report)
{
	struct snp_ring_cursor oldest = {0};
	struct snp_ring_cursor *cursor = report->cursor ? report->cursor : &oldest;
	size_t found = CHUNK;

	for (unsigned i = 0; found == CHUNK && i < CHUNKS_MAX; i++) {
		if (grow((void **)&report->events, report->events_nr,
			 sizeof(*report->events)) < 0)
			return -ENOMEM;
		found = snp_segment_events(report->seg, cursor,
					   report->events + report->events_nr, CHUNK);
		report->events_nr += found;
	}
	report->events_lost = cursor->lost;
	qsort(report->events, report->events_nr, sizeof(*report->events), by_time);
	return 0;
}

static int add_evidence(struct report *report)
{
	int rc = 0;

	report->evidence = calloc(report->events_nr + 1, sizeof(*report->evidence));
	if (!report->evidence)
		return -ENOMEM;
	for (size_t i = 0; i < report->events_nr && rc != -ENOMEM; i++)
		if (report->events[i].evidence)
			rc = snp_segment_evidence(report->seg,
						  report->events[i].evidence,
						  &report->evidence[i]);
	return rc == -ENOMEM ? rc : 0;
}

/* ---- spans --------------------------------------------------------------- */

static int by_end(const void *a, const void *b)
{
	const struct snp_span *x = a, *y = b;

	if (x->end.ns != y->end.ns)
		return x->end.ns < y->end.ns ? -1 : 1;
	if (x->ring != y->ring)
		return x->ring < y->ring ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int add_spans(struct report *report)
{
	struct snp_ring_cursor cursor = {0};
	size_t found = CHUNK;

	for (unsigned i = 0; found == CHUNK && i < CHUNKS_MAX; i++) {
		if (grow((void **)&report->spans, report->spans_nr,
			 sizeof(*report->spans)) < 0)
			return -ENOMEM;
		found = snp_segment_spans(report->seg, &cursor,
					  report->spans + report->spans_nr, CHUNK);
		report->spans_nr += found;
	}
	report->spans_lost = cursor.lost;
	qsort(report->spans, report->spans_nr, sizeof(*report->spans), by_end);
	return 0;
}

/* ---- in flight ----------------------------------------------------------- */

static int add_inflight(struct report *report)
{
	size_t room = 0, found = CHUNK;

	/* Requests come and go: as many as there were when they all found room. */
	while (found > room) {
		room = found + CHUNK;
		if (grow((void **)&report->inflight, found, sizeof(*report->inflight)) <
		    0)
			return -ENOMEM;
		found = snp_segment_inflight(report->seg, report->inflight, room);
	}
	report->inflight_nr = found;
	return 0;
}

/* ---- history ------------------------------------------------------------- */

/* Damaged samples do not count, so only a copy that leaves much room is known to be all
 * there is. */
static bool history_is_all(const struct report_history *history, size_t cap)
{
	return history->nr < cap / 2;
}

static int history_grow(void **samples, size_t *cap, size_t bytes)
{
	size_t bigger = *cap ? *cap * 2 : HISTORY_FIRST;
	void *memory = reallocarray(*samples, bigger, bytes);

	if (!memory)
		return -ENOMEM;
	*samples = memory;
	*cap = bigger;
	return 0;
}

int report_pool_history(const struct report *report, const struct snp_row *row,
			struct report_history *history)
{
	for (;;) {
		history->nr = snp_segment_pool_history(report->seg, row, history->pool,
						       history->pool_cap);
		if (history_is_all(history, history->pool_cap))
			return 0;
		if (history_grow((void **)&history->pool, &history->pool_cap,
				 sizeof(*history->pool)) < 0)
			return -ENOMEM;
	}
}

int report_worker_history(const struct report *report, const struct snp_row *row,
			  struct report_history *history)
{
	for (;;) {
		history->nr = snp_segment_worker_history(
		    report->seg, row, history->worker, history->worker_cap);
		if (history_is_all(history, history->worker_cap))
			return 0;
		if (history_grow((void **)&history->worker, &history->worker_cap,
				 sizeof(*history->worker)) < 0)
			return -ENOMEM;
	}
}

void report_history_fini(struct report_history *history)
{
	free(history->pool);
	free(history->worker);
	*history = (struct report_history){0};
}

/* ---- all ----------------------------------------------------------------- */

int report_records(struct report *report, struct snp_segment *seg, unsigned parts)
{
	int rc = 0;

	report->seg = seg;
	report->parts = parts;
	if (parts & REPORT_EVENTS)
		rc = add_events(report);
	if (rc == 0 && parts & REPORT_EVIDENCE)
		rc = add_evidence(report);
	if (rc == 0 && parts & REPORT_IN_FLIGHT)
		rc = add_inflight(report);
	if (rc == 0 && parts & REPORT_SPANS)
		rc = add_spans(report);
	if (parts & REPORT_THREADS)
		report->threads_nr =
		    snp_segment_threads(report->seg, report->threads, SNP_RINGS_MAX);
	return rc;
}

static bool is_of(const struct report *report, const struct snp_event *event,
		  const char *pool, int64_t slot)
{
	return strcmp(
		   report_uid_name(report, SNP_ROW_POOL, event->pool, event->pool_uid),
		   pool) == 0 &&
	       (slot < 0 || event->slot == slot);
}

void report_keep_events(struct report *report, const char *pool, int64_t slot)
{
	size_t kept = 0;

	for (size_t i = 0; i < report->events_nr; i++) {
		if (is_of(report, &report->events[i], pool, slot)) {
			report->events[kept] = report->events[i];
			if (report->evidence)
				report->evidence[kept] = report->evidence[i];
			kept++;
		} else if (report->evidence) {
			free(report->evidence[i].text);
		}
	}
	report->events_nr = kept;
}

void report_fini(struct report *report)
{
	for (size_t i = 0; report->evidence && i < report->events_nr; i++)
		free(report->evidence[i].text);
	free(report->evidence);
	free(report->events);
	free(report->inflight);
	free(report->spans);
	*report = (struct report){0};
}
