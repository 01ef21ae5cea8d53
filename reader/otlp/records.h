/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.h - the way of spans, or of log records, out of this process: a queue, and a
 * thread that sends what is due.
 *
 *   tail's thread --put--> queue --batch--> thread of our own --sender--> receiver
 *
 * Whoever puts never waits for the receiver. Each record is counted once, by what
 * became of it.
 */
#ifndef SNP_OTLP_RECORDS_H
#define SNP_OTLP_RECORDS_H

#include "message.h"
#include "queue.h"
#include "sender.h"
#include "tally.h"

struct otlp_records;

/* Of OTLP_TRACES or OTLP_LOGS. The sender is borrowed, and for our thread alone.
 * -ENOMEM, -EAGAIN. */
int otlp_records_create(enum otlp_signal signal, const struct otlp_batching *limits,
			struct otlp_sender *sender, struct otlp_records **ret_records);
/* After otlp_records_stop(). */
void otlp_records_destroy(struct otlp_records **records);

/* Any thread; what the record holds is the queue's. False: that is full, and the record
 * is counted as dropped. */
bool otlp_records_put(struct otlp_records *records, struct otlp_record *record);
/* Wait until the queue has room, at most so long. Returns whether it has. */
bool otlp_records_wait(struct otlp_records *records, uint64_t at_most_ms);

/* Send what is there now, without waiting for a batch to fill. */
void otlp_records_flush(struct otlp_records *records);
/* The same, until the deadline at most, and end the thread. Does not wait for that.
 * Nothing may be put any more. */
void otlp_records_stop(struct otlp_records *records, snp_mono_t deadline);
/* Wait for that end. */
void otlp_records_join(struct otlp_records *records);
/* Wait until everything that was put has been sent or given up. */
void otlp_records_drain(struct otlp_records *records);

struct otlp_records_counts {
	uint64_t taken;		   /* into the queue */
	uint64_t dropped;	   /* the queue was full */
	uint64_t waiting, sending; /* of the taken, now */
	uint64_t capacity;
	struct otlp_tally tally; /* of the taken, those that are neither */
};
/* Any thread. */
void otlp_records_counts(struct otlp_records *records,
			 struct otlp_records_counts *ret_counts);

#endif
