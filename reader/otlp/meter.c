/* SPDX-License-Identifier: Apache-2.0 */
#include "meter.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "model/log.h"
#include "model/news.h"
#include "model/target.h"
#include "otlp/metrics_service.pb-c.h"
#include "semconv.h"

typedef Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest
    export_request;
typedef Opentelemetry__Proto__Metrics__V1__ResourceMetrics resource_metrics;

struct otlp_meter {
	struct otlp_meter_options options;
	struct snp_target *target;
	struct snp_news news;
	snp_mono_t started;
	/* Of the segment that is attached, or was last; NULL = none was yet, or there
	 * was no memory. */
	struct otlp_metrics *metrics;
	struct otlp_resource *resource;
	struct otlp_origin origin;
	uint64_t generation;
	char uuid[sizeof(((struct snp_segment_info *)0)->uuid)];
	struct otlp_maker maker; /* of what is our own in a request */
	/* Under the mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop, flush, up;
	struct otlp_tally points;
	uint64_t collections, collecting_ns;
	/* The thread. */
	pthread_t thread;
	bool has_thread;
};

/* ---- a request ----------------------------------------------------------- */

/* What the segment's metrics are, if there are any, and our own. */
static const ProtobufCMessage *
join(struct otlp_meter *m, const struct otlp_batch *theirs, resource_metrics *ours)
{
	const export_request *request =
	    theirs ? (const export_request *)theirs->request : NULL;
	size_t nr = request ? request->n_resource_metrics : 0;
	export_request *joined = otlp_alloc(&m->maker, 1, sizeof(*joined));
	resource_metrics **list =
	    otlp_alloc(&m->maker, nr + 1, sizeof(resource_metrics *));

	if (m->maker.failed)
		return NULL;
	opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__init(
	    joined);
	joined->resource_metrics = list;
	joined->n_resource_metrics = nr + 1;
	for (size_t i = 0; i < nr; i++)
		list[i] = request->resource_metrics[i];
	list[nr] = ours;
	return &joined->base;
}

static void account(struct otlp_meter *m, const struct otlp_report *report)
{
	(void)pthread_mutex_lock(&m->mutex);
	otlp_tally_add(&m->points, report);
	(void)pthread_mutex_unlock(&m->mutex);
}

/* `theirs` may be NULL. Whether the receiver has it. */
static bool send(struct otlp_meter *m, const struct otlp_batch *theirs)
{
	struct otlp_own_look look = {.now = snp_wall_now()};
	struct otlp_batch batch = {.signal = OTLP_METRICS};
	struct otlp_report report;
	resource_metrics *ours;
	enum otlp_sent sent;
	size_t points = 0;

	m->options.look(m->options.user, &look);
	otlp_meter_tell(m, &look);
	otlp_maker_reset(&m->maker);
	ours = otlp_own_encode(m->options.own, &look, &m->maker, &points);
	if (ours)
		batch.request = join(m, theirs, ours);
	batch.items = (theirs ? theirs->items : 0) + points;
	if (!batch.request) {
		report = (struct otlp_report){.dropped = batch.items,
					      .drop = OTLP_DROP_NO_MEMORY,
					      .error = "no_memory"};
		account(m, &report);
		return false;
	}
	sent = otlp_sender_send(m->options.sender, &batch, &report);
	account(m, &report);
	if (sent == OTLP_SENT)
		otlp_own_acknowledge(m->options.own);
	return sent == OTLP_SENT;
}

/* ---- the segment --------------------------------------------------------- */

/* `snap` is NULL where there is no segment. -ENOMEM: our own metrics alone were sent.
 */
static int collect(struct otlp_meter *m, const struct snp_snapshot *snap, bool ended)
{
	const struct otlp_metrics_look look = {
	    .snap = snap, .now = snp_wall_now(), .ended = ended};
	snp_mono_t begin = snp_mono_now();
	struct otlp_batch batch;
	int r =
	    m->metrics && snap ? otlp_metrics_collect(m->metrics, &look, &batch) : 0;

	(void)pthread_mutex_lock(&m->mutex);
	m->collections++;
	m->collecting_ns += snp_mono_since_ns(snp_mono_now(), begin);
	(void)pthread_mutex_unlock(&m->mutex);
	if (send(m, r > 0 ? &batch : NULL) && r > 0)
		otlp_metrics_acknowledge(m->metrics);
	return r < 0 ? r : 0;
}

static void let_go(struct otlp_meter *m)
{
	otlp_metrics_destroy(&m->metrics);
	otlp_resource_drop(&m->resource);
}

/* Nobody else can have told of a runtime that started after we did. */
static bool is_younger(const struct otlp_meter *m)
{
	const struct snp_segment *seg = snp_target_segment(m->target);
	uint64_t its_ns =
	    snp_mono_since_ns(snp_segment_now(seg, snp_target_snapshot(m->target)),
			      snp_segment_info(seg)->start_mono);
	uint64_t own_ns = snp_mono_since_ns(snp_mono_now(), m->started);

	return its_ns < own_ns;
}

/* Begin with the segment that is attached. */
static int begin(struct otlp_meter *m)
{
	struct snp_segment *seg = snp_target_segment(m->target);
	const struct snp_segment_info *info = snp_segment_info(seg);
	struct otlp_metrics_options options = m->options.metrics;
	int r;

	m->resource = otlp_resource_of_runtime(m->options.identity, info);
	if (!m->resource)
		return -ENOMEM;
	m->generation = snp_target_generation(m->target);
	m->origin = (struct otlp_origin){
	    .resource = otlp_resource_message_of(m->resource),
	    .schema_url = OTLP_SCHEMA_URL,
	};
	/* Not where we ran out of memory for it: it was told of before. */
	options.from_start = is_younger(m) && strcmp(info->uuid, m->uuid) != 0;
	r = otlp_metrics_create(seg, snp_target_snapshot(m->target), &m->origin,
				&options, &m->metrics);
	if (r < 0)
		return r;
	memcpy(m->uuid, info->uuid, sizeof(m->uuid));
	if (otlp_metrics_rejected(m->metrics) > 0)
		snp_log_line(SNP_LOG_WARN,
			     "%zu metrics of the runtime are left out: their names, or "
			     "those of their labels, cannot be sent",
			     otlp_metrics_rejected(m->metrics));
	return 0;
}

/* Another segment was attached: that of another run, or of the same one, grown. */
static int change(struct otlp_meter *m)
{
	struct snp_segment *seg = snp_target_segment(m->target);
	const struct snp_snapshot *last = snp_target_predecessor(m->target);

	if (strcmp(snp_segment_info(seg)->uuid, m->uuid) == 0) {
		m->generation = snp_target_generation(m->target);
		return otlp_metrics_rebind(m->metrics, seg,
					   snp_target_snapshot(m->target));
	}
	if (last)
		(void)collect(m, last, true);
	let_go(m);
	return begin(m);
}

/* Have metrics for the segment that is attached. */
static int keep_up(struct otlp_meter *m)
{
	/* There is none, or it did not hold together just now: what was told of it
	 * counts on when it is attached anew. */
	if (!snp_target_segment(m->target))
		return 0;
	if (!m->metrics)
		return begin(m);
	return snp_target_generation(m->target) == m->generation ? 0 : change(m);
}

/* -ENOMEM: the metrics of the runtime are missing this time. */
static int turn(struct otlp_meter *m)
{
	enum snp_target_state state = snp_target_poll(m->target);
	int kept, collected;

	snp_news_tell(&m->news, m->target);
	(void)pthread_mutex_lock(&m->mutex);
	m->up = snp_target_is_up(m->target);
	(void)pthread_mutex_unlock(&m->mutex);
	kept = keep_up(m);
	if (kept < 0)
		let_go(m);
	collected =
	    collect(m, snp_target_snapshot(m->target), state != SNP_TARGET_LIVE);
	if (kept == 0 && collected == 0)
		return 0;
	snp_log_line(SNP_LOG_ERROR, "no metrics this time: out of memory");
	return -ENOMEM;
}

/* ---- the thread ---------------------------------------------------------- */

enum waking { WAKING_DUE, WAKING_FLUSH, WAKING_STOP };

static enum waking wait_until(struct otlp_meter *m, snp_mono_t due)
{
	const struct timespec when = {.tv_sec = (time_t)(due.ns / SNP_NS_PER_S),
				      .tv_nsec = (long)(due.ns % SNP_NS_PER_S)};
	enum waking waking;

	(void)pthread_mutex_lock(&m->mutex);
	while (!m->stop && !m->flush &&
	       pthread_cond_clockwait(&m->wake, &m->mutex, CLOCK_MONOTONIC, &when) == 0)
		;
	waking = m->stop ? WAKING_STOP : m->flush ? WAKING_FLUSH : WAKING_DUE;
	m->flush = false;
	(void)pthread_mutex_unlock(&m->mutex);
	return waking;
}

static void *run(void *arg)
{
	struct otlp_meter *m = arg;
	uint64_t interval_ns = m->options.interval_ms * SNP_NS_PER_MS;
	snp_mono_t due = snp_mono_now();
	enum waking waking;
	uint64_t late;

	while ((waking = wait_until(m, due)) != WAKING_STOP) {
		(void)turn(m);
		if (waking == WAKING_FLUSH)
			continue;
		/* In step with the first one; those that would be late are left out. */
		late = snp_mono_since_ns(snp_mono_now(), due);
		due.ns += (late / interval_ns + 1) * interval_ns;
	}
	(void)turn(m);
	return NULL;
}

int otlp_meter_start(struct otlp_meter *m)
{
	int r = pthread_create(&m->thread, NULL, run, m);

	m->has_thread = r == 0;
	return -r;
}

void otlp_meter_flush(struct otlp_meter *m)
{
	(void)pthread_mutex_lock(&m->mutex);
	m->flush = true;
	(void)pthread_cond_signal(&m->wake);
	(void)pthread_mutex_unlock(&m->mutex);
}

void otlp_meter_stop(struct otlp_meter *m, snp_mono_t deadline)
{
	if (!m->has_thread)
		return;
	otlp_sender_stop(m->options.sender, deadline);
	(void)pthread_mutex_lock(&m->mutex);
	m->stop = true;
	(void)pthread_cond_signal(&m->wake);
	(void)pthread_mutex_unlock(&m->mutex);
	(void)pthread_join(m->thread, NULL);
	m->has_thread = false;
}

int otlp_meter_once(struct otlp_meter *m, bool *ret_has_runtime)
{
	int r = turn(m);

	*ret_has_runtime = snp_target_state(m->target) == SNP_TARGET_LIVE;
	return r;
}

void otlp_meter_tell(struct otlp_meter *m, struct otlp_own_look *look)
{
	(void)pthread_mutex_lock(&m->mutex);
	look->up = m->up;
	look->points = m->points;
	look->collections = m->collections;
	look->collecting_ns = m->collecting_ns;
	(void)pthread_mutex_unlock(&m->mutex);
}

/* ---- lifetime ------------------------------------------------------------ */

int otlp_meter_create(const struct otlp_meter_options *options,
		      struct otlp_meter **ret_meter)
{
	struct otlp_meter *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->options = *options;
	m->started = snp_mono_now();
	(void)pthread_mutex_init(&m->mutex, NULL);
	(void)pthread_cond_init(&m->wake, NULL);
	r = snp_target_create(options->instance, &m->target);
	if (r < 0)
		otlp_meter_destroy(&m);
	else
		*ret_meter = m;
	return r;
}

void otlp_meter_destroy(struct otlp_meter **meter)
{
	struct otlp_meter *m = *meter;

	if (!m)
		return;
	let_go(m);
	snp_target_destroy(&m->target);
	otlp_maker_fini(&m->maker);
	(void)pthread_cond_destroy(&m->wake);
	(void)pthread_mutex_destroy(&m->mutex);
	free(m);
	*meter = NULL;
}
