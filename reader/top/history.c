/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "model/rate.h"
#include "model/utf8.h"

#define POOL_PLACES   TOP_HISTORY_S
#define WORKER_PLACES (TOP_HISTORY_S / TOP_WORKER_STEP_S)
#define STEP_NS	      (TOP_WORKER_STEP_S * SNP_NS_PER_S)

/* Of any clock: nanoseconds in 64 bits have no later second. */
#define PLACE_MAX (UINT64_MAX / SNP_NS_PER_S)

/* A key is the place plus 1, so that what is zeroed is empty. */
struct pool_slot {
	uint64_t key;
	struct top_pool_point point;
};

/* What both kinds of track know of themselves. */
struct track {
	struct top_history_who who;
	uint64_t uid;  /* of the life that the last point is of */
	uint32_t run;  /* of the last point; 0 = has none */
	uint64_t last; /* its place */
	snp_mono_t at; /* and its time */
};

struct pool_track {
	struct track track;
	struct pool_slot slot[POOL_PLACES];
};

/* There are thousands of these, and at a start most of them have few points: memory of
 * points without a key is not touched. */
struct worker_track {
	struct track track;
	uint64_t key[WORKER_PLACES];
	struct top_worker_point
	    point[WORKER_PLACES]; /* last: see worker_track_clear() */
};

/* Tracks by row; rows without points have none. */
struct top_history {
	struct pool_track **pools;
	struct worker_track **workers;
	size_t pools_nr, workers_nr;
	struct pool_track all;
	uint32_t first_run;
	uint64_t second, step; /* the newest of any */
	uint64_t changed;      /* the oldest second that the sums are to be made of */
	struct snp_pool_sample pool_samples[POOL_PLACES];
	struct snp_worker_sample worker_samples[WORKER_PLACES];
};

/* ---- memory -------------------------------------------------------------- */

struct top_history *top_history_create(void)
{
	return calloc(1, sizeof(struct top_history));
}

void top_history_destroy(struct top_history **history)
{
	struct top_history *h = *history;

	if (!h)
		return;
	for (size_t i = 0; i < h->pools_nr; i++)
		free(h->pools[i]);
	for (size_t i = 0; i < h->workers_nr; i++)
		free(h->workers[i]);
	free(h->pools);
	free(h->workers);
	free(h);
	*history = NULL;
}

/* Room for `row` in an array of pointers. */
static int reserve(void ***array, size_t *nr, uint32_t row)
{
	size_t want = *nr;
	void **bigger;

	if (row >= TOP_HISTORY_ROWS_MAX)
		return -EINVAL;
	if (row < want)
		return 0;
	while (want <= row)
		want = want ? want * 2 : 16;
	bigger = reallocarray(*array, want, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	memset(bigger + *nr, 0, (want - *nr) * sizeof(*bigger));
	*array = bigger;
	*nr = want;
	return 0;
}

static bool is_same(const struct top_history_who *a, const struct top_history_who *b)
{
	return a->slot == b->slot && strcmp(a->pool, b->pool) == 0;
}

/* The track of a row, empty when somebody else was in it. */
static int pool_track_of(struct top_history *h, const struct top_history_who *who,
			 struct pool_track **ret_track)
{
	int rc = reserve((void ***)&h->pools, &h->pools_nr, who->row);
	struct pool_track *t;

	if (rc < 0)
		return rc;
	t = h->pools[who->row];
	if (!t) {
		t = h->pools[who->row] = calloc(1, sizeof(*t));
		if (!t)
			return -ENOMEM;
	} else if (!is_same(&t->track.who, who)) {
		memset(t, 0, sizeof(*t));
	}
	t->track.who = *who;
	*ret_track = t;
	return 0;
}

static void worker_track_clear(struct worker_track *t)
{
	memset(t, 0, offsetof(struct worker_track, point));
}

static int worker_track_of(struct top_history *h, const struct top_history_who *who,
			   struct worker_track **ret_track)
{
	int rc = reserve((void ***)&h->workers, &h->workers_nr, who->row);
	struct worker_track *t;

	if (rc < 0)
		return rc;
	t = h->workers[who->row];
	if (!t) {
		t = h->workers[who->row] = malloc(sizeof(*t));
		if (!t)
			return -ENOMEM;
		worker_track_clear(t);
	} else if (!is_same(&t->track.who, who)) {
		worker_track_clear(t);
	}
	t->track.who = *who;
	*ret_track = t;
	return 0;
}

/* ---- looking up ---------------------------------------------------------- */

static const struct top_pool_point *pool_point(const struct pool_track *t,
					       uint64_t second)
{
	const struct pool_slot *slot = &t->slot[second % POOL_PLACES];

	return slot->key == second + 1 ? &slot->point : NULL;
}

static const struct top_worker_point *worker_point(const struct worker_track *t,
						   uint64_t step)
{
	size_t place = step % WORKER_PLACES;

	return t->key[place] == step + 1 ? &t->point[place] : NULL;
}

const struct top_pool_point *top_history_pool(const struct top_history *h, uint32_t row,
					      uint64_t second)
{
	if (row == TOP_HISTORY_ALL)
		return pool_point(&h->all, second);
	if (row >= h->pools_nr || !h->pools[row])
		return NULL;
	return pool_point(h->pools[row], second);
}

const struct top_worker_point *top_history_worker(const struct top_history *h,
						  uint32_t row, uint64_t step)
{
	if (row >= h->workers_nr || !h->workers[row])
		return NULL;
	return worker_point(h->workers[row], step);
}

uint64_t top_history_second(const struct top_history *h)
{
	return h->second;
}

uint64_t top_history_step(const struct top_history *h)
{
	return h->step;
}

/* `from`, but none that has been overwritten. */
static uint64_t at_least(uint64_t from, uint64_t newest, uint64_t places)
{
	return from + places <= newest ? newest - places + 1 : from;
}

/* ---- putting points in --------------------------------------------------- */

/* The sum of all pools, made anew for one second. */
static void sum_up(struct top_history *h, uint64_t second)
{
	struct pool_slot *slot = &h->all.slot[second % POOL_PLACES];
	struct top_pool_point sum = {.req_s = NAN, .err_s = NAN};
	bool any = false;

	for (size_t i = 0; i < h->pools_nr; i++) {
		const struct top_pool_point *p =
		    h->pools[i] ? pool_point(h->pools[i], second) : NULL;

		if (!p)
			continue;
		any = true;
		sum.at = p->at.ns > sum.at.ns ? p->at : sum.at;
		sum.run = p->run > sum.run ? p->run : sum.run;
		sum.gap |= p->gap;
		sum.queue_depth += p->queue_depth;
		sum.active += p->active;
		sum.requests += p->requests;
		sum.failures += p->failures;
		snp_add_known(&sum.req_s, p->req_s);
		snp_add_known(&sum.err_s, p->err_s);
		for (unsigned k = 0; k < SNP_HIST_OCTAVES; k++)
			sum.octave[k] += p->octave[k];
	}
	*slot = (struct pool_slot){any ? second + 1 : 0, sum};
}

static void pool_put(struct top_history *h, struct pool_track *t, uint64_t second,
		     const struct top_pool_point *point)
{
	t->slot[second % POOL_PLACES] = (struct pool_slot){second + 1, *point};
	t->track.run = point->run;
	t->track.last = second;
	t->track.at = point->at;
	h->second = second > h->second ? second : h->second;
}

static void worker_put(struct top_history *h, struct worker_track *t, uint64_t step,
		       const struct top_worker_point *point)
{
	t->key[step % WORKER_PLACES] = step + 1;
	t->point[step % WORKER_PLACES] = *point;
	t->track.run = point->run;
	t->track.last = step;
	t->track.at = point->at;
	h->step = step > h->step ? step : h->step;
}

int top_history_put_pool(struct top_history *h, const struct top_history_who *who,
			 uint64_t second, const struct top_pool_point *point)
{
	struct pool_track *t;
	int rc = second > PLACE_MAX ? -EINVAL : pool_track_of(h, who, &t);

	if (rc < 0)
		return rc;
	pool_put(h, t, second, point);
	sum_up(h, second);
	return 0;
}

int top_history_put_worker(struct top_history *h, const struct top_history_who *who,
			   uint64_t step, const struct top_worker_point *point)
{
	struct worker_track *t;
	int rc = step > PLACE_MAX ? -EINVAL : worker_track_of(h, who, &t);

	if (rc < 0)
		return rc;
	worker_put(h, t, step, point);
	return 0;
}

/* ---- reading samples ----------------------------------------------------- */

/* Samples are in step with the writer's clock, but for a moment more or less: which of
 * them come close behind each other stand side by side, on whatever side of the full
 * second they are. */
static uint64_t place_of(const struct track *t, snp_mono_t at, uint64_t period_ns)
{
	uint64_t by_clock = at.ns / period_ns, behind;

	if (t->run == 0)
		return by_clock;
	behind = t->last + (snp_mono_since_ns(at, t->at) + period_ns / 2) / period_ns;
	return behind + 1 >= by_clock && behind <= by_clock + 1 ? behind : by_clock;
}

/* Begin, or go on with, the life that the coming samples are of. */
static void begin_life(struct track *t, uint64_t uid)
{
	if (t->uid != uid)
		t->run = 0;
	t->uid = uid;
}

static void take_pool_sample(struct top_history *h, struct pool_track *t,
			     const struct snp_pool_sample *s, uint32_t run)
{
	const struct top_pool_point *before =
	    t->track.run == run ? pool_point(t, t->track.last) : NULL;
	uint64_t second = place_of(&t->track, s->mono, SNP_NS_PER_S);
	uint64_t dt = before ? snp_mono_since_ns(s->mono, before->at) : 0;
	struct top_pool_point point = {.at = s->mono,
				       .run = run,
				       .gap = !before && run != h->first_run,
				       .queue_depth = s->queue_depth,
				       .active = s->active,
				       .requests = s->requests,
				       .failures = s->failures,
				       .req_s = NAN,
				       .err_s = NAN};

	memcpy(point.octave, s->octave, sizeof(point.octave));
	if (before) {
		point.req_s = snp_per_second(s->requests, before->requests, dt);
		point.err_s = snp_per_second(s->failures, before->failures, dt);
	}
	if (before && second == t->track.last)
		for (unsigned k = 0; k < SNP_HIST_OCTAVES; k++)
			point.octave[k] += before->octave[k];
	pool_put(h, t, second, &point);
}

static void take_worker_sample(struct top_history *h, struct worker_track *t,
			       const struct snp_worker_sample *s, uint32_t run)
{
	const struct top_worker_point *before =
	    t->track.run == run ? worker_point(t, t->track.last) : NULL;
	uint64_t dt = before ? snp_mono_since_ns(s->mono, before->at) : 0;
	struct top_worker_point point = {.at = s->mono,
					 .run = run,
					 .gap = !before && run != h->first_run,
					 .state = s->state,
					 .requests = s->requests,
					 .busy_ns = s->busy_ns,
					 .rss_bytes = s->rss_bytes,
					 .req_s = NAN,
					 .busy_percent = NAN};

	if (before) {
		point.req_s = snp_per_second(s->requests, before->requests, dt);
		point.busy_percent = 100.0 / (double)SNP_NS_PER_S *
				     snp_per_second(s->busy_ns, before->busy_ns, dt);
	}
	worker_put(h, t, place_of(&t->track, s->mono, STEP_NS), &point);
}

/* How many samples there can be that the track does not have. */
static size_t samples_due(const struct track *t, uint32_t run, snp_mono_t now,
			  uint64_t period_ns, size_t max)
{
	uint64_t due;

	if (t->run != run)
		return max;
	/* One more: a sample may be newer than the heartbeat that `now` is of. */
	due = snp_mono_since_ns(now, t->at) / period_ns + 1;
	return due < max ? (size_t)due : max;
}

static int read_pool(struct top_history *h, struct snp_segment *seg,
		     const struct snp_row *row, snp_mono_t now, uint32_t run)
{
	struct top_history_who who = {.row = row->index};
	struct pool_track *t;
	uint64_t changed;
	size_t n;
	int rc;

	snp_utf8_copy(who.pool, sizeof(who.pool), row->name);
	rc = pool_track_of(h, &who, &t);
	if (rc < 0)
		return rc;
	begin_life(&t->track, row->uid);
	n = snp_segment_pool_history(
	    seg, row, h->pool_samples,
	    samples_due(&t->track, run, now, SNP_NS_PER_S, POOL_PLACES));
	changed = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		if (t->track.run == run && h->pool_samples[i].mono.ns <= t->track.at.ns)
			continue;
		take_pool_sample(h, t, &h->pool_samples[i], run);
		changed = t->track.last < changed ? t->track.last : changed;
	}
	h->changed = changed < h->changed ? changed : h->changed;
	return 0;
}

static int read_pools(struct top_history *h, struct snp_segment *seg,
		      const struct snp_snapshot *snap, uint32_t run)
{
	uint32_t nr = snp_snapshot_rows_nr(snap, SNP_ROW_POOL);
	int rc = 0;

	h->changed = UINT64_MAX;
	for (uint32_t i = 0; i < nr && rc == 0; i++) {
		const struct snp_row *row = snp_snapshot_row(snap, SNP_ROW_POOL, i);

		if (row && !row->tombstone)
			rc = read_pool(h, seg, row, snp_snapshot_now(snap), run);
	}
	if (h->changed == UINT64_MAX)
		return rc;
	for (uint64_t second = at_least(h->changed, h->second, POOL_PLACES);
	     second <= h->second; second++)
		sum_up(h, second);
	return rc;
}

/* Of a thousand workers four in five have no news: nothing is done for them. */
static bool worker_is_due(const struct top_history *h, const struct snp_snapshot *snap,
			  uint32_t index, uint32_t run)
{
	const struct worker_track *t = index < h->workers_nr ? h->workers[index] : NULL;
	struct snp_row_life life;

	if (!snp_snapshot_row_life(snap, SNP_ROW_WORKER, index, &life) ||
	    life.tombstone)
		return false;
	return !t || t->track.run != run || t->track.uid != life.uid ||
	       snp_mono_since_ns(snp_snapshot_now(snap), t->track.at) >= STEP_NS;
}

static int read_worker(struct top_history *h, struct snp_segment *seg,
		       const struct snp_row *row, snp_mono_t now, uint32_t run)
{
	struct top_history_who who = {.row = row->index, .slot = row->slot};
	struct worker_track *t;
	size_t n;
	int rc;

	snp_utf8_copy(who.pool, sizeof(who.pool), row->pool_name);
	rc = worker_track_of(h, &who, &t);
	if (rc < 0)
		return rc;
	begin_life(&t->track, row->uid);
	n = snp_segment_worker_history(
	    seg, row, h->worker_samples,
	    samples_due(&t->track, run, now, STEP_NS, WORKER_PLACES));
	for (size_t i = 0; i < n; i++)
		if (t->track.run != run ||
		    h->worker_samples[i].mono.ns > t->track.at.ns)
			take_worker_sample(h, t, &h->worker_samples[i], run);
	return 0;
}

int top_history_read(struct top_history *h, struct snp_segment *seg,
		     const struct snp_snapshot *snap, uint32_t run)
{
	uint32_t nr = snp_snapshot_rows_nr(snap, SNP_ROW_WORKER);
	int rc;

	if (h->first_run == 0)
		h->first_run = run;
	rc = read_pools(h, seg, snap, run);
	for (uint32_t i = 0; i < nr && rc == 0; i++)
		if (worker_is_due(h, snap, i, run))
			rc = read_worker(h, seg,
					 snp_snapshot_row(snap, SNP_ROW_WORKER, i),
					 snp_snapshot_now(snap), run);
	/* No writer has rows beyond what a track can have. */
	return rc == -EINVAL ? 0 : rc;
}

/* ---- visiting ------------------------------------------------------------ */

static int visit_pool(const struct pool_track *t, uint64_t from, uint64_t to,
		      const struct top_history_visitor *v)
{
	int rc = 0;

	for (uint64_t second = from; second <= to && rc == 0; second++) {
		const struct top_pool_point *point = pool_point(t, second);

		if (point)
			rc = v->pool(v->user, &t->track.who, second, point);
	}
	return rc;
}

static int visit_worker(const struct worker_track *t, uint64_t from, uint64_t to,
			const struct top_history_visitor *v)
{
	int rc = 0;

	for (uint64_t step = from; step <= to && rc == 0; step++) {
		const struct top_worker_point *point = worker_point(t, step);

		if (point)
			rc = v->worker(v->user, &t->track.who, step, point);
	}
	return rc;
}

int top_history_visit(const struct top_history *h, uint64_t second, uint64_t step,
		      const struct top_history_visitor *v)
{
	int rc = 0;

	second = at_least(second, h->second, POOL_PLACES);
	step = at_least(step, h->step, WORKER_PLACES);
	for (size_t i = 0; i < h->pools_nr && rc == 0; i++)
		if (h->pools[i])
			rc = visit_pool(h->pools[i], second, h->second, v);
	for (size_t i = 0; i < h->workers_nr && rc == 0; i++)
		if (h->workers[i])
			rc = visit_worker(h->workers[i], step, h->step, v);
	return rc;
}
