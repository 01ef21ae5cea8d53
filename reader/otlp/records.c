/* SPDX-License-Identifier: Apache-2.0 */
#include "records.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "logs.h"
#include "spans.h"

struct otlp_records {
	enum otlp_signal signal;
	struct otlp_sender *sender;
	pthread_t thread;
	bool has_thread;
	/* Of the thread alone. */
	struct otlp_maker maker;
	struct otlp_record *batch; /* as many as a batch may have */
	/* Of all, under the mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t work; /* for the thread: something has changed */
	pthread_cond_t left; /* for others: records have left the queue */
	struct otlp_queue queue;
	size_t sending;
	struct otlp_tally tally;
	bool stop;
};

static struct timespec timespec_of(snp_mono_t t)
{
	return (struct timespec){.tv_sec = (time_t)(t.ns / SNP_NS_PER_S),
				 .tv_nsec = (long)(t.ns % SNP_NS_PER_S)};
}

/* ---- the thread ---------------------------------------------------------- */

/* Under the mutex: wait for a batch. 0: this is the end. */
static size_t take_batch(struct otlp_records *r)
{
	for (;;) {
		snp_mono_t now = snp_mono_now(), due = otlp_queue_due(&r->queue);
		const struct timespec when = timespec_of(due);

		if (r->stop || due.ns <= now.ns)
			return otlp_queue_take(&r->queue, r->batch, now);
		if (due.ns == UINT64_MAX)
			(void)pthread_cond_wait(&r->work, &r->mutex);
		else
			(void)pthread_cond_clockwait(&r->work, &r->mutex,
						     CLOCK_MONOTONIC, &when);
	}
}

static const ProtobufCMessage *encode(struct otlp_records *r, size_t nr)
{
	otlp_maker_reset(&r->maker);
	return r->signal == OTLP_TRACES ? otlp_spans_encode(&r->maker, r->batch, nr)
					: otlp_logs_encode(&r->maker, r->batch, nr);
}

static void send_batch(struct otlp_records *r, size_t nr,
		       struct otlp_report *ret_report)
{
	const struct otlp_batch batch = {
	    .signal = r->signal, .request = encode(r, nr), .items = nr};

	if (batch.request) {
		(void)otlp_sender_send(r->sender, &batch, ret_report);
		return;
	}
	*ret_report = (struct otlp_report){
	    .dropped = nr, .drop = OTLP_DROP_NO_MEMORY, .error = "no_memory"};
}

static void *run(void *arg)
{
	struct otlp_records *r = arg;
	struct otlp_report report;
	size_t nr;

	(void)pthread_mutex_lock(&r->mutex);
	while ((nr = take_batch(r)) > 0) {
		r->sending = nr;
		(void)pthread_cond_broadcast(&r->left);
		(void)pthread_mutex_unlock(&r->mutex);
		send_batch(r, nr, &report);
		for (size_t i = 0; i < nr; i++)
			otlp_record_fini(&r->batch[i]);
		(void)pthread_mutex_lock(&r->mutex);
		r->sending = 0;
		otlp_tally_add(&r->tally, &report);
		(void)pthread_cond_broadcast(&r->left);
	}
	(void)pthread_mutex_unlock(&r->mutex);
	return NULL;
}

/* ---- others -------------------------------------------------------------- */

bool otlp_records_put(struct otlp_records *r, struct otlp_record *record)
{
	bool taken;

	(void)pthread_mutex_lock(&r->mutex);
	taken = otlp_queue_put(&r->queue, record, snp_mono_now());
	(void)pthread_cond_signal(&r->work);
	(void)pthread_mutex_unlock(&r->mutex);
	return taken;
}

bool otlp_records_wait(struct otlp_records *r, uint64_t at_most_ms)
{
	bool room;

	(void)pthread_mutex_lock(&r->mutex);
	room = !otlp_queue_is_full(&r->queue);
	if (!room && at_most_ms > 0) {
		const struct timespec until =
		    timespec_of(snp_mono_add_ms(snp_mono_now(), at_most_ms));

		while (otlp_queue_is_full(&r->queue) &&
		       pthread_cond_clockwait(&r->left, &r->mutex, CLOCK_MONOTONIC,
					      &until) == 0)
			;
		room = !otlp_queue_is_full(&r->queue);
	}
	(void)pthread_mutex_unlock(&r->mutex);
	return room;
}

void otlp_records_flush(struct otlp_records *r)
{
	(void)pthread_mutex_lock(&r->mutex);
	otlp_queue_flush(&r->queue);
	(void)pthread_cond_signal(&r->work);
	(void)pthread_mutex_unlock(&r->mutex);
}

void otlp_records_drain(struct otlp_records *r)
{
	(void)pthread_mutex_lock(&r->mutex);
	otlp_queue_flush(&r->queue);
	(void)pthread_cond_signal(&r->work);
	while (r->queue.nr + r->sending > 0)
		(void)pthread_cond_wait(&r->left, &r->mutex);
	(void)pthread_mutex_unlock(&r->mutex);
}

void otlp_records_stop(struct otlp_records *r, snp_mono_t deadline)
{
	otlp_sender_stop(r->sender, deadline);
	(void)pthread_mutex_lock(&r->mutex);
	r->stop = true;
	(void)pthread_cond_signal(&r->work);
	(void)pthread_mutex_unlock(&r->mutex);
}

void otlp_records_join(struct otlp_records *r)
{
	if (r->has_thread)
		(void)pthread_join(r->thread, NULL);
	r->has_thread = false;
}

void otlp_records_counts(struct otlp_records *r, struct otlp_records_counts *ret)
{
	(void)pthread_mutex_lock(&r->mutex);
	*ret = (struct otlp_records_counts){
	    .taken = r->queue.taken,
	    .dropped = r->queue.dropped,
	    .waiting = r->queue.nr,
	    .sending = r->sending,
	    .capacity = r->queue.limits.queue_max,
	    .tally = r->tally,
	};
	(void)pthread_mutex_unlock(&r->mutex);
}

/* ---- lifetime ------------------------------------------------------------ */

static void destroy(struct otlp_records *r)
{
	otlp_queue_fini(&r->queue);
	otlp_maker_fini(&r->maker);
	free(r->batch);
	(void)pthread_cond_destroy(&r->left);
	(void)pthread_cond_destroy(&r->work);
	(void)pthread_mutex_destroy(&r->mutex);
	free(r);
}

int otlp_records_create(enum otlp_signal signal, const struct otlp_batching *limits,
			struct otlp_sender *sender, struct otlp_records **ret_records)
{
	struct otlp_records *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	r->signal = signal;
	r->sender = sender;
	(void)pthread_mutex_init(&r->mutex, NULL);
	(void)pthread_cond_init(&r->work, NULL);
	(void)pthread_cond_init(&r->left, NULL);
	r->batch = calloc(limits->batch_max, sizeof(*r->batch));
	rc = otlp_queue_init(&r->queue, limits);
	if (rc == 0 && !r->batch)
		rc = -ENOMEM;
	if (rc == 0)
		rc = -pthread_create(&r->thread, NULL, run, r);
	r->has_thread = rc == 0;
	if (rc < 0)
		destroy(r);
	else
		*ret_records = r;
	return rc;
}

void otlp_records_destroy(struct otlp_records **records)
{
	if (!*records)
		return;
	otlp_records_join(*records);
	destroy(*records);
	*records = NULL;
}
