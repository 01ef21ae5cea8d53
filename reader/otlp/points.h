/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points.h - values of the segment as data points of OTLP.
 *
 * All is made in the maker's arena; NULL when the maker has failed.
 */
#ifndef SNP_OTLP_POINTS_H
#define SNP_OTLP_POINTS_H

#include "message.h"
#include "model/exemplars.h"
#include "otlp/metrics.pb-c.h"
#include "snakepit/read.h"

typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint otlp_number_point;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint otlp_explicit_point;
typedef Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint
    otlp_exponential_point;

/* What all points say. */
struct otlp_point {
	struct otlp_attrs attrs;
	uint64_t start, time; /* Unix ns; start 0 = says nothing */
	bool gone;	      /* no value: the series has ended */
};

/* A scalar. `word` is one of the metric's, as in struct snp_series. */
otlp_number_point *otlp_point_number(struct otlp_maker *maker,
				     const struct otlp_point *point,
				     const struct snp_snapshot *snap,
				     const struct snp_metric *metric, uint64_t word);

struct otlp_hist {
	const struct snp_metric *metric;
	const uint64_t *words;		      /* nbuckets + 2, then the sum */
	struct snp_hist_span used;	      /* words that may be other than 0 */
	const struct snp_exemplar *exemplars; /* bounds_nr + 1, or NULL */
};

/* In the buckets of the metric's bounds. */
otlp_explicit_point *otlp_point_explicit(struct otlp_maker *maker,
					 const struct otlp_point *point,
					 const struct otlp_hist *hist);

/* Most buckets of a point; where there were more, neighbours become one. */
#define OTLP_BUCKETS_MAX 160

/* In the buckets of the segment. */
otlp_exponential_point *otlp_point_exponential(struct otlp_maker *maker,
					       const struct otlp_point *point,
					       const struct otlp_hist *hist);

#endif
