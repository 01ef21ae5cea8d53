/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>

int otlp_queue_init(struct otlp_queue *queue, const struct otlp_batching *limits)
{
	*queue = (struct otlp_queue){.limits = *limits};
	queue->records = calloc(limits->queue_max, sizeof(*queue->records));
	return queue->records ? 0 : -ENOMEM;
}

static struct otlp_record *at(const struct otlp_queue *queue, size_t index)
{
	return &queue->records[(queue->first + index) % queue->limits.queue_max];
}

void otlp_queue_fini(struct otlp_queue *queue)
{
	for (size_t i = 0; i < queue->nr; i++)
		otlp_record_fini(at(queue, i));
	free(queue->records);
	*queue = (struct otlp_queue){0};
}

bool otlp_queue_put(struct otlp_queue *queue, struct otlp_record *record,
		    snp_mono_t now)
{
	if (otlp_queue_is_full(queue)) {
		otlp_record_fini(record);
		queue->dropped++;
		return false;
	}
	if (queue->nr == 0)
		queue->since = now;
	*at(queue, queue->nr++) = *record;
	queue->taken++;
	return true;
}

void otlp_queue_flush(struct otlp_queue *queue)
{
	queue->flush = queue->nr;
}

snp_mono_t otlp_queue_due(const struct otlp_queue *queue)
{
	if (queue->nr == 0)
		return (snp_mono_t){UINT64_MAX};
	if (queue->nr >= queue->limits.batch_max || queue->flush > 0)
		return (snp_mono_t){0};
	return snp_mono_add_ms(queue->since, queue->limits.delay_ms);
}

size_t otlp_queue_take(struct otlp_queue *queue, struct otlp_record *ret_records,
		       snp_mono_t now)
{
	size_t nr = 0;

	while (nr < queue->limits.batch_max && queue->nr > 0) {
		const struct otlp_record *oldest = at(queue, 0);

		if (nr > 0 && oldest->resource != ret_records[0].resource)
			break;
		ret_records[nr++] = *oldest;
		queue->first = (queue->first + 1) % queue->limits.queue_max;
		queue->nr--;
	}
	if (queue->nr == 0)
		queue->first = 0; /* the same few pages again, not all in turn */
	queue->flush -= queue->flush < nr ? queue->flush : nr;
	queue->since = now;
	return nr;
}
