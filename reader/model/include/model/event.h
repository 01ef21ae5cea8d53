/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - what a lifecycle event means: which of its fields say something, how much
 * it matters, and what to tell people of it. Pure, any thread.
 */
#ifndef SNP_MODEL_EVENT_H
#define SNP_MODEL_EVENT_H

#include "model/pools.h"
#include "snakepit/read.h"

enum snp_event_about {
	SNP_EVENT_ABOUT_RUNTIME, /* pool, slot and incarnation are 0 and mean nothing */
	SNP_EVENT_ABOUT_POOL,	 /* slot and incarnation are 0 and mean nothing */
	SNP_EVENT_ABOUT_WORKER,
};

/* `kind` is an EVENT_KIND; of one that is newer than we are nothing is known. */
enum snp_event_about snp_event_about(unsigned kind);

enum snp_severity {
	SNP_SEVERITY_INFO,
	SNP_SEVERITY_WARNING,
	SNP_SEVERITY_ERROR,
};

enum snp_severity snp_event_severity(const struct snp_event *event);
const char *snp_severity_name(enum snp_severity severity); /* "INFO", "WARN", "ERROR" */

#define SNP_EVENT_WORD_BYTES 24

/* An event by itself: rows may be reused, and the segment replaced, before it is shown.
 */
struct snp_told_event {
	struct snp_event event;
	snp_wall_t wall;
	char pool[SNP_POOL_NAME_BYTES]; /* "": gone, or of the runtime itself */
	/* In the words of the segment, which may know more than we do. */
	char kind[SNP_EVENT_WORD_BYTES], from[SNP_EVENT_WORD_BYTES],
	    to[SNP_EVENT_WORD_BYTES], reason[SNP_EVENT_WORD_BYTES];
};

/* Of an event of `seg`, but for the wall time. */
void snp_event_tell(struct snp_told_event *ret_told, const struct snp_event *event,
		    const struct snp_segment *seg, const char *pool);

/* What it is about ("default/17", "default", "runtime") and what happened, each
 * NUL-terminated. */
#define SNP_EVENT_BYTES 192
void snp_event_subject(char out[SNP_EVENT_BYTES], const struct snp_told_event *event);
void snp_event_text(char out[SNP_EVENT_BYTES], const struct snp_told_event *event);

#endif
