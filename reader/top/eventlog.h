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
#include <stdint.h>

#include "model/buf.h"
#include "model/json_out.h"
#include "model/pools.h"
#include "snakepit/read.h"

#define TOP_EVENTS_MAX 64

enum top_severity {
	TOP_INFO,
	TOP_WARNING,
	TOP_ERROR,
};

#define TOP_WORD_BYTES 24

struct top_event {
	struct snp_event event;
	snp_wall_t wall;
	char pool[SNP_POOL_NAME_BYTES]; /* "": gone, or of the runtime itself */
	/* In the words of the segment, which may know more than we do. */
	char kind[TOP_WORD_BYTES], from[TOP_WORD_BYTES], to[TOP_WORD_BYTES],
	    reason[TOP_WORD_BYTES];
};

/* What there is to keep of an event of `seg`; `look` is one of its looks. */
void top_event_read(struct top_event *ret_event, const struct snp_event *event,
		    const struct snp_segment *seg, const struct snp_look *look);

struct top_eventlog {
	struct top_event ring[TOP_EVENTS_MAX];
	uint64_t nr;   /* events ever added */
	uint64_t lost; /* overwritten in the segment before they were read */
};

void top_eventlog_add(struct top_eventlog *log, const struct top_event *event);
/* `back` steps before the newest (0); NULL when it is not kept. */
const struct top_event *top_eventlog_at(const struct top_eventlog *log, unsigned back);

enum top_severity top_event_severity(const struct snp_event *event);
const char *top_severity_name(enum top_severity severity);

/* What it is about ("default/17", "default", "runtime") and what happened, each
 * NUL-terminated. */
#define TOP_EVENT_BYTES 192
void top_event_subject(char out[TOP_EVENT_BYTES], const struct top_event *event);
void top_event_text(char out[TOP_EVENT_BYTES], const struct top_event *event);

/* The events kept, oldest first, as a JSON array. */
void top_eventlog_json(struct snp_json *json, const struct top_eventlog *log);

#endif
