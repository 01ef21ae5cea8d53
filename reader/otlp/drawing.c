/* SPDX-License-Identifier: Apache-2.0 */
#include "drawing.h"

#include <math.h>
#include <string.h>

#include "model/created.h"

#define OVERFLOW_KEY "otel.metric.overflow"

/* ---- numbers ------------------------------------------------------------- */

static double double_of(uint64_t word)
{
	double number;

	memcpy(&number, &word, sizeof(number));
	return number;
}

static uint64_t word_of(double number)
{
	uint64_t word;

	memcpy(&word, &number, sizeof(word));
	return word;
}

static bool is_double(const struct snp_metric *metric)
{
	return metric->vtype == SNP_VT_F64 && metric->kind != SNP_KIND_HISTOGRAM;
}

static uint64_t plus(const struct snp_metric *metric, uint64_t a, uint64_t b)
{
	return is_double(metric) ? word_of(double_of(a) + double_of(b)) : a + b;
}

/* What a count has grown by. One that shrank, which none should, has begun again. */
static uint64_t grown(const struct snp_metric *metric, uint64_t now, uint64_t before)
{
	if (is_double(metric))
		return double_of(now) < double_of(before)
			   ? now
			   : word_of(double_of(now) - double_of(before));
	return now < before ? now : now - before;
}

/* ---- points -------------------------------------------------------------- */

static void add_point(struct otlp_drawing *d, const struct otlp_point *point,
		      const struct snp_series *series, const uint64_t *words)
{
	const struct otlp_metrics *metrics = d->metrics;
	struct otlp_maker *maker = &d->metrics->maker;
	const struct snp_snapshot *snap = d->look->snap;
	struct otlp_hist hist = {
	    .metric = d->instrument->metric,
	    .words = words,
	    .used = {0, d->instrument->metric->nbuckets + 2},
	};
	void *made;

	if (d->instrument->shape != OTLP_SHAPE_HISTOGRAM) {
		made = otlp_point_number(maker, point, snap, hist.metric, *words);
	} else {
		if (series && metrics->exemplars)
			hist.exemplars =
			    snp_exemplars_of(metrics->exemplars, snap, series);
		if (series && words == series->hist)
			hist.used = snp_series_span(snap, series);
		made = d->instrument->exponential
			   ? (void *)otlp_point_exponential(maker, point, &hist)
			   : (void *)otlp_point_explicit(maker, point, &hist);
	}
	if (made)
		d->points[d->nr++] = made;
}

/* The growth of a series since it was told of, in the scratch; remembered as told. */
static const uint64_t *growth(struct otlp_drawing *d, const struct snp_series *series,
			      bool is_known)
{
	struct otlp_metrics *metrics = d->metrics;
	const struct snp_metric *metric = series->metric;
	size_t nr = otlp_value_words(metric), at = series->cell * nr;
	const uint64_t *now = otlp_words_of(series);
	const uint64_t *before =
	    otlp_ledger_of(&metrics->told, d->index, series->row) + at;
	uint64_t *after = otlp_ledger_of(&metrics->pending, d->index, series->row) + at;
	bool any = false;

	for (size_t i = 0; i < nr; i++) {
		metrics->scratch[i] =
		    is_known ? grown(metric, now[i], before[i]) : now[i];
		any |= i < nr - 1 && metrics->scratch[i] > 0;
	}
	memcpy(after, now, nr * sizeof(*after));
	/* The sum of a histogram may be one observation late: then it waits for the
	 * next, as no observations have no sum. */
	if (metric->kind == SNP_KIND_HISTOGRAM && !any)
		after[nr - 1] = is_known ? before[nr - 1] : 0;
	return metrics->scratch;
}

/* A series without a point of its own. */
static void add_to_overflow(struct otlp_drawing *d, const struct snp_series *series,
			    bool is_known)
{
	const struct snp_metric *metric = series->metric;
	uint64_t *carried = otlp_ledger_carried(&d->metrics->pending, d->index);

	d->overflown = true;
	if (otlp_is_count(d->instrument)) {
		const uint64_t *words = growth(d, series, is_known);

		for (size_t i = 0; i < otlp_value_words(metric); i++)
			carried[i] = plus(metric, carried[i], words[i]);
	} else if (d->instrument->shape == OTLP_SHAPE_UPDOWN) {
		d->over = plus(metric, d->over, series->value);
	} else {
		d->over = series->value;
	}
}

static void set_attributes(struct otlp_drawing *d, const struct snp_series *series,
			   uint32_t value, struct otlp_point *point)
{
	struct otlp_maker *maker = &d->metrics->maker;
	const struct snp_metric *metric = series->metric;

	point->attrs = otlp_attrs_new(maker, series->labels_nr + (size_t)1);
	for (unsigned i = 0; i < series->labels_nr; i++)
		otlp_attr_text(maker, &point->attrs, series->labels[i].otel_name,
			       series->labels[i].value);
	if (metric->kind == SNP_KIND_STATE)
		otlp_attr_text(maker, &point->attrs, metric->enum_otel_name,
			       metric->enum_values[value]);
}

/* One value of a series: all there is, but of a state each it may be in. */
static void add_value(struct otlp_drawing *d, const struct snp_series *series,
		      uint32_t value, const struct otlp_ledger_row *row)
{
	const struct otlp_instrument *it = d->instrument;
	uint64_t created =
	    snp_series_created(snp_segment_info(d->metrics->seg), d->look->snap, series)
		.ns;
	struct otlp_point point = {
	    .start = it->delta && row ? row->told : created,
	    /* A clock that was set back must not make the end precede the start. */
	    .time = d->time > created ? d->time : created + 1,
	    .gone =
		it->present &&
		d->metrics->pending.rows[it->metric->row_kind].list[series->row].gone,
	};
	const uint64_t *words = otlp_words_of(series);

	if (it->shape == OTLP_SHAPE_GAUGE)
		point.start = 0;
	if (!otlp_has_own_point(d->metrics, it, series->row, value)) {
		if (!point.gone)
			add_to_overflow(d, series, row != NULL);
		return;
	}
	if (it->delta)
		words = growth(d, series, row != NULL);
	if (it->delta && point.start >= point.time)
		return; /* the first look */
	set_attributes(d, series, value, &point);
	add_point(d, &point, series, words);
}

/* Row `row` as the receiver knows it, NULL when it was never told of it. */
static const struct otlp_ledger_row *known(const struct otlp_metrics *metrics,
					   unsigned kind, uint32_t row, uint64_t uid)
{
	const struct otlp_ledger_row *known = &metrics->told.rows[kind].list[row];

	return known->told && known->uid == uid ? known : NULL;
}

static void add_series(struct otlp_drawing *d, const struct snp_series *series)
{
	const struct otlp_metrics *metrics = d->metrics;
	const struct otlp_instrument *it = d->instrument;
	unsigned kind = it->metric->row_kind;
	const struct snp_row *snap_row =
	    snp_snapshot_row(d->look->snap, kind, series->row);
	const struct otlp_ledger_row *row =
	    known(metrics, kind, series->row, otlp_row_uid(snap_row));
	struct snp_series state = *series;

	if (!otlp_words_of(series))
		return;
	if (is_double(it->metric) && isnan(double_of(series->value)))
		return; /* never set */
	if (it->present && metrics->pending.rows[kind].list[series->row].gone &&
	    (!metrics->options.no_recorded_value || !row || row->gone))
		return;
	if (it->metric->kind != SNP_KIND_STATE) {
		add_value(d, series, series->cell, row);
		return;
	}
	for (uint32_t i = 0; i < it->values; i++) {
		state.value = series->value == i;
		add_value(d, &state, i, row);
	}
}

static void add_overflow(struct otlp_drawing *d)
{
	const struct otlp_metrics *metrics = d->metrics;
	const struct otlp_instrument *it = d->instrument;
	struct otlp_maker *maker = &d->metrics->maker;
	struct otlp_point point = {
	    .start =
		it->delta && metrics->told_time ? metrics->told_time : metrics->began,
	    .time = d->time,
	};
	const uint64_t *words = &d->over;

	if (otlp_is_count(it)) {
		words = otlp_ledger_carried(&metrics->pending, d->index);
		if (point.start >= point.time)
			return; /* the first look */
	} else {
		point.start = it->shape == OTLP_SHAPE_GAUGE
				  ? 0
				  : snp_segment_info(metrics->seg)->start_wall.ns;
	}
	point.attrs = otlp_attrs_new(maker, 1);
	otlp_attr_bool(maker, &point.attrs, OVERFLOW_KEY, true);
	add_point(d, &point, NULL, words);
}

/* Attributes of a metric's series differ in their values alone. */
static bool labels_ok(const struct snp_series *series)
{
	const struct snp_metric *metric = series->metric;
	const char *keys[SNP_LABELS_MAX + 1];
	unsigned nr = 0;

	for (; nr < series->labels_nr; nr++)
		keys[nr] = series->labels[nr].otel_name;
	if (metric->kind == SNP_KIND_STATE)
		keys[nr++] = metric->enum_otel_name;
	for (unsigned i = 0; i < nr; i++) {
		if (!keys[i] || !*keys[i])
			return false;
		for (unsigned j = 0; j < i; j++)
			if (strcmp(keys[i], keys[j]) == 0)
				return false;
	}
	return true;
}

void otlp_draw(struct otlp_drawing *d)
{
	struct otlp_metrics *metrics = d->metrics;
	struct otlp_instrument *it = d->instrument;
	uint32_t rows = snp_snapshot_rows_nr(d->look->snap, it->metric->row_kind);
	uint64_t max = (uint64_t)rows * it->values;
	uint64_t *carried = otlp_ledger_carried(&metrics->pending, d->index);
	struct snp_series_iter iter;
	struct snp_series series;

	if (max > metrics->options.cardinality_limit)
		max = metrics->options.cardinality_limit;
	d->points = otlp_alloc(&metrics->maker, max + 1, sizeof(void *));
	if (carried && it->delta)
		memset(carried, 0, otlp_value_words(it->metric) * sizeof(*carried));
	snp_series_iter_init(&iter, d->look->snap, it->metric);
	for (bool first = true; snp_series_next(&iter, &series); first = false) {
		if (first && !labels_ok(&series)) {
			it->values = 0;
			metrics->rejected++;
			return;
		}
		add_series(d, &series);
	}
	if (d->overflown)
		add_overflow(d);
}

/* ---- the metric ---------------------------------------------------------- */

#define TEMPORALITY(which)                                                             \
	OPENTELEMETRY__PROTO__METRICS__V1__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_##which

/* Give the metric its points, as the member of `type` that its shape stands for. */
#define SET_DATA(pb, member, MEMBER, type, maker, d)                                   \
	do {                                                                           \
		(pb)->data_case =                                                      \
		    OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_##MEMBER;          \
		(pb)->member = otlp_alloc(maker, 1, sizeof(*(pb)->member));            \
		if (!(pb)->member)                                                     \
			return;                                                        \
		opentelemetry__proto__metrics__v1__##type##__init((pb)->member);       \
		(pb)->member->data_points = (void *)(d)->points;                       \
		(pb)->member->n_data_points = (d)->nr;                                 \
	} while (0)

static void set_data(const struct otlp_drawing *d, otlp_metric *pb)
{
	struct otlp_maker *maker = &d->metrics->maker;
	const struct otlp_instrument *it = d->instrument;
	Opentelemetry__Proto__Metrics__V1__AggregationTemporality temporality =
	    it->delta ? TEMPORALITY(DELTA) : TEMPORALITY(CUMULATIVE);

	switch (it->shape) {
	case OTLP_SHAPE_SUM:
	case OTLP_SHAPE_UPDOWN:
		SET_DATA(pb, sum, SUM, sum, maker, d);
		pb->sum->aggregation_temporality = temporality;
		pb->sum->is_monotonic = it->shape == OTLP_SHAPE_SUM;
		break;
	case OTLP_SHAPE_GAUGE:
		SET_DATA(pb, gauge, GAUGE, gauge, maker, d);
		break;
	case OTLP_SHAPE_HISTOGRAM:
		if (it->exponential) {
			SET_DATA(pb, exponential_histogram, EXPONENTIAL_HISTOGRAM,
				 exponential_histogram, maker, d);
			pb->exponential_histogram->aggregation_temporality =
			    temporality;
		} else {
			SET_DATA(pb, histogram, HISTOGRAM, histogram, maker, d);
			pb->histogram->aggregation_temporality = temporality;
		}
		break;
	}
}

otlp_metric *otlp_drawing_metric(const struct otlp_drawing *d)
{
	otlp_metric *pb = otlp_alloc(&d->metrics->maker, 1, sizeof(*pb));

	if (!pb)
		return NULL;
	opentelemetry__proto__metrics__v1__metric__init(pb);
	pb->name = otlp_unconst(d->instrument->metric->name);
	pb->description = otlp_unconst(d->instrument->metric->help);
	pb->unit = otlp_unconst(d->instrument->metric->unit);
	set_data(d, pb);
	return pb;
}
