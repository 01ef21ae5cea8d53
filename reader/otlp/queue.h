/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.h - records that wait to be sent, and when they are: what OpenTelemetry calls a
 * batch processor.
 *
 * Bounded: what comes while it is full is dropped and counted. Records leave in
 * batches, when there is enough for a whole one, when the oldest has waited for the
 * delay, or when a flush was asked for.
 *
 * Pure: no thread, no clock. Callers take turns.
 */
#ifndef SNP_OTLP_QUEUE_H
#define SNP_OTLP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"
#include "settings.h"
#include "snakepit/time.h"

struct otlp_queue {
	struct otlp_batching limits;
	struct otlp_record *records; /* a ring of limits.queue_max */
	size_t first, nr;
	snp_mono_t since; /* from when the delay counts */
	size_t flush;	  /* so many leave without waiting */
	uint64_t taken;	  /* in, since the start */
	uint64_t dropped; /* not taken in */
};

/* -ENOMEM. */
int otlp_queue_init(struct otlp_queue *queue, const struct otlp_batching *limits);
/* Gives up what is still in it. */
void otlp_queue_fini(struct otlp_queue *queue);

/* Append; what the record holds is the queue's from now on. False: it is full, the
 * record was let go and is counted. */
bool otlp_queue_put(struct otlp_queue *queue, struct otlp_record *record,
		    snp_mono_t now);

static inline bool otlp_queue_is_full(const struct otlp_queue *queue)
{
	return queue->nr == queue->limits.queue_max;
}

/* All that is in it now leaves without waiting. */
void otlp_queue_flush(struct otlp_queue *queue);

/* When a batch is to leave, unless more records come: at or before `now` it is due;
 * .ns == UINT64_MAX: the queue is empty. */
snp_mono_t otlp_queue_due(const struct otlp_queue *queue);

/* Move the oldest records out, as many as make one request: at most limits.batch_max,
 * and of one resource. They are the caller's. Returns how many. */
size_t otlp_queue_take(struct otlp_queue *queue, struct otlp_record *ret_records,
		       snp_mono_t now);

#endif
