/* SPDX-License-Identifier: Apache-2.0 */
#include "tail.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marks.h"
#include "model/target.h"

#define CHUNK 256 /* spans, and events, that are read at once */

/* Between two looks: as often as a look finds an eighth of what the queue takes. */
#define WAIT_MIN_NS (1 * SNP_NS_PER_MS)
#define WAIT_MAX_NS (100 * SNP_NS_PER_MS)
#define BUSY_SPANS  CHUNK

/* From poll to poll of the target, which takes a whole snapshot. */
#define POLL_NS SNP_NS_PER_S

/* A full queue may be one whose receiver is slow to answer: spans wait in the ring for
 * that long. One that is still full then is that of a receiver that is gone. */
#define ROOM_MS 250

/* What ended a request may be recorded just after its span: one that failed waits for
 * that long, in a place of its own while there is one. */
#define LATE_MS	 250
#define LATE_MAX 64

struct late {
	struct otlp_record record;
	snp_mono_t due;
};

struct otlp_tail {
	struct otlp_tail_options options;
	struct snp_target *target;
	/* What is being read, and a snapshot of it: `names` where that had to be newer
	 * than the `fallback`, the target's. */
	struct snp_segment *seg;
	const struct snp_snapshot *snap, *fallback;
	struct snp_snapshot *names;
	struct otlp_resource *resource; /* of the runtime `uuid` */
	char uuid[sizeof(((struct snp_segment_info *)0)->uuid)];
	snp_mono_t started, polled;
	bool skipping; /* in the first look at a runtime: what came before `skip` */
	snp_mono_t skip;
	struct snp_ring_cursor spans_at, events_at;
	bool spans_full, logs_full; /* when we last waited for room in the queue */
	_Atomic uint64_t
	    patient_until; /* CLOCK_MONOTONIC ns: no waiting from then on */
	struct otlp_marks *marks;
	struct late late[LATE_MAX]; /* the oldest first */
	size_t late_nr;
	struct snp_span spans[CHUNK];
	struct snp_event events[CHUNK];
	/* Of segments that have gone, and of the one that is there. */
	uint64_t spans_lost_before, events_lost_before;
	_Atomic uint64_t spans_lost, events_lost;
	/* The thread. */
	pthread_t thread;
	bool has_thread, has_ended;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop;
};

/* ---- names --------------------------------------------------------------- */

/* NULL: the row is not in that snapshot, or is another's by now. */
static const char *find_name(const struct snp_snapshot *snap, unsigned kind,
			     uint32_t index, uint64_t uid)
{
	const struct snp_row *row;

	if (index >= snp_snapshot_rows_nr(snap, kind))
		return NULL;
	row = snp_snapshot_row(snap, kind, index);
	return row && row->uid == uid ? row->name : NULL;
}

static bool is_of_none(uint32_t index, uint64_t uid)
{
	return index == UINT32_MAX || uid == 0;
}

/* Its name, "" where it has none or nobody knows any more. */
static const char *name_of(const struct otlp_tail *tail, unsigned kind, uint32_t index,
			   uint64_t uid)
{
	const char *name = NULL;

	if (!is_of_none(index, uid))
		name = find_name(tail->snap, kind, index, uid);
	return name ? name : "";
}

static bool has_name(const struct otlp_tail *tail, unsigned kind, uint32_t index,
		     uint64_t uid)
{
	return is_of_none(index, uid) || find_name(tail->snap, kind, index, uid);
}

static bool has_all_names(const struct otlp_tail *tail, size_t spans, size_t events)
{
	for (size_t i = 0; i < spans; i++) {
		const struct snp_span *s = &tail->spans[i];

		if (!has_name(tail, SNP_ROW_POOL, s->pool, s->pool_uid) ||
		    !has_name(tail, SNP_ROW_TOOL, s->tool, s->tool_uid))
			return false;
	}
	for (size_t i = 0; i < events; i++) {
		const struct snp_event *e = &tail->events[i];

		if (!has_name(tail, SNP_ROW_POOL, e->pool, e->pool_uid))
			return false;
	}
	return true;
}

/* Rows may have come since the snapshot at hand was taken. */
static void refresh_names(struct otlp_tail *tail)
{
	if (snp_segment_snapshot(tail->seg, &tail->names, NULL) == 0) {
		tail->snap = tail->names;
		return;
	}
	snp_snapshot_destroy(&tail->names);
	tail->snap = tail->fallback;
}

/* ---- records ------------------------------------------------------------- */

static uint64_t patience_ms(const struct otlp_tail *tail)
{
	const snp_mono_t until = {
	    atomic_load_explicit(&tail->patient_until, memory_order_relaxed)};
	uint64_t ms = snp_mono_since_ns(until, snp_mono_now()) / SNP_NS_PER_MS;

	return ms < ROOM_MS ? ms : ROOM_MS;
}

static void put(const struct otlp_tail *tail, struct otlp_records *records,
		struct otlp_record *record, bool *full)
{
	*full = !otlp_records_wait(records, *full ? 0 : patience_ms(tail));
	(void)otlp_records_put(records, record);
}

static bool is_skipped(const struct otlp_tail *tail, snp_mono_t recorded)
{
	return tail->skipping && recorded.ns < tail->skip.ns;
}

static void note_retry(struct otlp_tail *tail, const struct snp_span *span)
{
	struct otlp_mark mark = {
	    .trace_id = {span->trace_id[0], span->trace_id[1]},
	    .mono = span->start,
	    .wall = snp_snapshot_wall(tail->snap, span->start),
	    .attempt = span->attempt,
	    .slot = span->slot,
	    .incarnation = span->incarnation,
	};

	otlp_marks_add(tail->marks, &mark);
}

static void note_event(struct otlp_tail *tail, const struct snp_told_event *told)
{
	const struct snp_event *event = &told->event;
	struct otlp_mark mark = {
	    .trace_id = {event->trace_id[0], event->trace_id[1]},
	    .mono = event->mono,
	    .wall = told->wall,
	    .slot = event->slot + 1,
	    .incarnation = event->incarnation,
	};

	memcpy(mark.kind, told->kind, sizeof(mark.kind));
	memcpy(mark.to, told->to, sizeof(mark.to));
	memcpy(mark.reason, told->reason, sizeof(mark.reason));
	otlp_marks_add(tail->marks, &mark);
}

static void tell_event(struct otlp_tail *tail, const struct snp_event *event)
{
	struct otlp_record record = {.signal = OTLP_LOGS};
	struct snp_told_event *told = &record.event.told;

	if (is_skipped(tail, event->mono))
		return;
	snp_event_tell(told, event, tail->seg,
		       name_of(tail, SNP_ROW_POOL, event->pool, event->pool_uid));
	told->wall = snp_snapshot_wall(tail->snap, event->mono);
	record.event.observed = snp_wall_now();
	if (event->trace_id[0] | event->trace_id[1])
		note_event(tail, told);
	if (!tail->options.logs)
		return;
	record.resource = otlp_resource_hold(tail->resource);
	put(tail, tail->options.logs, &record, &tail->logs_full);
}

/* Those of the request as a whole go to its own span. */
static void add_marks(struct otlp_tail *tail, struct otlp_span_record *record)
{
	const struct snp_span *span = &record->span;
	struct otlp_mark marks[OTLP_MARKS_MAX];
	snp_mono_t end = span->end;
	unsigned nr;

	if (span->kind != SNP_SPAN_KIND_REQUEST)
		return;
	if (snp_span_is_error(span))
		end = snp_mono_add_ms(end, LATE_MS);
	nr = otlp_marks_of(tail->marks, span->trace_id, span->start, end, marks);
	if (nr == 0)
		return;
	record->marks = malloc(nr * sizeof(*marks));
	if (!record->marks)
		return;
	memcpy(record->marks, marks, nr * sizeof(*marks));
	record->marks_nr = nr;
}

static void put_span(struct otlp_tail *tail, struct otlp_record *record)
{
	add_marks(tail, &record->span);
	put(tail, tail->options.spans, record, &tail->spans_full);
}

/* Those that were due by then. */
static void put_late(struct otlp_tail *tail, snp_mono_t now)
{
	size_t nr = 0;

	while (nr < tail->late_nr && tail->late[nr].due.ns <= now.ns)
		put_span(tail, &tail->late[nr++].record);
	tail->late_nr -= nr;
	memmove(tail->late, tail->late + nr, tail->late_nr * sizeof(tail->late[0]));
}

static void put_all_late(struct otlp_tail *tail)
{
	put_late(tail, (snp_mono_t){UINT64_MAX});
}

static void tell_span(struct otlp_tail *tail, const struct snp_span *span)
{
	struct otlp_record record = {.signal = OTLP_TRACES};
	struct otlp_span_record *r = &record.span;

	if (!(span->flags & SNP_SPAN_FLAGS_EXPORT) || is_skipped(tail, span->end))
		return;
	r->span = *span;
	/* One reading of the clocks for both ends: it never ends before it starts. */
	r->start = snp_snapshot_wall(tail->snap, span->start);
	r->end.ns = r->start.ns + snp_mono_since_ns(span->end, span->start);
	(void)snprintf(r->pool, sizeof(r->pool), "%s",
		       name_of(tail, SNP_ROW_POOL, span->pool, span->pool_uid));
	(void)snprintf(r->tool, sizeof(r->tool), "%s",
		       name_of(tail, SNP_ROW_TOOL, span->tool, span->tool_uid));
	record.resource = otlp_resource_hold(tail->resource);
	if (span->kind == SNP_SPAN_KIND_REQUEST && snp_span_is_error(span) &&
	    tail->late_nr < LATE_MAX)
		tail->late[tail->late_nr++] =
		    (struct late){record, snp_mono_add_ms(snp_mono_now(), LATE_MS)};
	else
		put_span(tail, &record);
}

/* ---- reading ------------------------------------------------------------- */

static void tell_chunk(struct otlp_tail *tail, size_t spans, size_t events)
{
	if (!has_all_names(tail, spans, events))
		refresh_names(tail);
	for (size_t i = 0; i < events; i++)
		tell_event(tail, &tail->events[i]);
	for (size_t i = 0; i < spans; i++)
		if (tail->spans[i].kind == SNP_SPAN_KIND_ATTEMPT &&
		    tail->spans[i].attempt > 1)
			note_retry(tail, &tail->spans[i]);
	for (size_t i = 0; i < spans; i++)
		tell_span(tail, &tail->spans[i]);
}

static void count_lost(struct otlp_tail *tail)
{
	if (tail->skipping) { /* what was overwritten before we came is no loss */
		tail->spans_at.lost = 0;
		tail->events_at.lost = 0;
		tail->skipping = false;
	}
	atomic_store_explicit(&tail->spans_lost,
			      tail->spans_lost_before + tail->spans_at.lost,
			      memory_order_relaxed);
	atomic_store_explicit(&tail->events_lost,
			      tail->events_lost_before + tail->events_at.lost,
			      memory_order_relaxed);
}

/* All there is in the rings of `seg` now; `snap` is one of its snapshots. Returns how
 * many spans that were. */
static size_t read_rings(struct otlp_tail *tail, struct snp_segment *seg,
			 const struct snp_snapshot *snap)
{
	size_t total = 0, spans, events;

	tail->seg = seg;
	tail->snap = tail->fallback = snap;
	do {
		/* Spans first: what happened to a request is recorded before its span
		 * is, so that the events that are read afterwards have it. */
		spans = tail->options.spans ? snp_segment_spans(seg, &tail->spans_at,
								tail->spans, CHUNK)
					    : 0;
		events = snp_segment_events(seg, &tail->events_at, tail->events, CHUNK);
		tell_chunk(tail, spans, events);
		total += spans;
	} while (spans == CHUNK || events == CHUNK);
	put_late(tail, snp_mono_now());
	snp_snapshot_destroy(&tail->names);
	count_lost(tail);
	return total;
}

/* ---- the segment --------------------------------------------------------- */

/* From when on a runtime that is met for the first time is ours to tell of, on its own
 * clock; 0 = from its start. */
static snp_mono_t first_of(const struct otlp_tail *tail, const struct snp_segment *seg,
			   const struct snp_snapshot *snap)
{
	/* In this order: rather too early by the time between the two. */
	snp_mono_t now = snp_segment_now(seg, snap);
	uint64_t own_ns = snp_mono_since_ns(snp_mono_now(), tail->started);
	uint64_t its_ns = snp_mono_since_ns(now, snp_segment_info(seg)->start_mono);

	if (tail->options.from == OTLP_TAIL_KEPT ||
	    its_ns <= own_ns + tail->options.young_ns)
		return (snp_mono_t){0};
	return (snp_mono_t){now.ns - own_ns};
}

static void meet(struct otlp_tail *tail, const struct snp_segment *seg,
		 const struct snp_snapshot *snap)
{
	const struct snp_segment_info *info = snp_segment_info(seg);

	otlp_resource_drop(&tail->resource);
	tail->resource = otlp_resource_of_runtime(tail->options.identity, info);
	memcpy(tail->uuid, info->uuid, sizeof(tail->uuid));
	tail->spans_lost_before += tail->spans_at.lost;
	tail->events_lost_before += tail->events_at.lost;
	memset(&tail->spans_at, 0, sizeof(tail->spans_at));
	memset(&tail->events_at, 0, sizeof(tail->events_at));
	tail->skip = first_of(tail, seg, snap);
	tail->skipping = tail->skip.ns > 0 || tail->options.from == OTLP_TAIL_KEPT;
}

/* A segment may be replaced and be that of the same run, grown: then its rings go on.
 */
static void poll_target(struct otlp_tail *tail)
{
	struct snp_target *target = tail->target;
	struct snp_segment *seg, *old;

	(void)snp_target_poll(target);
	tail->polled = snp_mono_now();
	seg = snp_target_segment(target);
	if (!seg || strcmp(snp_segment_info(seg)->uuid, tail->uuid) == 0)
		return;
	old = snp_target_predecessor_segment(target);
	if (old && tail->resource)
		(void)read_rings(tail, old, snp_target_predecessor(target));
	put_all_late(tail); /* nothing more will come of the run they are of */
	meet(tail, seg, snp_target_snapshot(target));
}

/* Returns how many spans there were. */
static size_t look(struct otlp_tail *tail)
{
	struct snp_segment *seg = snp_target_segment(tail->target);
	uint64_t since = snp_mono_since_ns(snp_mono_now(), tail->polled);

	if (!seg || since >= POLL_NS || snp_segment_replaced(seg))
		poll_target(tail);
	seg = snp_target_segment(tail->target);
	/* Without memory for a resource: the rings are where it is tried again. */
	if (seg && !tail->resource)
		tail->resource = otlp_resource_of_runtime(tail->options.identity,
							  snp_segment_info(seg));
	if (!seg || !tail->resource)
		return 0;
	return read_rings(tail, seg, snp_target_snapshot(tail->target));
}

bool otlp_tail_look(struct otlp_tail *tail)
{
	(void)look(tail);
	return snp_target_state(tail->target) == SNP_TARGET_LIVE;
}

/* ---- the thread ---------------------------------------------------------- */

static uint64_t next_wait_ns(uint64_t wait_ns, size_t spans)
{
	if (spans > BUSY_SPANS && wait_ns > WAIT_MIN_NS)
		return wait_ns / 2;
	if (spans < BUSY_SPANS / 4 && wait_ns < WAIT_MAX_NS)
		return wait_ns * 2 < WAIT_MAX_NS ? wait_ns * 2 : WAIT_MAX_NS;
	return wait_ns;
}

static bool wait_or_stop(struct otlp_tail *tail, uint64_t ns)
{
	uint64_t until = snp_mono_now().ns + ns;
	const struct timespec due = {.tv_sec = (time_t)(until / SNP_NS_PER_S),
				     .tv_nsec = (long)(until % SNP_NS_PER_S)};
	bool stop;

	(void)pthread_mutex_lock(&tail->mutex);
	while (!tail->stop && pthread_cond_clockwait(&tail->wake, &tail->mutex,
						     CLOCK_MONOTONIC, &due) == 0)
		;
	stop = tail->stop;
	(void)pthread_mutex_unlock(&tail->mutex);
	return stop;
}

static void *run(void *arg)
{
	struct otlp_tail *tail = arg;
	uint64_t wait_ns = WAIT_MIN_NS;

	do
		wait_ns = next_wait_ns(wait_ns, look(tail));
	while (!wait_or_stop(tail, wait_ns));
	return NULL;
}

/* ---- lifetime ------------------------------------------------------------ */

int otlp_tail_create(const struct otlp_tail_options *options,
		     struct otlp_tail **ret_tail)
{
	struct otlp_tail *tail = calloc(1, sizeof(*tail));
	int r;

	if (!tail)
		return -ENOMEM;
	tail->options = *options;
	tail->started = snp_mono_now();
	atomic_init(&tail->patient_until, UINT64_MAX);
	(void)pthread_mutex_init(&tail->mutex, NULL);
	(void)pthread_cond_init(&tail->wake, NULL);
	r = otlp_marks_create(&tail->marks);
	if (r == 0)
		r = snp_target_create(options->instance, &tail->target);
	if (r < 0)
		otlp_tail_destroy(&tail);
	else
		*ret_tail = tail;
	return r;
}

int otlp_tail_start(struct otlp_tail *tail)
{
	int r = pthread_create(&tail->thread, NULL, run, tail);

	tail->has_thread = r == 0;
	return -r;
}

static void end_thread(struct otlp_tail *tail)
{
	if (!tail->has_thread)
		return;
	(void)pthread_mutex_lock(&tail->mutex);
	tail->stop = true;
	(void)pthread_cond_signal(&tail->wake);
	(void)pthread_mutex_unlock(&tail->mutex);
	(void)pthread_join(tail->thread, NULL);
	tail->has_thread = false;
}

void otlp_tail_stop(struct otlp_tail *tail, snp_mono_t deadline)
{
	if (tail->has_ended)
		return;
	tail->has_ended = true;
	/* Before the thread is to end: it may be at a ring that fills as fast as a slow
	 * receiver lets it be read. */
	atomic_store_explicit(&tail->patient_until, deadline.ns, memory_order_relaxed);
	end_thread(tail);
	(void)look(tail);
	put_all_late(tail);
}

void otlp_tail_destroy(struct otlp_tail **tail)
{
	struct otlp_tail *t = *tail;

	if (!t)
		return;
	end_thread(t);
	for (size_t i = 0; i < t->late_nr; i++)
		otlp_record_fini(&t->late[i].record);
	otlp_resource_drop(&t->resource);
	snp_target_destroy(&t->target);
	otlp_marks_destroy(&t->marks);
	(void)pthread_cond_destroy(&t->wake);
	(void)pthread_mutex_destroy(&t->mutex);
	free(t);
	*tail = NULL;
}

void otlp_tail_counts(const struct otlp_tail *tail, struct otlp_tail_counts *ret)
{
	ret->spans_lost = atomic_load_explicit(&tail->spans_lost, memory_order_relaxed);
	ret->events_lost =
	    atomic_load_explicit(&tail->events_lost, memory_order_relaxed);
}
