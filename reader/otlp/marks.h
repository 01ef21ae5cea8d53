/* SPDX-License-Identifier: Apache-2.0 */
/*
 * marks.h - what happened to requests while they were under way, kept until their spans
 * come: events of the supervisor that name a trace, and attempts after the first.
 *
 * Events are read from other rings than spans, and a trace may meet several. Memory is
 * fixed: where many traces share a place the oldest mark gives way. Pure, one thread at
 * a time.
 */
#ifndef SNP_OTLP_MARKS_H
#define SNP_OTLP_MARKS_H

#include <stdint.h>

#include "model/event.h"
#include "snakepit/time.h"

#define OTLP_MARKS_MAX 16 /* of one span */

/* A lifecycle event, or, with an `attempt`, the start of that one. */
struct otlp_mark {
	uint64_t trace_id[2];
	snp_mono_t mono;
	snp_wall_t wall;
	unsigned attempt; /* 0 = an event */
	unsigned slot;
	uint64_t incarnation;
	/* Of an event, in the words of the segment. */
	char kind[SNP_EVENT_WORD_BYTES], to[SNP_EVENT_WORD_BYTES],
	    reason[SNP_EVENT_WORD_BYTES];
};

struct otlp_marks;

/* -ENOMEM. */
int otlp_marks_create(struct otlp_marks **ret_marks);
void otlp_marks_destroy(struct otlp_marks **marks);

void otlp_marks_add(struct otlp_marks *marks, const struct otlp_mark *mark);

/* Those of a trace from `start` to `end`, in order of time, at most OTLP_MARKS_MAX;
 * returns how many. */
unsigned otlp_marks_of(const struct otlp_marks *marks, const uint64_t trace_id[2],
		       snp_mono_t start, snp_mono_t end,
		       struct otlp_mark ret_marks[OTLP_MARKS_MAX]);

#endif
