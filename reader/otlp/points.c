/* SPDX-License-Identifier: Apache-2.0 */
#include "points.h"

#include <math.h>

#include "model/rebin.h"

#define NS_PER_S 1e9
#define GONE                                                                           \
	OPENTELEMETRY__PROTO__METRICS__V1__DATA_POINT_FLAGS__DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK

typedef Opentelemetry__Proto__Metrics__V1__Exemplar pb_exemplar;
typedef Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint__Buckets
    pb_buckets;

/* What points of all types have under the same names. */
#define SET_COMMON(pb, point)                                                          \
	do {                                                                           \
		(pb)->attributes = (point)->attrs.list;                                \
		(pb)->n_attributes = (point)->attrs.nr;                                \
		(pb)->start_time_unix_nano = (point)->start;                           \
		(pb)->time_unix_nano = (point)->time;                                  \
		(pb)->flags = (point)->gone ? GONE : 0;                                \
	} while (0)

/* ---- numbers ------------------------------------------------------------- */

static bool is_integer(const struct snp_metric *metric)
{
	return metric->unit_exp == 0 &&
	       (metric->vtype == SNP_VT_U64 || metric->vtype == SNP_VT_I64);
}

static int64_t integer_of(const struct snp_metric *metric, uint64_t word)
{
	if (metric->vtype == SNP_VT_U64 && word > INT64_MAX)
		return INT64_MAX;
	return (int64_t)word;
}

otlp_number_point *otlp_point_number(struct otlp_maker *maker,
				     const struct otlp_point *point,
				     const struct snp_snapshot *snap,
				     const struct snp_metric *metric, uint64_t word)
{
	const struct snp_series series = {.metric = metric, .value = word};
	otlp_number_point *pb = otlp_alloc(maker, 1, sizeof(*pb));

	if (!pb)
		return NULL;
	opentelemetry__proto__metrics__v1__number_data_point__init(pb);
	SET_COMMON(pb, point);
	if (point->gone)
		return pb;
#define VALUE_CASE(type)                                                               \
	OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_##type
	if (metric->kind == SNP_KIND_INFO || metric->kind == SNP_KIND_STATE ||
	    is_integer(metric)) {
		pb->value_case = VALUE_CASE(AS_INT);
		pb->as_int = integer_of(metric, word);
	} else {
		pb->value_case = VALUE_CASE(AS_DOUBLE);
		pb->as_double = snp_series_number(snap, &series);
	}
#undef VALUE_CASE
	return pb;
}

/* ---- exemplars ----------------------------------------------------------- */

/* Those of the interval. `counts` (may be NULL) of the buckets they are for: a request
 * may have left its span and not its duration yet. */
static pb_exemplar **exemplars_of(struct otlp_maker *maker,
				  const struct otlp_point *point,
				  const struct otlp_hist *hist, const uint64_t *counts,
				  size_t *ret_nr)
{
	uint32_t max = hist->exemplars ? hist->metric->bounds_nr + 1 : 0;
	pb_exemplar **list = otlp_alloc(maker, max, sizeof(pb_exemplar *));

	*ret_nr = 0;
	for (uint32_t i = 0; list && i < max; i++) {
		const struct snp_exemplar *exemplar = &hist->exemplars[i];
		pb_exemplar *pb;

		if (exemplar->ended.ns <= point->start ||
		    exemplar->ended.ns > point->time || (counts && counts[i] == 0))
			continue;
		pb = otlp_alloc(maker, 1, sizeof(*pb));
		if (!pb)
			return NULL;
		opentelemetry__proto__metrics__v1__exemplar__init(pb);
		pb->time_unix_nano = exemplar->ended.ns;
		pb->value_case =
		    OPENTELEMETRY__PROTO__METRICS__V1__EXEMPLAR__VALUE_AS_DOUBLE;
		pb->as_double = (double)exemplar->value_ns / NS_PER_S;
		pb->trace_id = otlp_trace_id(maker, exemplar->trace_id);
		pb->span_id = otlp_span_id(maker, exemplar->span_id);
		list[(*ret_nr)++] = pb;
	}
	return list;
}

/* ---- histograms ---------------------------------------------------------- */

static double sum_of(const struct otlp_hist *hist)
{
	return (double)hist->words[hist->metric->nbuckets + 2] / NS_PER_S;
}

otlp_explicit_point *otlp_point_explicit(struct otlp_maker *maker,
					 const struct otlp_point *point,
					 const struct otlp_hist *hist)
{
	const struct snp_metric *metric = hist->metric;
	otlp_explicit_point *pb = otlp_alloc(maker, 1, sizeof(*pb));
	uint64_t *counts =
	    otlp_alloc(maker, metric->bounds_nr + (size_t)1, sizeof(*counts));
	double *bounds = otlp_alloc(maker, metric->bounds_nr, sizeof(*bounds));

	if (!pb || !counts || !bounds)
		return NULL;
	opentelemetry__proto__metrics__v1__histogram_data_point__init(pb);
	SET_COMMON(pb, point);
	pb->count = snp_rebin(metric, hist->words, hist->used, counts);
	pb->optional_sum_case =
	    OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__OPTIONAL_SUM_SUM;
	pb->sum = pb->count > 0 ? sum_of(hist) : 0;
	pb->bucket_counts = counts;
	pb->n_bucket_counts = metric->bounds_nr + (size_t)1;
	for (uint32_t i = 0; i < metric->bounds_nr; i++)
		bounds[i] = (double)metric->bounds_ns[i] / NS_PER_S;
	pb->explicit_bounds = bounds;
	pb->n_explicit_bounds = metric->bounds_nr;
	pb->exemplars = exemplars_of(maker, point, hist, counts, &pb->n_exemplars);
	return pb;
}

/* Of the bucket in which that of scale s is at scale s - `steps`: half, rounded down,
 * that many times. */
static int32_t coarser(int32_t index, unsigned steps)
{
	return index >= 0 ? index >> steps : ~(~index >> steps);
}

/* Bucket `i` of OTLP covers (2^(i / 2^scale), 2^((i + 1) / 2^scale)], so the metric's
 * word 1 is bucket idx_min. The word of what lies beyond all of them goes into the
 * bucket behind the last, which is the least it can be. */
static void set_buckets(struct otlp_maker *maker, otlp_exponential_point *pb,
			const struct otlp_hist *hist, uint32_t first, uint32_t end)
{
	const struct snp_metric *metric = hist->metric;
	int32_t offset = metric->idx_min - 1;
	unsigned steps = 0;
	int32_t low, high;
	pb_buckets *buckets = otlp_alloc(maker, 1, sizeof(*buckets));

	do {
		low = coarser(offset + (int32_t)first, steps);
		high = coarser(offset + (int32_t)end - 1, steps);
	} while (high - low >= OTLP_BUCKETS_MAX && ++steps);
	if (!buckets)
		return;
	opentelemetry__proto__metrics__v1__exponential_histogram_data_point__buckets__init(
	    buckets);
	buckets->offset = low;
	buckets->n_bucket_counts = (uint32_t)(high - low) + UINT32_C(1);
	buckets->bucket_counts =
	    otlp_alloc(maker, buckets->n_bucket_counts, sizeof(uint64_t));
	if (!buckets->bucket_counts)
		return;
	for (size_t i = 0; i < buckets->n_bucket_counts; i++)
		buckets->bucket_counts[i] = 0;
	for (uint32_t i = first; i < end; i++)
		buckets->bucket_counts[coarser(offset + (int32_t)i, steps) - low] +=
		    hist->words[i];
	pb->scale = metric->scale - (int)steps;
	pb->positive = buckets;
}

otlp_exponential_point *otlp_point_exponential(struct otlp_maker *maker,
					       const struct otlp_point *point,
					       const struct otlp_hist *hist)
{
	const struct snp_metric *metric = hist->metric;
	uint32_t first = hist->used.first > 0 ? hist->used.first : 1;
	uint32_t end = hist->used.end;
	otlp_exponential_point *pb = otlp_alloc(maker, 1, sizeof(*pb));

	if (!pb)
		return NULL;
	opentelemetry__proto__metrics__v1__exponential_histogram_data_point__init(pb);
	SET_COMMON(pb, point);
	while (first < end && hist->words[first] == 0)
		first++;
	while (first < end && hist->words[end - 1] == 0)
		end--;
	pb->scale = metric->scale;
	pb->zero_count = hist->words[0];
	/* The lower bound of the first bucket, of which the segment has the integer
	 * part alone. */
	pb->zero_threshold = exp2(ldexp(metric->idx_min, -metric->scale));
	pb->count = pb->zero_count;
	for (uint32_t i = first; i < end; i++)
		pb->count += hist->words[i];
	pb->optional_sum_case =
	    OPENTELEMETRY__PROTO__METRICS__V1__EXPONENTIAL_HISTOGRAM_DATA_POINT__OPTIONAL_SUM_SUM;
	pb->sum = pb->count > 0 ? sum_of(hist) : 0;
	if (first < end)
		set_buckets(maker, pb, hist, first, end);
	pb->exemplars = exemplars_of(maker, point, hist, NULL, &pb->n_exemplars);
	return pb;
}
