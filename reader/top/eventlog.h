/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventlog.h - the last lifecycle events as lines for people.
 *
 * Names of pools are looked up when an event arrives: rows may be reused later. The
 * memory is a fixed ring; a zeroed struct is an empty log. Pure, one thread at a time.
 */
#ifndef SNP_TOP_EVENTLOG_H
#define SNP_TOP_EVENTLOG_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/buf.h"
#include "model/event.h"
#include "model/json_out.h"
#include "model/pools.h"
#include "snakepit/read.h"

#define TOP_EVENTS_MAX 1024

/* What there is to keep of an event of `seg`; `look` is one of its looks. */
void top_event_read(struct snp_told_event *ret_event, const struct snp_event *event,
		    const struct snp_segment *seg, const struct snp_look *look);

struct top_eventlog {
	struct snp_told_event ring[TOP_EVENTS_MAX];
	uint64_t nr; /* events ever added */
	uint64_t
	    first;     /* the oldest that is kept; events before it have been dropped */
	uint64_t lost; /* overwritten in the segment before they were read */
};

void top_eventlog_add(struct top_eventlog *log, const struct snp_told_event *event);
/* Forget those that are later than `at`, on the writer's clock. */
void top_eventlog_forget(struct top_eventlog *log, snp_mono_t at);
/* `back` steps before the newest (0); NULL when it is not kept. */
const struct snp_told_event *top_eventlog_at(const struct top_eventlog *log,
					     unsigned back);

/* Whether a worker ended unplanned: that leads to BACKOFF, or to QUARANTINED where it
 * is the last time. */
bool top_event_is_restart(const struct snp_event *event);

/* Workers that were replaced after an unplanned end, by the events of the last
 * `seconds` before `now` (writer's clock) that are kept. */
uint64_t top_eventlog_restarts(const struct top_eventlog *log, snp_mono_t now,
			       unsigned seconds);

/* The newest `max` of the events kept, oldest first, as a JSON array. */
void top_eventlog_json(struct snp_json *json, const struct top_eventlog *log,
		       unsigned max);

#endif
