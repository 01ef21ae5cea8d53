/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_options.h - in which form metrics leave; zeroed: the defaults of
 * OpenTelemetry.
 */
#ifndef SNP_OTLP_METRICS_OPTIONS_H
#define SNP_OTLP_METRICS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE */
enum otlp_temporality {
	OTLP_CUMULATIVE,
	OTLP_DELTA,	/* counters and histograms */
	OTLP_LOWMEMORY, /* histograms: all our counters are observed, none recorded */
};

/* OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION */
enum otlp_histograms {
	OTLP_HISTOGRAMS_EXPLICIT,
	OTLP_HISTOGRAMS_EXPONENTIAL,
};

/* OTEL_METRICS_EXEMPLAR_FILTER: which requests may stand for a bucket. */
enum otlp_exemplars {
	OTLP_EXEMPLARS_TRACE_BASED, /* of sampled traces */
	OTLP_EXEMPLARS_ALWAYS_ON,   /* of any trace */
	OTLP_EXEMPLARS_ALWAYS_OFF,
};

struct otlp_metrics_options {
	enum otlp_temporality temporality;
	enum otlp_histograms histograms;
	enum otlp_exemplars exemplars;
	bool diag;		/* metrics for diagnosis too */
	bool no_recorded_value; /* say once of a gauge that it is gone */
	/* Nobody has reported of this segment before: what was counted before the first
	 * look belongs to its first interval (delta), and to nobody else. */
	bool from_start;
	uint32_t cardinality_limit; /* points a metric, 0: OTLP_CARDINALITY_LIMIT */
};
#define OTLP_CARDINALITY_LIMIT 2000

#endif
