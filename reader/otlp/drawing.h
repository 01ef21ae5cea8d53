/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drawing.h - the points of one instrument, as of one look. Private to metrics.c.
 */
#ifndef SNP_OTLP_DRAWING_H
#define SNP_OTLP_DRAWING_H

#include "instrument.h"
#include "ledger.h"
#include "metrics.h"
#include "points.h"

typedef Opentelemetry__Proto__Metrics__V1__Metric otlp_metric;

struct otlp_metrics {
	struct snp_segment *seg;
	struct otlp_origin origin;
	struct otlp_metrics_options options;
	struct otlp_instrument *instruments;
	size_t instruments_nr;
	size_t rejected;
	/* `pending` becomes `told` when the receiver has it. */
	struct otlp_ledger told, pending;
	uint64_t began; /* Unix ns: counts before were somebody else's to report */
	uint64_t told_time, pending_time; /* of the collections; 0 = none */
	uint64_t last_time;
	struct snp_exemplars *exemplars; /* NULL: none are wanted */
	uint64_t *scratch;		 /* the difference of two blocks */
	struct otlp_maker maker;
};

struct otlp_drawing {
	struct otlp_metrics *metrics;
	const struct otlp_metrics_look *look;
	uint64_t time; /* Unix ns */
	size_t index;
	struct otlp_instrument *instrument;
	void **points;
	size_t nr;
	bool overflown; /* some series have no point of their own */
	uint64_t over;	/* their value, where it need not be remembered */
};

/* Draw the points; `index`, `look`, `time` are set, and the ledgers have room. An
 * instrument whose labels cannot be carried is rejected for good. */
void otlp_draw(struct otlp_drawing *drawing);

/* The metric around the points. NULL when the maker has failed. */
otlp_metric *otlp_drawing_metric(const struct otlp_drawing *drawing);

/* Values of it only grow. */
static inline bool otlp_is_count(const struct otlp_instrument *instrument)
{
	return instrument->shape == OTLP_SHAPE_SUM ||
	       instrument->shape == OTLP_SHAPE_HISTOGRAM;
}

/* Words of one value. */
static inline size_t otlp_value_words(const struct snp_metric *metric)
{
	return metric->kind == SNP_KIND_HISTOGRAM ? metric->nbuckets + (size_t)3 : 1;
}

/* Those of a series; NULL when it has none. */
static inline const uint64_t *otlp_words_of(const struct snp_series *series)
{
	return series->metric->kind == SNP_KIND_HISTOGRAM ? series->hist
							  : &series->value;
}

/* Of the process, of which there is one, there is no record. */
static inline uint64_t otlp_row_uid(const struct snp_row *row)
{
	return row ? row->uid : 0;
}

/* The series that have a point of their own come first, row by row: which they are does
 * not depend on who else is there. The others share one. */
static inline bool otlp_has_own_point(const struct otlp_metrics *metrics,
				      const struct otlp_instrument *instrument,
				      uint32_t row, uint32_t value)
{
	return (uint64_t)row * instrument->values + value + 1 <
	       metrics->options.cardinality_limit;
}

#endif
