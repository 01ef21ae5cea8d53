/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - the metrics of one run as requests of OTLP, collection by collection.
 *
 * Everything comes from the segment; no metric's name is known here. Cumulative points
 * start with the row they are of, so that neither this program's end nor its start is a
 * reset. Delta points start where the last acknowledged one of the row ended: what is
 * never acknowledged is part of the next, and comes twice only if the receiver took it
 * and could not say so.
 *
 * One thread at a time.
 */
#ifndef SNP_OTLP_METRICS_H
#define SNP_OTLP_METRICS_H

#include "batch.h"
#include "metrics_options.h"
#include "otlp/resource.pb-c.h"
#include "snakepit/read.h"

struct otlp_metrics;

/* Whose metrics they are. Both are borrowed for as long as the metrics live. */
struct otlp_origin {
	const Opentelemetry__Proto__Resource__V1__Resource *resource;
	const char *schema_url; /* of the resource and the metrics */
};

/* For one run of the runtime. -ENOMEM. */
int otlp_metrics_create(struct snp_segment *seg, const struct snp_snapshot *snap,
			const struct otlp_origin *origin,
			const struct otlp_metrics_options *options,
			struct otlp_metrics **ret_metrics);
/* Go on with what the receiver was told after attaching once more to the same run,
 * whose metrics have become more meanwhile. Before the next collection; the segment
 * before need not be there any more. On -ENOMEM they can only be destroyed. */
int otlp_metrics_rebind(struct otlp_metrics *metrics, struct snp_segment *seg,
			const struct snp_snapshot *snap);
void otlp_metrics_destroy(struct otlp_metrics **metrics);

/* Metrics left out, because of what they or their labels are called. */
size_t otlp_metrics_rejected(const struct otlp_metrics *metrics);

struct otlp_metrics_look {
	const struct snp_snapshot *snap;
	snp_wall_t now; /* the present */
	/* The runtime is gone: what described its present describes nothing any more;
	 * what it counted stays true. */
	bool ended;
};

/* Everything as of the look: 1, or 0 when there is nothing to say, then *ret_batch is
 * unchanged; -ENOMEM. The batch is valid until the next collection, and no longer than
 * the snapshot, whose texts it points to. */
int otlp_metrics_collect(struct otlp_metrics *metrics,
			 const struct otlp_metrics_look *look,
			 struct otlp_batch *ret_batch);

/* The receiver has what was collected last. */
void otlp_metrics_acknowledge(struct otlp_metrics *metrics);

#endif
