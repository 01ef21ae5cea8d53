/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instrument.h - what kind of metric of OTLP one of the segment becomes. Pure.
 */
#ifndef SNP_OTLP_INSTRUMENT_H
#define SNP_OTLP_INSTRUMENT_H

#include <stdbool.h>

#include "metrics_options.h"
#include "snakepit/read.h"

enum otlp_shape {
	OTLP_SHAPE_SUM,	   /* only grows */
	OTLP_SHAPE_UPDOWN, /* a sum as well, always cumulative */
	OTLP_SHAPE_GAUGE,
	OTLP_SHAPE_HISTOGRAM,
};

struct otlp_instrument {
	const struct snp_metric *metric;
	uint32_t id; /* the metric's, in every segment of one run */
	enum otlp_shape shape;
	bool delta;
	bool exponential;
	bool present;	 /* describes the present rather than a total */
	uint32_t values; /* points of a row: its cells, or the states it may be in */
};

/* Whether the metric can be carried, by its kind and name. The name must be one
 * OpenTelemetry allows: a letter, then letters, digits and "_.-/", 255 in all. */
bool otlp_instrument_of(const struct snp_metric *metric,
			const struct otlp_metrics_options *options,
			struct otlp_instrument *ret_instrument);

/* Whether two could not be told apart: names differ in more than case. */
bool otlp_instrument_clash(const struct otlp_instrument *a,
			   const struct otlp_instrument *b);

#endif
