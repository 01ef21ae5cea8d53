/* SPDX-License-Identifier: Apache-2.0 */
#include "own.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "semconv.h"
#include "snakepit/check.h"

typedef Opentelemetry__Proto__Metrics__V1__ResourceMetrics resource_metrics;
typedef Opentelemetry__Proto__Metrics__V1__ScopeMetrics scope_metrics;
typedef Opentelemetry__Proto__Metrics__V1__Metric otlp_metric;
typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint number_point;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint histogram_point;
typedef Opentelemetry__Proto__Metrics__V1__AggregationTemporality temporality_value;

enum own_id {
#define OWN(id, kind, name, unit, help) OWN_##id,
#include "own.def"
#undef OWN
	OWN_NR
};

enum own_kind { COUNTER, LEVEL, GAUGE, TIME };

static const struct {
	enum own_kind kind;
	const char *name, *unit, *help;
} metrics[OWN_NR] = {
#define OWN(id, kind, name, unit, help) [OWN_##id] = {kind, name, unit, help},
#include "own.def"
#undef OWN
};

#define KINDS_OF_ERROR (OTLP_TALLY_ERRORS + 1) /* none first */
#define POINTS_MAX     (OWN_NR * 2 + 2 * OTLP_SIGNAL_NR * KINDS_OF_ERROR)

/* One figure; `count` is that of a TIME, whose number is nanoseconds. */
struct point {
	enum own_id id;
	enum otlp_signal signal;
	unsigned error; /* 0 = none, else the place in the tally plus 1 */
	const char *error_type;
	const char *component; /* "" = none */
	uint64_t number, count;
};

/* Delta: what the receiver has of a figure. */
struct told {
	uint64_t number, count;
};

struct otlp_own {
	struct otlp_resource *resource;
	enum otlp_temporality temporality;
	snp_wall_t start;	 /* of the program */
	snp_wall_t acknowledged; /* where the last interval ended that was taken */
	snp_wall_t encoded;	 /* where the one ends that was encoded last */
	struct told told[OWN_NR][OTLP_SIGNAL_NR][KINDS_OF_ERROR];
	struct point points[POINTS_MAX];
	size_t points_nr;
};

/* ---- gathering ----------------------------------------------------------- */

static void add(struct otlp_own *own, struct point point)
{
	SNP_CHECK(own->points_nr < POINTS_MAX);
	own->points[own->points_nr++] = point;
}

static void add_plain(struct otlp_own *own, enum own_id id, const char *component,
		      uint64_t number)
{
	add(own, (struct point){.id = id, .component = component, .number = number});
}

/* What was sent, and by its cause what was not. */
static void add_tally(struct otlp_own *own, enum own_id id, const char *component,
		      const struct otlp_tally *tally)
{
	add_plain(own, id, component, tally->sent);
	for (unsigned i = 0; i < tally->errors_nr; i++)
		add(own, (struct point){.id = id,
					.component = component,
					.error = i + 1,
					.error_type = tally->errors[i].type,
					.number = tally->errors[i].items});
}

static void add_sending(struct otlp_own *own, enum otlp_signal signal,
			const char *component, const struct otlp_tally *tally)
{
	add(own, (struct point){.id = OWN_SENDING_TIME,
				.signal = signal,
				.component = component,
				.number = tally->duration_ns,
				.count = tally->requests});
}

/* The figures of spans and of log records stand in the same order. */
enum { QUEUED, CAPACITY, PROCESSED, EXPORTED, INFLIGHT };

static void add_records(struct otlp_own *own, const struct otlp_own_look *look,
			enum otlp_signal signal, enum own_id first,
			const char *processor)
{
	const struct otlp_records_counts *c = &look->records[signal];
	const char *exporter = look->exporter[signal];

	add_plain(own, first + QUEUED, processor, c->waiting);
	add_plain(own, first + CAPACITY, processor, c->capacity);
	add_plain(own, first + PROCESSED, processor, c->taken - c->waiting);
	add(own, (struct point){.id = first + PROCESSED,
				.component = processor,
				.error = 1,
				.error_type = "queue_full",
				.number = c->dropped});
	add_tally(own, first + EXPORTED, exporter, &c->tally);
	add_plain(own, first + INFLIGHT, exporter, c->sending);
	add_sending(own, signal, exporter, &c->tally);
}

static void gather(struct otlp_own *own, const struct otlp_own_look *look)
{
	own->points_nr = 0;
	add_plain(own, OWN_UP, "", look->up);
	if (look->has[OTLP_TRACES]) {
		add_plain(own, OWN_SPANS_LOST, "", look->tail.spans_lost);
		add_records(own, look, OTLP_TRACES, OWN_SPANS_QUEUED,
			    "batching_span_processor");
	}
	if (look->has[OTLP_LOGS]) {
		add_plain(own, OWN_EVENTS_LOST, "", look->tail.events_lost);
		add_records(own, look, OTLP_LOGS, OWN_LOGS_QUEUED,
			    "batching_log_processor");
	}
	add_tally(own, OWN_POINTS_EXPORTED, look->exporter[OTLP_METRICS],
		  &look->points);
	add_sending(own, OTLP_METRICS, look->exporter[OTLP_METRICS], &look->points);
	add(own, (struct point){.id = OWN_COLLECTION_TIME,
				.component = "periodic_metric_reader",
				.number = look->collecting_ns,
				.count = look->collections});
}

/* ---- points -------------------------------------------------------------- */

static bool is_delta(const struct otlp_own *own, enum own_kind kind)
{
	return (kind == COUNTER && own->temporality == OTLP_DELTA) ||
	       (kind == TIME && own->temporality != OTLP_CUMULATIVE);
}

static struct told *told_of(struct otlp_own *own, const struct point *point)
{
	return &own->told[point->id][point->signal][point->error];
}

#define ATTRS_MAX 3

static struct otlp_attrs attributes(struct otlp_maker *maker, const struct point *point)
{
	struct otlp_attrs attrs = otlp_attrs_new(maker, ATTRS_MAX);
	char *name;

	if (*point->component) {
		name = otlp_alloc(maker, 1, strlen(point->component) + sizeof("/0"));
		if (!name)
			return attrs;
		(void)stpcpy(stpcpy(name, point->component), "/0");
		otlp_attr_text(maker, &attrs, "otel.component.type", point->component);
		otlp_attr_text(maker, &attrs, "otel.component.name", name);
	}
	if (point->error)
		otlp_attr_text(maker, &attrs, SEMCONV_ERROR_TYPE,
			       otlp_copy(maker, point->error_type));
	return attrs;
}

static snp_wall_t start_of(const struct otlp_own *own, enum own_kind kind)
{
	return is_delta(own, kind) ? own->acknowledged : own->start;
}

static number_point *make_number(struct otlp_own *own, struct otlp_maker *maker,
				 const struct point *point)
{
	enum own_kind kind = metrics[point->id].kind;
	number_point *to = otlp_alloc(maker, 1, sizeof(*to));
	struct otlp_attrs attrs = attributes(maker, point);

	if (!to)
		return NULL;
	opentelemetry__proto__metrics__v1__number_data_point__init(to);
	to->attributes = attrs.list;
	to->n_attributes = attrs.nr;
	to->time_unix_nano = own->encoded.ns;
	if (kind != GAUGE)
		to->start_time_unix_nano = start_of(own, kind).ns;
	to->value_case =
	    OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT;
	to->as_int = (int64_t)point->number;
	if (is_delta(own, kind))
		to->as_int -= (int64_t)told_of(own, point)->number;
	return to;
}

static histogram_point *make_time(struct otlp_own *own, struct otlp_maker *maker,
				  const struct point *point)
{
	static const struct told nothing;
	const struct told *told = is_delta(own, TIME) ? told_of(own, point) : &nothing;
	histogram_point *to = otlp_alloc(maker, 1, sizeof(*to));
	struct otlp_attrs attrs = attributes(maker, point);

	if (!to)
		return NULL;
	opentelemetry__proto__metrics__v1__histogram_data_point__init(to);
	to->attributes = attrs.list;
	to->n_attributes = attrs.nr;
	to->start_time_unix_nano = start_of(own, TIME).ns;
	to->time_unix_nano = own->encoded.ns;
	to->count = point->count - told->count;
	to->optional_sum_case =
	    OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__OPTIONAL_SUM_SUM;
	to->sum = (double)(point->number - told->number) / (double)SNP_NS_PER_S;
	return to;
}

/* ---- metrics ------------------------------------------------------------- */

static size_t points_of(const struct otlp_own *own, enum own_id id)
{
	size_t nr = 0;

	for (size_t i = 0; i < own->points_nr; i++)
		nr += own->points[i].id == id;
	return nr;
}

static temporality_value temporality_of(const struct otlp_own *own, enum own_kind kind)
{
	return is_delta(own, kind)
		   ? OPENTELEMETRY__PROTO__METRICS__V1__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_DELTA
		   : OPENTELEMETRY__PROTO__METRICS__V1__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_CUMULATIVE;
}

static number_point **number_points(struct otlp_own *own, struct otlp_maker *maker,
				    enum own_id id, size_t *ret_nr)
{
	number_point **list =
	    otlp_alloc(maker, points_of(own, id), sizeof(number_point *));
	size_t nr = 0;

	for (size_t i = 0; list && i < own->points_nr; i++)
		if (own->points[i].id == id)
			list[nr++] = make_number(own, maker, &own->points[i]);
	*ret_nr = nr;
	return list;
}

static void put_histogram(struct otlp_own *own, struct otlp_maker *maker,
			  enum own_id id, otlp_metric *to)
{
	histogram_point **list =
	    otlp_alloc(maker, points_of(own, id), sizeof(histogram_point *));

	to->histogram = otlp_alloc(maker, 1, sizeof(*to->histogram));
	to->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM;
	if (!to->histogram || !list)
		return;
	opentelemetry__proto__metrics__v1__histogram__init(to->histogram);
	to->histogram->aggregation_temporality = temporality_of(own, TIME);
	to->histogram->data_points = list;
	for (size_t i = 0; i < own->points_nr; i++)
		if (own->points[i].id == id)
			list[to->histogram->n_data_points++] =
			    make_time(own, maker, &own->points[i]);
}

static void put_sum(struct otlp_own *own, struct otlp_maker *maker, enum own_id id,
		    otlp_metric *to)
{
	to->sum = otlp_alloc(maker, 1, sizeof(*to->sum));
	to->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM;
	if (!to->sum)
		return;
	opentelemetry__proto__metrics__v1__sum__init(to->sum);
	to->sum->is_monotonic = metrics[id].kind == COUNTER;
	to->sum->aggregation_temporality = temporality_of(own, metrics[id].kind);
	to->sum->data_points = number_points(own, maker, id, &to->sum->n_data_points);
}

static void put_gauge(struct otlp_own *own, struct otlp_maker *maker, enum own_id id,
		      otlp_metric *to)
{
	to->gauge = otlp_alloc(maker, 1, sizeof(*to->gauge));
	to->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE;
	if (!to->gauge)
		return;
	opentelemetry__proto__metrics__v1__gauge__init(to->gauge);
	to->gauge->data_points =
	    number_points(own, maker, id, &to->gauge->n_data_points);
}

static otlp_metric *make_metric(struct otlp_own *own, struct otlp_maker *maker,
				enum own_id id)
{
	otlp_metric *to = otlp_alloc(maker, 1, sizeof(*to));

	if (!to)
		return NULL;
	opentelemetry__proto__metrics__v1__metric__init(to);
	to->name = otlp_unconst(metrics[id].name);
	to->unit = otlp_unconst(metrics[id].unit);
	to->description = otlp_unconst(metrics[id].help);
	if (metrics[id].kind == TIME)
		put_histogram(own, maker, id, to);
	else if (metrics[id].kind == GAUGE)
		put_gauge(own, maker, id, to);
	else
		put_sum(own, maker, id, to);
	return to;
}

static scope_metrics *make_scope(struct otlp_own *own, struct otlp_maker *maker)
{
	scope_metrics *scope = otlp_alloc(maker, 1, sizeof(*scope));
	otlp_metric **list = otlp_alloc(maker, OWN_NR, sizeof(otlp_metric *));

	if (!scope || !list)
		return NULL;
	opentelemetry__proto__metrics__v1__scope_metrics__init(scope);
	scope->scope = otlp_scope_new(maker);
	scope->schema_url = otlp_unconst(OTLP_SCHEMA_URL);
	scope->metrics = list;
	for (unsigned id = 0; id < OWN_NR; id++)
		if (points_of(own, id) > 0)
			list[scope->n_metrics++] = make_metric(own, maker, id);
	return scope;
}

resource_metrics *otlp_own_encode(struct otlp_own *own,
				  const struct otlp_own_look *look,
				  struct otlp_maker *maker, size_t *ret_points)
{
	resource_metrics *to = otlp_alloc(maker, 1, sizeof(*to));
	scope_metrics **scope = otlp_alloc(maker, 1, sizeof(scope_metrics *));

	if (!to || !scope)
		return NULL;
	/* Intervals are not empty and do not overlap, whatever the clock does. */
	own->encoded.ns =
	    look->now.ns > own->encoded.ns ? look->now.ns : own->encoded.ns + 1;
	gather(own, look);
	opentelemetry__proto__metrics__v1__resource_metrics__init(to);
	to->resource = otlp_resource_message_of(own->resource);
	to->schema_url = otlp_unconst(OTLP_SCHEMA_URL);
	to->scope_metrics = scope;
	to->n_scope_metrics = 1;
	scope[0] = make_scope(own, maker);
	*ret_points = own->points_nr;
	return maker->failed ? NULL : to;
}

void otlp_own_acknowledge(struct otlp_own *own)
{
	own->acknowledged = own->encoded;
	for (size_t i = 0; i < own->points_nr; i++)
		*told_of(own, &own->points[i]) = (struct told){
		    .number = own->points[i].number, .count = own->points[i].count};
}

/* ---- text ---------------------------------------------------------------- */

static void put_tally(struct snp_buf *out, const struct otlp_tally *tally)
{
	snp_buf_printf(out, "%" PRIu64 " sent, %" PRIu64 " failed", tally->sent,
		       tally->not_sent);
}

static void put_records(struct snp_buf *out, const struct otlp_own_look *look,
			enum otlp_signal signal, uint64_t lost)
{
	const struct otlp_records_counts *c = &look->records[signal];

	if (!look->has[signal])
		return;
	snp_buf_printf(out, "%s: ", otlp_signals[signal].noun);
	put_tally(out, &c->tally);
	snp_buf_printf(out,
		       ", %" PRIu64 " waiting, %" PRIu64
		       " dropped from a full queue, %" PRIu64 " lost in the segment; ",
		       c->waiting + c->sending, c->dropped, lost);
}

void otlp_own_text(const struct otlp_own_look *look, struct snp_buf *out)
{
	put_records(out, look, OTLP_TRACES, look->tail.spans_lost);
	put_records(out, look, OTLP_LOGS, look->tail.events_lost);
	if (look->has[OTLP_METRICS]) {
		snp_buf_printf(out, "%s: ", otlp_signals[OTLP_METRICS].noun);
		put_tally(out, &look->points);
		snp_buf_puts(out, "; ");
	}
	if (out->len >= 2)
		out->len -= 2;
}

/* ---- lifetime ------------------------------------------------------------ */

int otlp_own_create(struct otlp_resource *resource, enum otlp_temporality temporality,
		    snp_wall_t start, struct otlp_own **ret_own)
{
	struct otlp_own *own = calloc(1, sizeof(*own));

	if (!own)
		return -ENOMEM;
	own->resource = otlp_resource_hold(resource);
	own->temporality = temporality;
	own->start = own->acknowledged = own->encoded = start;
	*ret_own = own;
	return 0;
}

void otlp_own_destroy(struct otlp_own **own)
{
	if (!*own)
		return;
	otlp_resource_drop(&(*own)->resource);
	free(*own);
	*own = NULL;
}
