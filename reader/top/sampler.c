/* SPDX-License-Identifier: Apache-2.0 */
#include "sampler.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/target.h"
#include "model/utf8.h"
#include "rewind.h"

#define WINDOW_NS	(TOP_WINDOW_S * SNP_NS_PER_S)
#define EVENTS_PER_READ 256
#define EVENT_READS_MAX 64

struct top_sampler {
	struct snp_target *target;
	bool final; /* the frame holds the last numbers of its run */
	struct snp_look next;
	/* Looks a second apart, for quantiles: a ring that reaches back WINDOW_NS. */
	struct snp_look window[TOP_WINDOW_S + 1];
	size_t window_head, window_nr;
	struct snp_ring_cursor cursor;
	struct snp_event *events; /* that the frame does not have yet */
	size_t events_nr, events_cap;
	uint64_t events_lost; /* of those the cursor counts: the frame knows of them */
	struct top_history *history;
	struct snp_inflight *inflight;
	size_t inflight_cap;
};

int top_sampler_create(const char *name, struct top_sampler **ret_sampler)
{
	struct top_sampler *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->history = top_history_create();
	if (!s->history || snp_target_create(name, &s->target) < 0) {
		top_sampler_destroy(&s);
		return -ENOMEM;
	}
	*ret_sampler = s;
	return 0;
}

void top_sampler_destroy(struct top_sampler **sampler)
{
	struct top_sampler *s = *sampler;

	if (!s)
		return;
	snp_target_destroy(&s->target);
	top_history_destroy(&s->history);
	snp_look_fini(&s->next);
	for (size_t i = 0; i < TOP_WINDOW_S + 1; i++)
		snp_look_fini(&s->window[i]);
	free(s->events);
	free(s->inflight);
	free(s);
	*sampler = NULL;
}

/* ---- the window of quantiles --------------------------------------------- */

#define WINDOW_SLOTS (TOP_WINDOW_S + 1)

static struct snp_look *window_newest(struct top_sampler *s)
{
	return &s->window[(s->window_head + WINDOW_SLOTS - 1) % WINDOW_SLOTS];
}

/* The oldest look that is inside the window; NULL while there is none. */
static struct snp_look *window_base(struct top_sampler *s, snp_mono_t now)
{
	for (size_t back = s->window_nr; back > 0; back--) {
		struct snp_look *look =
		    &s->window[(s->window_head + WINDOW_SLOTS - back) % WINDOW_SLOTS];

		/* Half a second of tolerance: ticks are not exact. */
		if (snp_mono_since_ns(now, look->taken) <= WINDOW_NS + SNP_NS_PER_S / 2)
			return look;
	}
	return NULL;
}

static int window_add(struct top_sampler *s, const struct snp_look *look)
{
	/* Just under a second apart, so that a tick that comes early is not left out.
	 */
	if (s->window_nr > 0 &&
	    snp_mono_since_ns(look->taken, window_newest(s)->taken) <
		SNP_NS_PER_S * 9 / 10)
		return 0;
	if (snp_look_copy(&s->window[s->window_head], look) < 0)
		return -ENOMEM;
	s->window_head = (s->window_head + 1) % WINDOW_SLOTS;
	s->window_nr += s->window_nr < WINDOW_SLOTS;
	return 0;
}

/* ---- events -------------------------------------------------------------- */

static int events_copy(struct top_sampler *s)
{
	struct snp_segment *seg = snp_target_segment(s->target);

	for (int i = 0; i < EVENT_READS_MAX; i++) {
		size_t n;

		if (s->events_cap - s->events_nr < EVENTS_PER_READ) {
			size_t cap = s->events_nr + EVENTS_PER_READ;
			void *bigger = reallocarray(s->events, cap, sizeof(*s->events));

			if (!bigger)
				return -ENOMEM;
			s->events = bigger;
			s->events_cap = cap;
		}
		n = snp_segment_events(seg, &s->cursor, s->events + s->events_nr,
				       EVENTS_PER_READ);
		s->events_nr += n;
		if (n < EVENTS_PER_READ)
			break;
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct snp_event *x = a, *y = b;

	return (x->mono.ns > y->mono.ns) - (x->mono.ns < y->mono.ns);
}

static void events_take(struct top_sampler *s, struct top_frame *frame)
{
	const struct snp_snapshot *snap = snp_target_snapshot(s->target);
	bool first = frame->events.nr == 0;

	if (s->events_nr > 1) /* rings come one after another */
		qsort(s->events, s->events_nr, sizeof(*s->events), by_time);
	for (size_t i = 0; i < s->events_nr; i++) {
		struct snp_told_event event;

		top_event_read(&event, &s->events[i], snp_target_segment(s->target),
			       &frame->look);
		event.wall = snp_snapshot_wall(snap, event.event.mono);
		top_eventlog_add(&frame->events, &event);
	}
	/* What was overwritten before we came is nobody's loss. */
	if (!first)
		frame->events.lost += s->cursor.lost - s->events_lost;
	s->events_lost = s->cursor.lost;
	s->events_nr = 0;
}

/* ---- frames -------------------------------------------------------------- */

static enum top_verdict verdict_of(const struct top_sampler *s)
{
	switch (snp_target_state(s->target)) {
	case SNP_TARGET_ABSENT:
		return TOP_WAITING;
	case SNP_TARGET_BROKEN:
		return TOP_BROKEN;
	case SNP_TARGET_LIVE:
		return snp_target_verdict(s->target) == SNP_WRITER_HUNG ? TOP_STALE
									: TOP_LIVE;
	default:
		return snp_target_verdict(s->target) == SNP_WRITER_CLOSED ? TOP_CLOSED
									  : TOP_DEAD;
	}
}

static void describe_segment(struct top_sampler *s, struct top_frame *frame)
{
	const struct snp_segment_info *info =
	    snp_segment_info(snp_target_segment(s->target));

	memcpy(frame->instance, info->instance, sizeof(frame->instance));
	memcpy(frame->path, info->path, sizeof(frame->path));
	memcpy(frame->uuid, info->uuid, sizeof(frame->uuid));
	frame->pid = info->pid;
	frame->started = info->start_wall;
	frame->incarnation = info->incarnation;
	frame->generation++;
}

/* Whether the frame is about another run than the segment, or about none. A run whose
 * segment was attached anew, because it has more metrics, goes on. */
static bool is_new_run(const struct top_sampler *s, const struct top_frame *frame)
{
	const struct snp_segment *seg = snp_target_segment(s->target);

	return strcmp(snp_segment_info(seg)->uuid, frame->uuid) != 0;
}

/* A new run begins: nothing of the old one may be compared with it. */
static void begin_run(struct top_sampler *s, struct top_frame *frame)
{
	s->final = false;
	s->window_nr = 0;
	s->cursor = (struct snp_ring_cursor){0};
	s->events_nr = 0;
	s->events_lost = 0;
	frame->looks = frame->torn = frame->skipped = 0;
	describe_segment(s, frame);
	snp_look_fini(&frame->look);
}

static void describe_writer(struct top_sampler *s, struct top_frame *frame)
{
	const struct snp_segment_info *info =
	    snp_segment_info(snp_target_segment(s->target));
	const struct snp_snapshot_stats *stats =
	    snp_snapshot_stats(snp_target_snapshot(s->target));
	snp_mono_t now = snp_segment_now(snp_target_segment(s->target),
					 snp_target_snapshot(s->target));

	frame->draining = stats->state == SNP_STATE_DRAINING;
	frame->heartbeat_seq = stats->heartbeat_seq;
	frame->heartbeat = stats->heartbeat_wall;
	frame->heartbeat_age_ns = snp_mono_since_ns(now, stats->heartbeat_mono);
	frame->uptime_ns = snp_mono_since_ns(
	    snp_target_state(s->target) == SNP_TARGET_LIVE ? now
							   : stats->heartbeat_mono,
	    info->start_mono);
}

/* ---- requests in flight -------------------------------------------------- */

/* The present, or the end of a runtime that is no more. */
static snp_mono_t now_of(const struct top_sampler *s)
{
	const struct snp_snapshot *snap = snp_target_snapshot(s->target);

	return snp_target_state(s->target) == SNP_TARGET_LIVE
		   ? snp_segment_now(snp_target_segment(s->target), snap)
		   : snp_snapshot_now(snap);
}

static int by_age(const void *a, const void *b)
{
	const struct snp_inflight *x = a, *y = b;

	return (x->received.ns > y->received.ns) - (x->received.ns < y->received.ns);
}

static void tell_inflight(struct top_inflight *told, const struct snp_inflight *f,
			  const struct snp_snapshot *snap, snp_mono_t now)
{
	const struct snp_row *tool = snp_snapshot_row(snap, SNP_ROW_TOOL, f->tool);

	*told = (struct top_inflight){
	    .age_ns = snp_mono_since_ns(now, f->received),
	    .run_ns = snp_mono_since_ns(now, f->start),
	    .left_ns =
		f->deadline.ns ? snp_mono_since_ns(f->deadline, now) : SNP_UNKNOWN};
	snp_utf8_copy(told->method, sizeof(told->method), tool ? tool->name : "");
	snp_utf8_copy(told->correlation, sizeof(told->correlation), f->correlation);
}

/* The index in look.workers; workers_nr where the row has no worker now. */
static size_t worker_of_row(const struct snp_look *look, uint32_t row)
{
	size_t i = 0;

	while (i < look->workers_nr && look->workers[i].row != row)
		i++;
	return i;
}

static int inflight_copy(struct top_sampler *s, size_t *ret_nr)
{
	struct snp_segment *seg = snp_target_segment(s->target);
	size_t nr = snp_segment_inflight(seg, s->inflight, s->inflight_cap);

	if (nr > s->inflight_cap) {
		size_t cap = nr + nr / 2;
		void *bigger = reallocarray(s->inflight, cap, sizeof(*s->inflight));

		if (!bigger)
			return -ENOMEM;
		s->inflight = bigger;
		s->inflight_cap = cap;
		nr = snp_segment_inflight(seg, s->inflight, cap);
		nr = nr < cap ? nr : cap;
	}
	*ret_nr = nr;
	return 0;
}

static int inflight_take(struct top_sampler *s, struct top_frame *frame)
{
	const struct snp_snapshot *snap = snp_target_snapshot(s->target);
	snp_mono_t now = now_of(s);
	struct top_inflight *told;
	size_t nr, worker;
	int rc = inflight_copy(s, &nr);

	if (rc < 0)
		return rc;
	frame->inflight_all = nr;
	frame->inflight_nr = 0;
	if (nr > 1)
		qsort(s->inflight, nr, sizeof(*s->inflight), by_age);
	for (size_t i = 0; i < nr && frame->inflight_nr < TOP_INFLIGHT_MAX; i++) {
		worker = worker_of_row(&frame->look, s->inflight[i].worker);
		if (worker == frame->look.workers_nr)
			continue;
		told = &frame->inflight[frame->inflight_nr++];
		tell_inflight(told, &s->inflight[i], snap, now);
		told->worker = (uint32_t)worker;
		told->pool = frame->look.workers[worker].pool;
	}
	return 0;
}

/* ---- looks --------------------------------------------------------------- */

/* The seconds before we came, and those that are older than what we have seen. */
static int history_take(struct top_sampler *s, struct top_frame *frame)
{
	int rc = top_history_read(s->history, snp_target_segment(s->target),
				  snp_target_snapshot(s->target),
				  (uint32_t)frame->generation);

	frame->history = s->history;
	frame->second = top_history_second(s->history);
	frame->step = top_history_step(s->history);
	return rc;
}

/* A sample of another run, or of long ago, says nothing of now. */
#define SAMPLE_AGE_MAX_NS (5 * SNP_NS_PER_S / 2)

static bool history_is_fresh(const struct top_frame *frame)
{
	const struct top_pool_point *point = top_frame_pool_at(frame, TOP_ALL_POOLS, 0);

	return point && point->run == frame->generation && !isnan(point->req_s) &&
	       snp_mono_since_ns(frame->look.now, point->at) < SAMPLE_AGE_MAX_NS;
}

static int take_look(struct top_sampler *s, struct top_frame *frame)
{
	const struct snp_snapshot *snap = snp_target_snapshot(s->target);
	const struct snp_look *before = frame->look.taken.ns ? &frame->look : NULL;
	const struct snp_look *window =
	    before ? window_base(s, snp_snapshot_stats(snap)->begin) : NULL;
	const struct snp_snapshot_stats *stats = snp_snapshot_stats(snap);
	struct snp_look old;
	int rc;

	rc = snp_look_read(&s->next, snap, before, window ? window : before);
	if (rc < 0)
		return rc;
	old = frame->look;
	frame->look = s->next;
	s->next = old;
	frame->looks++;
	frame->torn += stats->retries;
	frame->skipped += stats->rows_skipped;
	rc = history_take(s, frame);
	if (rc == 0 && history_is_fresh(frame)) {
		if (!before)
			top_rewind_rates(frame);
		else if (frame->look.window_ns < WINDOW_NS - SNP_NS_PER_S / 2)
			top_rewind_quantiles(frame);
	}
	if (rc == 0)
		rc = inflight_take(s, frame);
	if (rc == 0)
		rc = window_add(s, &frame->look);
	if (rc == 0)
		events_take(s, frame);
	return rc;
}

int top_sampler_tick(struct top_sampler *s, struct top_frame *frame)
{
	const struct snp_err *err = snp_target_error(s->target);
	bool new, ended;
	int rc = 0;

	/* Events before the look, which then has the pools they name. */
	if (snp_target_segment(s->target))
		rc = events_copy(s);
	(void)snp_target_poll(s->target);
	frame->wall = frame->clock = snp_wall_now();
	frame->verdict = verdict_of(s);
	(void)snprintf(frame->problem, sizeof(frame->problem), "%s", err->msg);
	if (!snp_target_segment(s->target))
		return err->code;
	new = is_new_run(s, frame);
	if (new)
		begin_run(s, frame);
	describe_writer(s, frame);
	ended = snp_target_state(s->target) == SNP_TARGET_ENDED;
	/* One that is new to us had its pools before it had its name, and one that
	 * ended writes no more. */
	if (rc == 0 && (new || ended))
		rc = events_copy(s);
	/* The numbers of a runtime that ended do not change: one last look, whose rates
	 * are those of its last moments, and no more. */
	if (rc == 0 && snp_target_fresh(s->target) && !s->final) {
		rc = take_look(s, frame);
		s->final = ended;
	}
	if (rc < 0)
		(void)snprintf(frame->problem, sizeof(frame->problem),
			       "cannot take a look: out of memory");
	return rc;
}
