/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meter.h - collect the metrics of a runtime in a steady rhythm and send them, and with
 * them what this program says about itself.
 *
 * A thread of its own, which also waits for the receiver: while that does not answer no
 * collection is made, and the next one covers the time. Restarts of the runtime are
 * followed; the last word of the old one is sent first.
 */
#ifndef SNP_OTLP_METER_H
#define SNP_OTLP_METER_H

#include "metrics_options.h"
#include "own.h"
#include "resource.h"
#include "sender.h"

struct otlp_meter;

struct otlp_meter_options {
	const char *instance; /* as snp_segment_find() takes it */
	const struct otlp_identity *identity;
	struct otlp_metrics_options metrics;
	uint64_t interval_ms;
	struct otlp_sender *sender;
	struct otlp_own *own;
	/* Fill in what is to be known of the other signals. Called by our thread. */
	void (*look)(void *user, struct otlp_own_look *look);
	void *user;
};

/* What `options` points to is borrowed, own and sender for us alone. Does not look yet.
 * -ENOMEM. */
int otlp_meter_create(const struct otlp_meter_options *options,
		      struct otlp_meter **ret_meter);
/* After otlp_meter_stop(), where a thread was started. */
void otlp_meter_destroy(struct otlp_meter **meter);

/* Collect now, and from then on, in a thread. -EAGAIN. */
int otlp_meter_start(struct otlp_meter *meter);
/* Have the thread collect and send soon, out of turn. Any thread. */
void otlp_meter_flush(struct otlp_meter *meter);
/* Have the thread collect once more and send, until the deadline at most, and end. */
void otlp_meter_stop(struct otlp_meter *meter, snp_mono_t deadline);
/* Collect and send once, without a thread. -ENOMEM: what the runtime has was not sent.
 */
int otlp_meter_once(struct otlp_meter *meter, bool *ret_has_runtime);

/* Add what we know to a look: points, collections, up. Any thread. */
void otlp_meter_tell(struct otlp_meter *meter, struct otlp_own_look *look);

#endif
