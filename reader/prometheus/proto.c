/* SPDX-License-Identifier: Apache-2.0 */
#include "proto.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <prometheus/metrics.pb-c.h>

#include "model/rebin.h"

/* Gaps of at most so many buckets are bridged: cheaper than another span. */
#define GAP_MAX 2

#define NS_PER_S 1000000000

typedef Io__Prometheus__Client__LabelPair pb_label;
typedef Io__Prometheus__Client__Metric pb_metric;
typedef Io__Prometheus__Client__Histogram pb_histogram;
typedef Io__Prometheus__Client__Bucket pb_bucket;
typedef Io__Prometheus__Client__BucketSpan pb_span;
typedef Io__Prometheus__Client__Exemplar pb_exemplar;
typedef Google__Protobuf__Timestamp pb_time;

void proto_fini(struct proto *proto)
{
	snp_arena_fini(&proto->arena);
	free(proto->metrics);
	*proto = (struct proto){0};
}

void proto_begin(struct proto *proto)
{
	snp_arena_reset(&proto->arena);
	proto->metrics_nr = 0;
	proto->failed = false;
}

/* ---- pieces -------------------------------------------------------------- */

/* NULL, and the family has failed, when there is no memory. */
static void *alloc(struct proto *proto, size_t nr, size_t bytes)
{
	void *at = snp_arena_alloc(&proto->arena, nr * bytes);

	proto->failed |= !at;
	return at;
}

static char *unconst(const char *text)
{
	return (char *)(size_t)text; /* messages point to what they do not change */
}

static void set_label(pb_label *label, const char *name, const char *value)
{
	io__prometheus__client__label_pair__init(label);
	label->name = unconst(name);
	label->value = unconst(value);
}

/* `nr` labels and the pointers to them; NULL when there is no memory. */
static pb_label **new_labels(struct proto *proto, size_t nr)
{
	pb_label **list = alloc(proto, nr, sizeof(pb_label *));
	pb_label *labels = alloc(proto, nr, sizeof(*labels));

	if (!list || !labels)
		return NULL;
	for (size_t i = 0; i < nr; i++)
		list[i] = &labels[i];
	return list;
}

static pb_time *new_time(struct proto *proto, snp_wall_t time)
{
	pb_time *pb = alloc(proto, 1, sizeof(*pb));

	if (!pb)
		return NULL;
	google__protobuf__timestamp__init(pb);
	pb->seconds = (int64_t)(time.ns / NS_PER_S);
	pb->nanos = (int32_t)(time.ns % NS_PER_S);
	return pb;
}

/* One more metric of the family, with those labels and no value; NULL when there is no
 * memory. */
static pb_metric *new_metric(struct proto *proto, pb_label **labels, size_t labels_nr)
{
	size_t max = proto->metrics_max ? 2 * proto->metrics_max : 64;
	pb_metric *metric = alloc(proto, 1, sizeof(*metric));
	void **metrics;

	if (proto->metrics_nr == proto->metrics_max) {
		metrics = reallocarray(proto->metrics, max, sizeof(*metrics));
		if (!metrics) {
			proto->failed = true;
			return NULL;
		}
		proto->metrics = metrics;
		proto->metrics_max = max;
	}
	if (!metric)
		return NULL;
	io__prometheus__client__metric__init(metric);
	metric->label = labels;
	metric->n_label = labels_nr;
	proto->metrics[proto->metrics_nr++] = metric;
	return metric;
}

static void set_gauge(struct proto *proto, pb_metric *metric, double value)
{
	metric->gauge = alloc(proto, 1, sizeof(*metric->gauge));
	if (!metric->gauge)
		return;
	io__prometheus__client__gauge__init(metric->gauge);
	metric->gauge->has_value = true;
	metric->gauge->value = value;
}

/* `created` may be NULL. */
static void set_counter(struct proto *proto, pb_metric *metric, double value,
			pb_time *created)
{
	metric->counter = alloc(proto, 1, sizeof(*metric->counter));
	if (!metric->counter)
		return;
	io__prometheus__client__counter__init(metric->counter);
	metric->counter->has_value = true;
	metric->counter->value = value;
	metric->counter->created_timestamp = created;
}

/* ---- histograms ---------------------------------------------------------- */

static pb_exemplar *new_exemplar(struct proto *proto,
				 const struct snp_exemplar *exemplar)
{
	pb_exemplar *pb = alloc(proto, 1, sizeof(*pb));
	pb_label **labels = new_labels(proto, 2);
	char *ids = alloc(proto, 1, 32 + 1 + 16 + 1);

	if (!pb || !labels || !ids)
		return NULL;
	snp_exemplar_trace_hex(exemplar, ids);
	ids[32] = '\0';
	snp_exemplar_span_hex(exemplar, ids + 33);
	ids[49] = '\0';
	set_label(labels[0], "trace_id", ids);
	set_label(labels[1], "span_id", ids + 33);
	io__prometheus__client__exemplar__init(pb);
	pb->label = labels;
	pb->n_label = 2;
	pb->has_value = true;
	pb->value = (double)exemplar->value_ns / NS_PER_S;
	pb->timestamp = new_time(proto, exemplar->ended);
	return pb;
}

/* The classic buckets, and the exemplars of both kinds. */
static void set_buckets(struct proto *proto, pb_histogram *h,
			const struct snp_series *series,
			const struct snp_exemplar *exemplars)
{
	const struct snp_metric *metric = series->metric;
	size_t nr = metric->bounds_nr + 1;
	pb_bucket *buckets = alloc(proto, nr, sizeof(*buckets));
	uint64_t *counts = alloc(proto, nr, sizeof(*counts));
	uint64_t count = 0;

	h->bucket = alloc(proto, nr, sizeof(pb_bucket *));
	h->exemplars = alloc(proto, nr, sizeof(pb_exemplar *));
	if (!buckets || !h->bucket || !h->exemplars || !counts)
		return;
	(void)snp_rebin(metric, series->hist,
			(struct snp_hist_span){0, metric->nbuckets + 2}, counts);
	for (size_t i = 0; i < nr; i++) {
		bool last = i == metric->bounds_nr;

		count += counts[i];
		io__prometheus__client__bucket__init(&buckets[i]);
		buckets[i].has_cumulative_count = true;
		buckets[i].cumulative_count = count;
		buckets[i].has_upper_bound = true;
		buckets[i].upper_bound =
		    last ? (double)INFINITY : (double)metric->bounds_ns[i] / NS_PER_S;
		if (exemplars && exemplars[i].ended.ns && counts[i] > 0)
			buckets[i].exemplar = new_exemplar(proto, &exemplars[i]);
		if (buckets[i].exemplar)
			h->exemplars[h->n_exemplars++] = buckets[i].exemplar;
		h->bucket[h->n_bucket++] = &buckets[i];
	}
}

/* The native buckets under construction. */
struct native {
	pb_histogram *h;
	pb_span *span; /* the last one, NULL before the first */
	int64_t count; /* of the last bucket */
};

static void begin_span(struct native *native, int32_t offset)
{
	pb_histogram *h = native->h;

	native->span = h->positive_span[h->n_positive_span++];
	io__prometheus__client__bucket_span__init(native->span);
	native->span->has_offset = native->span->has_length = true;
	native->span->offset = offset;
}

static void add_bucket(struct native *native, uint64_t count)
{
	pb_histogram *h = native->h;

	h->positive_delta[h->n_positive_delta++] = (int64_t)count - native->count;
	native->count = (int64_t)count;
	native->span->length++;
}

/* Room for the worst of what `buckets` that are not empty can come to. */
static bool reserve_native(struct proto *proto, pb_histogram *h, size_t buckets)
{
	pb_span *spans = alloc(proto, buckets + 1, sizeof(*spans));

	h->positive_span = alloc(proto, buckets + 1, sizeof(pb_span *));
	h->positive_delta =
	    alloc(proto, buckets * (GAP_MAX + 1) + 1, sizeof(*h->positive_delta));
	if (!spans || !h->positive_span || !h->positive_delta)
		return false;
	for (size_t i = 0; i <= buckets; i++)
		h->positive_span[i] = &spans[i];
	return true;
}

/* Word i > 0 is native bucket idx_min + i; the word of those beyond the last bound goes
 * into the bucket behind it, which is the least it can be. */
static void set_native(struct proto *proto, pb_histogram *h,
		       const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;
	struct native native = {.h = h};
	uint32_t end = 0; /* behind the last bucket that is not empty */
	size_t buckets = 0;

	for (uint32_t i = 1; i < metric->nbuckets + 2; i++)
		buckets += series->hist[i] > 0;
	if (!reserve_native(proto, h, buckets))
		return;
	h->has_schema = h->has_zero_threshold = h->has_zero_count = true;
	h->schema = metric->scale;
	/* The lower bound of the first bucket, of which the segment has the integer
	 * part alone. */
	h->zero_threshold = exp2(ldexp(metric->idx_min, -metric->scale));
	h->zero_count = series->hist[0];
	for (uint32_t i = 1; i < metric->nbuckets + 2; i++) {
		if (series->hist[i] == 0)
			continue;
		if (!native.span)
			begin_span(&native, metric->idx_min + (int32_t)i);
		else if (i - end > GAP_MAX)
			begin_span(&native, (int32_t)(i - end));
		else
			for (; end < i; end++)
				add_bucket(&native, 0);
		add_bucket(&native, series->hist[i]);
		end = i + 1;
	}
	/* Without any span it could be taken for a classic one. */
	if (!native.span)
		begin_span(&native, 0);
}

static void set_histogram(struct proto *proto, pb_metric *metric,
			  const struct page_source *source,
			  const struct snp_series *series)
{
	pb_histogram *h = alloc(proto, 1, sizeof(*h));

	metric->histogram = h;
	if (!h)
		return;
	io__prometheus__client__histogram__init(h);
	h->has_sample_count = h->has_sample_sum = true;
	h->sample_count = snp_hist_count(series->metric, series->hist);
	h->sample_sum = (double)series->hist[series->metric->nbuckets + 2] / NS_PER_S;
	h->created_timestamp = new_time(proto, source_created(source, series));
	set_buckets(
	    proto, h, series,
	    snp_exemplars_of(source->families->exemplars, source->snap, series));
	set_native(proto, h, series);
}

/* ---- series -------------------------------------------------------------- */

/* The labels of a series, with room for one more. */
static pb_label **series_labels(struct proto *proto, const struct page_source *source,
				const struct snp_series *series, size_t *ret_nr)
{
	pb_label **labels = new_labels(proto, series->labels_nr + 2);
	size_t nr = 0;

	if (!labels)
		return NULL;
	if (source->label)
		set_label(labels[nr++], LABELS_INSTANCE, source->label);
	for (unsigned i = 0; i < series->labels_nr; i++)
		set_label(labels[nr++], series->labels[i].prom_name,
			  series->labels[i].value);
	*ret_nr = nr;
	return labels;
}

static void add_states(struct proto *proto, const struct page_source *source,
		       const struct snp_series *series)
{
	const struct snp_metric *m = series->metric;
	pb_metric *metric;
	pb_label **labels;
	size_t nr;

	for (uint32_t i = 0; i < m->enum_values_nr; i++) {
		labels = series_labels(proto, source, series, &nr);
		if (!labels)
			return;
		set_label(labels[nr++], m->enum_prom_name, m->enum_values[i]);
		metric = new_metric(proto, labels, nr);
		if (metric)
			set_gauge(proto, metric, series->value == i);
	}
}

static void add_series(struct proto *proto, const struct page_source *source,
		       const struct family *family, const struct snp_series *series)
{
	pb_metric *metric;
	pb_label **labels;
	size_t nr;

	if (family->metric->kind == SNP_KIND_STATE) {
		add_states(proto, source, series);
		return;
	}
	labels = series_labels(proto, source, series, &nr);
	metric = labels ? new_metric(proto, labels, nr) : NULL;
	if (!metric)
		return;
	if (family->as.type == EXPO_HISTOGRAM)
		set_histogram(proto, metric, source, series);
	else if (family->as.type == EXPO_COUNTER)
		set_counter(proto, metric, snp_series_number(source->snap, series),
			    new_time(proto, source_created(source, series)));
	else
		set_gauge(proto, metric, snp_series_number(source->snap, series));
}

void proto_add_family(struct proto *proto, const struct page_source *source,
		      const struct family *family)
{
	struct snp_series_iter it;
	struct snp_series series;

	snp_series_iter_init(&it, source->snap, family->metric);
	while (!proto->failed && snp_series_next(&it, &series))
		if (families_shows(family, &series) &&
		    (family->as.type != EXPO_HISTOGRAM || series.hist))
			add_series(proto, source, family, &series);
}

void proto_add_own(struct proto *proto, const struct own_value *value)
{
	pb_label **labels = new_labels(proto, 2);
	double number = (double)value->number / (value->ns ? NS_PER_S : 1);
	pb_metric *metric;
	size_t nr = 0;

	if (!labels)
		return;
	if (value->instance)
		set_label(labels[nr++], LABELS_INSTANCE, value->instance);
	if (value->label)
		set_label(labels[nr++], value->label, value->label_value);
	metric = new_metric(proto, labels, nr);
	if (metric && own_families[value->id].type == EXPO_COUNTER)
		set_counter(proto, metric, number, NULL);
	else if (metric)
		set_gauge(proto, metric, number);
}

/* ---- the message --------------------------------------------------------- */

static size_t put_varint(uint8_t *to, uint64_t value)
{
	size_t len = 0;

	for (; value >= 0x80; value >>= 7)
		to[len++] = (uint8_t)(value | 0x80);
	to[len++] = (uint8_t)value;
	return len;
}

void proto_end(struct proto *proto, const struct expo_family *family,
	       struct snp_buf *buf)
{
	static const Io__Prometheus__Client__MetricType types[] = {
	    [EXPO_COUNTER] = IO__PROMETHEUS__CLIENT__METRIC_TYPE__COUNTER,
	    [EXPO_GAUGE] = IO__PROMETHEUS__CLIENT__METRIC_TYPE__GAUGE,
	    [EXPO_HISTOGRAM] = IO__PROMETHEUS__CLIENT__METRIC_TYPE__HISTOGRAM,
	    [EXPO_INFO] = IO__PROMETHEUS__CLIENT__METRIC_TYPE__GAUGE,
	};
	Io__Prometheus__Client__MetricFamily pb =
	    IO__PROMETHEUS__CLIENT__METRIC_FAMILY__INIT;
	const char *unit = expo_unit(family);
	uint8_t *to;
	size_t len;

	buf->failed |= proto->failed;
	if (proto->metrics_nr == 0 || buf->failed)
		return;
	pb.name = unconst(family->name);
	pb.help = unconst(family->help);
	pb.has_type = true;
	pb.type = types[family->type];
	pb.unit = *unit ? unconst(unit) : NULL;
	pb.metric = (pb_metric **)(void *)proto->metrics;
	pb.n_metric = proto->metrics_nr;
	len = io__prometheus__client__metric_family__get_packed_size(&pb);
	to = (uint8_t *)snp_buf_reserve(buf, len + 10);
	if (!to)
		return;
	to += put_varint(to, len);
	to += io__prometheus__client__metric_family__pack(&pb, to);
	snp_buf_commit(buf, (size_t)((char *)to - buf->data) - buf->len);
}
