/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pools.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/rate.h"
#include "model/utf8.h"
#include "pools_hist.h"

/* Metrics a look needs, by their OpenTelemetry names. A segment without one of them
 * gives zeros in its place: an older writer is still worth looking at. */
#define LOOK_METRICS(X)                                                                \
	X(requests, "snakepit.pool.requests")                                          \
	X(outcomes, "snakepit.pool.request.outcomes")                                  \
	X(active, "snakepit.request.active")                                           \
	X(queue_depth, "snakepit.pool.queue.depth")                                    \
	X(queue_limit, "snakepit.pool.queue.limit")                                    \
	X(queue_peak, "snakepit.pool.queue.peak")                                      \
	X(queue_oldest, "snakepit.pool.queue.oldest.timestamp")                        \
	X(refused, "snakepit.pool.queue.rejections")                                   \
	X(sessions, "snakepit.session.active")                                         \
	X(worker_limit, "snakepit.worker.limit")                                       \
	X(admission, "snakepit.pool.admission.state")                                  \
	X(breaker, "snakepit.pool.breaker.state")                                      \
	X(pool_generation, "snakepit.pool.generation")                                 \
	X(worker_generation, "snakepit.worker.generation")                             \
	X(health, "snakepit.worker.health")                                            \
	X(timeouts, "snakepit.request.failures")                                       \
	X(duration, "snakepit.request.duration")                                       \
	X(heartbeat_latency, "snakepit.heartbeat.latency")                             \
	X(queue_wait, "snakepit.pool.queue.wait.duration")                             \
	X(startup, "snakepit.worker.startup.duration")                                 \
	X(state, "snakepit.worker.state")                                              \
	X(last_pong, "snakepit.heartbeat.last_pong.timestamp")                         \
	X(missed, "snakepit.heartbeat.missed")                                         \
	X(failures, "snakepit.heartbeat.failures")                                     \
	X(worker_active, "snakepit.worker.request.active")                             \
	X(capacity, "snakepit.worker.request.limit")                                   \
	X(worker_requests, "snakepit.worker.requests")                                 \
	X(worker_errors, "snakepit.worker.request.failures")                           \
	X(restarts, "snakepit.worker.restarts")                                        \
	X(memory, "snakepit.worker.memory.usage")                                      \
	X(cpu, "snakepit.worker.cpu.time")                                             \
	X(busy, "snakepit.worker.busy.time")

struct metrics {
#define X(id, name) const struct snp_metric *id;
	LOOK_METRICS(X)
#undef X
};

struct source {
	const struct snp_snapshot *snap;
	struct metrics m;
};

static struct source source_of(const struct snp_snapshot *snap)
{
	struct source src = {.snap = snap};

#define X(id, name) src.m.id = snp_snapshot_metric_find(snap, name);
	LOOK_METRICS(X)
#undef X
	return src;
}

static uint64_t cell(const struct source *src, const struct snp_metric *metric,
		     uint32_t row, uint32_t index)
{
	if (!metric || index >= metric->cells)
		return 0;
	return snp_snapshot_value(src->snap, metric, row, index);
}

static uint64_t value(const struct source *src, const struct snp_metric *metric,
		      uint32_t row)
{
	return cell(src, metric, row, 0);
}

static uint64_t value_sum(const struct source *src, const struct snp_metric *metric,
			  uint32_t row)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; metric && i < metric->cells; i++)
		sum += cell(src, metric, row, i);
	return sum;
}

/* Nanoseconds spent per nanosecond passed, in percent. */
static double share_percent(uint64_t now_ns, uint64_t then_ns, uint64_t interval_ns)
{
	return snp_per_second(now_ns, then_ns, interval_ns) * 100.0 /
	       (double)SNP_NS_PER_S;
}

/* ---- memory -------------------------------------------------------------- */

static int grow(void **array, size_t *cap, size_t need, size_t size)
{
	void *bigger;

	if (need <= *cap)
		return 0;
	bigger = reallocarray(*array, need, size);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*cap = need;
	return 0;
}

int snp_look_reserve(struct snp_look *look, size_t pools, size_t workers,
		     size_t hist_words)
{
	int rc;

	rc = grow((void **)&look->pools, &look->pools_cap, pools, sizeof(*look->pools));
	if (rc == 0)
		rc = grow((void **)&look->workers, &look->workers_cap, workers,
			  sizeof(*look->workers));
	if (rc == 0)
		rc = grow((void **)&look->hist, &look->hist_cap,
			  pools * SNP_LOOK_HISTS * hist_words, sizeof(*look->hist));
	return rc;
}

static void look_clear(struct snp_look *look)
{
	look->pools_nr = look->workers_nr = 0;
	look->hist_words = 0;
	look->interval_ns = look->window_ns = 0;
	memset(&look->total, 0, sizeof(look->total));
}

void snp_look_fini(struct snp_look *look)
{
	free(look->pools);
	free(look->workers);
	free(look->hist);
	*look = (struct snp_look){0};
}

int snp_look_copy(struct snp_look *to, const struct snp_look *from)
{
	size_t hist = from->pools_nr * SNP_LOOK_HISTS * from->hist_words;
	struct snp_look kept;
	int rc;

	look_clear(to);
	rc = snp_look_reserve(to, from->pools_nr, from->workers_nr, from->hist_words);
	if (rc < 0)
		return rc;
	kept = *to;
	*to = *from;
	to->pools = kept.pools;
	to->pools_cap = kept.pools_cap;
	to->workers = kept.workers;
	to->workers_cap = kept.workers_cap;
	to->hist = kept.hist;
	to->hist_cap = kept.hist_cap;
	if (from->pools_nr > 0)
		memcpy(to->pools, from->pools, from->pools_nr * sizeof(*to->pools));
	if (from->workers_nr > 0)
		memcpy(to->workers, from->workers,
		       from->workers_nr * sizeof(*to->workers));
	if (hist > 0)
		memcpy(to->hist, from->hist, hist * sizeof(*to->hist));
	return 0;
}

/* ---- absolute values ----------------------------------------------------- */

/* Of a STATE, in the segment's own words; "?" = it has no such metric. */
static unsigned read_state(const struct source *src, const struct snp_metric *metric,
			   uint32_t row, char ret_name[SNP_STATE_BYTES])
{
	unsigned state = (unsigned)value(src, metric, row);
	bool known = metric && state < metric->enum_values_nr;

	snp_utf8_copy(ret_name, SNP_STATE_BYTES,
		      known ? metric->enum_values[state] : "?");
	return state;
}

static void pool_read(struct snp_pool_stat *p, const struct source *src,
		      const struct snp_row *row)
{
	snp_mono_t oldest = {value(src, src->m.queue_oldest, row->index)};

	memset(p, 0, sizeof(*p));
	snp_utf8_copy(p->name, sizeof(p->name), row->name);
	snp_utf8_copy(p->adapter, sizeof(p->adapter), row->adapter);
	p->row = row->index;
	p->uid = row->uid;
	p->worker_limit = value(src, src->m.worker_limit, row->index);
	p->admission = read_state(src, src->m.admission, row->index, p->admission_name);
	p->breaker = read_state(src, src->m.breaker, row->index, p->breaker_name);
	p->generation = value(src, src->m.pool_generation, row->index);
	p->active = value(src, src->m.active, row->index);
	p->queue_depth = value(src, src->m.queue_depth, row->index);
	p->queue_limit = value(src, src->m.queue_limit, row->index);
	p->queue_peak = value(src, src->m.queue_peak, row->index);
	p->queue_oldest_ns =
	    oldest.ns ? snp_mono_since_ns(snp_snapshot_now(src->snap), oldest)
		      : SNP_UNKNOWN;
	p->sessions = value(src, src->m.sessions, row->index);
	p->requests = value(src, src->m.requests, row->index);
	p->ok = cell(src, src->m.outcomes, row->index, SNP_OUTCOME_OK);
	p->errors = cell(src, src->m.outcomes, row->index, SNP_OUTCOME_ERROR);
	p->refused = value_sum(src, src->m.refused, row->index);
}

static void worker_read_cells(struct snp_worker_stat *w, const struct source *src)
{
	w->state = read_state(src, src->m.state, w->row, w->state_name);
	(void)read_state(src, src->m.health, w->row, w->health_name);
	w->generation = value(src, src->m.worker_generation, w->row);
	w->status = snp_snapshot_worker_status(src->snap, w->row);
	if (w->status >= SNP_WORKER_STATUS_NR)
		w->status = SNP_WORKER_STATUS_DOWN;
	w->heartbeat_missed = value(src, src->m.missed, w->row);
	w->heartbeat_failures = value_sum(src, src->m.failures, w->row);
	w->active = value(src, src->m.worker_active, w->row);
	w->capacity = value(src, src->m.capacity, w->row);
	w->requests = value(src, src->m.worker_requests, w->row);
	w->errors = value(src, src->m.worker_errors, w->row);
	w->restarts = value(src, src->m.restarts, w->row);
	w->cpu_ns = value(src, src->m.cpu, w->row);
	w->busy_ns = value(src, src->m.busy, w->row);
	w->rss_bytes = value(src, src->m.memory, w->row);
}

static void worker_fill_derived(struct snp_worker_stat *w)
{
	w->req_s = w->err_s = w->cpu_percent = w->busy_percent = NAN;
}

static void worker_read(struct snp_worker_stat *w, const struct source *src,
			const struct snp_row *row, uint32_t pool)
{
	snp_mono_t pong = {value(src, src->m.last_pong, row->index)};
	snp_mono_t now = snp_snapshot_now(src->snap);

	memset(w, 0, sizeof(*w));
	w->row = row->index;
	w->uid = row->uid;
	w->slot = row->slot;
	w->pool = pool;
	w->incarnation = row->incarnation;
	w->pid = row->pid;
	w->uptime_ns = w->heartbeat_age_ns = SNP_UNKNOWN;
	if (row->pid != 0 && row->start_mono.ns != 0)
		w->uptime_ns = snp_mono_since_ns(now, row->start_mono);
	/* An answer from before this process started was the previous process's. */
	if (row->pid != 0 && pong.ns != 0 && pong.ns >= row->start_mono.ns)
		w->heartbeat_age_ns = snp_mono_since_ns(now, pong);
	snp_utf8_copy(w->last_exit, sizeof(w->last_exit), row->last_exit_reason);
	snp_utf8_copy(w->python, sizeof(w->python), row->python);
	w->last_exit_status = row->last_exit_status;
	worker_fill_derived(w);
	worker_read_cells(w, src);
	if (w->pid == 0)
		w->rss_bytes = 0;
}

static void pool_add_worker(struct snp_pool_stat *p, const struct snp_worker_stat *w)
{
	p->workers++;
	p->by_status[w->status]++;
	p->capacity += w->capacity;
	p->restarts += w->restarts;
	p->rss_bytes += w->rss_bytes;
}

static void total_add_pool(struct snp_pool_stat *t, const struct snp_pool_stat *p)
{
	t->workers += p->workers;
	for (unsigned s = 0; s < SNP_WORKER_STATUS_NR; s++)
		t->by_status[s] += p->by_status[s];
	t->worker_limit += p->worker_limit;
	t->active += p->active;
	t->capacity += p->capacity;
	t->queue_depth += p->queue_depth;
	t->queue_limit += p->queue_limit;
	t->queue_peak += p->queue_peak;
	if (p->queue_oldest_ns != SNP_UNKNOWN &&
	    (t->queue_oldest_ns == SNP_UNKNOWN ||
	     p->queue_oldest_ns > t->queue_oldest_ns))
		t->queue_oldest_ns = p->queue_oldest_ns;
	t->sessions += p->sessions;
	t->requests += p->requests;
	t->ok += p->ok;
	t->errors += p->errors;
	t->refused += p->refused;
	t->timeouts += p->timeouts;
	t->restarts += p->restarts;
	t->rss_bytes += p->rss_bytes;
}

static void pool_fill_derived(struct snp_pool_stat *p)
{
	p->busy_percent =
	    p->capacity ? 100.0 * (double)p->active / (double)p->capacity : NAN;
	p->req_s = p->err_s = p->refused_s = p->timeout_s = p->cpu_percent = NAN;
	p->timeouts_window = SNP_UNKNOWN;
	p->p50_ns = p->p95_ns = p->p99_ns = SNP_UNKNOWN;
	p->heartbeat_p50_ns = p->heartbeat_p99_ns = SNP_UNKNOWN;
	p->queue_wait_p95_ns = p->startup_p95_ns = SNP_UNKNOWN;
}

static int by_pool_and_slot(const void *a, const void *b)
{
	const struct snp_worker_stat *x = a, *y = b;

	if (x->pool != y->pool)
		return x->pool < y->pool ? -1 : 1;
	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static const struct snp_row *live_row(const struct source *src, unsigned kind,
				      uint32_t index)
{
	const struct snp_row *row = snp_snapshot_row(src->snap, kind, index);

	return row && !row->tombstone ? row : NULL;
}

/* Failures are counted per tool; people ask about pools. */
static void look_read_timeouts(struct snp_look *look, const struct source *src)
{
	uint32_t tools = snp_snapshot_rows_nr(src->snap, SNP_ROW_TOOL);

	for (uint32_t i = 0; i < tools && src->m.timeouts; i++) {
		const struct snp_row *row =
		    snp_snapshot_row(src->snap, SNP_ROW_TOOL, i);
		const struct snp_pool_stat *pool =
		    row ? snp_look_pool_by_row(look, row->pool) : NULL;

		if (pool)
			look->pools[pool - look->pools].timeouts +=
			    cell(src, src->m.timeouts, i,
				 SNP_FAILURE_CODE_DEADLINE_EXCEEDED);
	}
}

static void look_read_rows(struct snp_look *look, const struct source *src)
{
	uint32_t pools = snp_snapshot_rows_nr(src->snap, SNP_ROW_POOL);
	uint32_t workers = snp_snapshot_rows_nr(src->snap, SNP_ROW_WORKER);
	const struct snp_pool_stat *pool;
	const struct snp_row *row;

	for (uint32_t i = 0; i < pools; i++) {
		row = live_row(src, SNP_ROW_POOL, i);
		if (row)
			pool_read(&look->pools[look->pools_nr++], src, row);
	}
	for (uint32_t i = 0; i < workers; i++) {
		row = live_row(src, SNP_ROW_WORKER, i);
		pool = row ? snp_look_pool_by_row(look, row->pool) : NULL;
		if (pool)
			worker_read(&look->workers[look->workers_nr++], src, row,
				    (uint32_t)(pool - look->pools));
	}
	if (look->workers_nr > 1)
		qsort(look->workers, look->workers_nr, sizeof(*look->workers),
		      by_pool_and_slot);
	for (size_t i = 0; i < look->workers_nr; i++)
		pool_add_worker(&look->pools[look->workers[i].pool], &look->workers[i]);
	look_read_timeouts(look, src);
	look->total.queue_oldest_ns = SNP_UNKNOWN;
	for (size_t i = 0; i < look->pools_nr; i++) {
		pool_fill_derived(&look->pools[i]);
		total_add_pool(&look->total, &look->pools[i]);
	}
	pool_fill_derived(&look->total);
}

/* ---- two moments --------------------------------------------------------- */

static void look_worker_rates(struct snp_look *look, const struct snp_look *before)
{
	uint64_t dt = look->interval_ns;
	size_t j = 0;

	/* Both arrays are in the same order, so that one walk finds every pair; a row
	 * that moved against it is found again from the start. */
	for (size_t i = 0; i < look->workers_nr; i++) {
		struct snp_worker_stat *w = &look->workers[i];
		const struct snp_worker_stat *was = NULL;

		for (size_t k = 0; k < before->workers_nr && !was; k++, j++) {
			if (j >= before->workers_nr)
				j = 0;
			if (before->workers[j].row == w->row)
				was = &before->workers[j];
		}
		if (!was || was->uid != w->uid)
			continue;
		w->req_s = snp_per_second(w->requests, was->requests, dt);
		w->err_s = snp_per_second(w->errors, was->errors, dt);
		w->cpu_percent = share_percent(w->cpu_ns, was->cpu_ns, dt);
		w->busy_percent = share_percent(w->busy_ns, was->busy_ns, dt);
	}
}

/* The total is the sum of what is known, so that a pool that has just appeared does not
 * enter it with everything it ever did. */
static void look_pool_rates(struct snp_look *look, const struct snp_look *before)
{
	uint64_t dt = look->interval_ns;

	for (size_t i = 0; i < look->workers_nr; i++)
		snp_add_known(&look->pools[look->workers[i].pool].cpu_percent,
			      look->workers[i].cpu_percent);
	for (size_t i = 0; i < look->pools_nr; i++) {
		struct snp_pool_stat *p = &look->pools[i];
		const struct snp_pool_stat *was = look_same_pool(before, p);

		if (was) {
			p->req_s = snp_per_second(p->requests, was->requests, dt);
			p->err_s = snp_per_second(p->errors, was->errors, dt);
			p->refused_s = snp_per_second(p->refused, was->refused, dt);
			p->timeout_s = snp_per_second(p->timeouts, was->timeouts, dt);
		}
		snp_add_known(&look->total.req_s, p->req_s);
		snp_add_known(&look->total.err_s, p->err_s);
		snp_add_known(&look->total.refused_s, p->refused_s);
		snp_add_known(&look->total.timeout_s, p->timeout_s);
		snp_add_known(&look->total.cpu_percent, p->cpu_percent);
	}
}

static void look_window_timeouts(struct snp_look *look, const struct snp_look *window)
{
	for (size_t i = 0; i < look->pools_nr; i++) {
		struct snp_pool_stat *p = &look->pools[i];
		const struct snp_pool_stat *was = look_same_pool(window, p);

		if (was && p->timeouts >= was->timeouts)
			p->timeouts_window = p->timeouts - was->timeouts;
	}
}

static struct look_hists hists_of(const struct source *src)
{
	return (struct look_hists){{[SNP_LOOK_DURATION] = src->m.duration,
				    [SNP_LOOK_HEARTBEAT] = src->m.heartbeat_latency,
				    [SNP_LOOK_QUEUE_WAIT] = src->m.queue_wait,
				    [SNP_LOOK_STARTUP] = src->m.startup}};
}

int snp_look_read(struct snp_look *look, const struct snp_snapshot *snap,
		  const struct snp_look *before, const struct snp_look *window)
{
	struct source src = source_of(snap);
	struct look_hists hists = hists_of(&src);
	uint32_t hist_words = src.m.duration ? src.m.duration->nbuckets + 2 : 0;
	int rc;

	look_clear(look);
	look->taken = snp_snapshot_stats(snap)->begin;
	look->now = snp_snapshot_now(snap);
	rc = snp_look_reserve(look, snp_snapshot_rows_nr(snap, SNP_ROW_POOL),
			      snp_snapshot_rows_nr(snap, SNP_ROW_WORKER), hist_words);
	if (rc < 0)
		return rc;
	look_read_rows(look, &src);
	look->hist_words = hist_words;
	look_hists_read(look, snap, &hists);
	if (before)
		look->interval_ns = snp_mono_since_ns(look->taken, before->taken);
	if (before && look->interval_ns > 0) {
		look_worker_rates(look, before);
		look_pool_rates(look, before);
	}
	if (window) {
		look->window_ns = snp_mono_since_ns(look->taken, window->taken);
		look_window_timeouts(look, window);
		rc = look_quantiles(look, &hists, window);
	}
	if (rc < 0)
		look_clear(look);
	return rc;
}

const struct snp_pool_stat *snp_look_pool_by_row(const struct snp_look *look,
						 uint32_t row)
{
	for (size_t i = 0; i < look->pools_nr; i++)
		if (look->pools[i].row == row)
			return &look->pools[i];
	return NULL;
}

bool snp_worker_unhealthy(const struct snp_worker_stat *worker)
{
	return worker->status == SNP_WORKER_STATUS_DOWN ||
	       (worker->heartbeat_missed > 0 &&
		worker->heartbeat_missed != SNP_UNKNOWN);
}
