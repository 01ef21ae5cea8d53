/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own.h - what this program says about itself: how much it has read, queued, sent,
 * lost.
 *
 * The figures are a part of every request with metrics, under a resource of their own
 * (resource.h), and a line of text for the log. Pure. One thread at a time.
 */
#ifndef SNP_OTLP_OWN_H
#define SNP_OTLP_OWN_H

#include "message.h"
#include "metrics_options.h"
#include "model/buf.h"
#include "otlp/metrics.pb-c.h"
#include "records.h"
#include "resource.h"
#include "tail.h"

/* All there is to know, since the start of the program. */
struct otlp_own_look {
	snp_wall_t now;
	bool up;		  /* the runtime */
	bool has[OTLP_SIGNAL_NR]; /* which signals are exported; others are all zeros */
	struct otlp_tail_counts tail;
	struct otlp_records_counts records[OTLP_SIGNAL_NR]; /* spans and logs */
	struct otlp_tally points;
	uint64_t collections, collecting_ns;
	/* What exporters are called: "otlp_http_span_exporter" and so on. */
	const char *exporter[OTLP_SIGNAL_NR];
};

struct otlp_own;

/* The resource is held. -ENOMEM. */
int otlp_own_create(struct otlp_resource *resource, enum otlp_temporality temporality,
		    snp_wall_t start, struct otlp_own **ret_own);
void otlp_own_destroy(struct otlp_own **own);

/* The figures as metrics, in memory of the maker; *ret_points is how many points. NULL
 * once the maker has failed. */
Opentelemetry__Proto__Metrics__V1__ResourceMetrics *
otlp_own_encode(struct otlp_own *own, const struct otlp_own_look *look,
		struct otlp_maker *maker, size_t *ret_points);
/* The receiver has what was encoded last. */
void otlp_own_acknowledge(struct otlp_own *own);

/* The same for people, in one line: "spans: 10 sent, ...; log records: ...". */
void otlp_own_text(const struct otlp_own_look *look, struct snp_buf *out);

#endif
