/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tail.h - follow the rings of a runtime's segment, as `tail -F` follows a file: spans
 * that may leave the host and lifecycle events become records (record.h), names and
 * wall times included.
 *
 * A thread of its own looks as often as they come, so that the runtime, which waits for
 * nobody, does not overwrite what was not read; where it has, that is counted. Restarts
 * of the runtime are followed: first the rest of the old segment, then all of the new.
 *
 * What was recorded before the tail was made is left to whoever ran then, unless the
 * runtime had only just started.
 */
#ifndef SNP_OTLP_TAIL_H
#define SNP_OTLP_TAIL_H

#include "records.h"
#include "resource.h"

struct otlp_tail;

enum otlp_tail_from {
	OTLP_TAIL_NEW, /* what is recorded from now on */
	OTLP_TAIL_KEPT /* all that the rings still hold */
};

struct otlp_tail_options {
	const char *instance; /* as snp_segment_find() takes it */
	const struct otlp_identity *identity;
	struct otlp_records *spans, *logs; /* NULL: not wanted */
	enum otlp_tail_from from;
	/* A runtime that is not older than this was started together with us, and new
	 * as a whole. */
	uint64_t young_ns;
};
#define OTLP_TAIL_YOUNG_NS (10 * SNP_NS_PER_S)

/* What `options` points to is borrowed. Does not look yet. -ENOMEM. */
int otlp_tail_create(const struct otlp_tail_options *options,
		     struct otlp_tail **ret_tail);
/* Ends the thread, too. */
void otlp_tail_destroy(struct otlp_tail **tail);

/* Look from now on, in a thread. -EAGAIN. */
int otlp_tail_start(struct otlp_tail *tail);
/* End the thread, if there is one, look once more, and hold nothing back. From the
 * deadline on what finds no room in a queue is dropped at once. */
void otlp_tail_stop(struct otlp_tail *tail, snp_mono_t deadline);
/* Look once, without a thread. Returns whether there is a runtime. */
bool otlp_tail_look(struct otlp_tail *tail);

struct otlp_tail_counts {
	uint64_t spans_lost, events_lost; /* overwritten before they were read */
};
/* Any thread. */
void otlp_tail_counts(const struct otlp_tail *tail, struct otlp_tail_counts *ret);

#endif
