/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - everything there is to show at one moment, ready to draw.
 *
 * Plain data without pointers into a segment or a snapshot: a frame stays true, and can
 * be drawn again, after the runtime and its file have gone.
 */
#ifndef SNP_TOP_FRAME_H
#define SNP_TOP_FRAME_H

#include <stdint.h>
#include <sys/types.h>

#include "eventlog.h"
#include "history.h"
#include "model/pools.h"

enum top_verdict {
	TOP_WAITING, /* no segment seen yet */
	TOP_BROKEN,  /* a file is there that cannot be read */
	TOP_LIVE,
	TOP_STALE,  /* the writer is there and does not move */
	TOP_DEAD,   /* the writer is gone without a word */
	TOP_CLOSED, /* the runtime ended cleanly */
	TOP_VERDICT_NR
};
const char *top_verdict_name(enum top_verdict verdict);

/* Whether the numbers are the last ones there will be. */
static inline bool top_verdict_is_final(enum top_verdict verdict)
{
	return verdict != TOP_LIVE && verdict != TOP_STALE;
}

struct top_frame {
	enum top_verdict verdict;
	char problem[SNP_ERR_MSG_BYTES]; /* why there is no fresh data, "" = there is */
	char instance[SNP_FMT_NAME_BYTES + 1];
	char path[SNP_PATH_BYTES];
	char uuid[37];
	pid_t pid;
	bool draining;		  /* the runtime is shutting down */
	snp_wall_t started, wall; /* the runtime's start; the time of this frame */
	uint64_t uptime_ns, heartbeat_age_ns, heartbeat_seq;
	uint64_t incarnation;
	uint64_t torn, skipped; /* rows copied again, and left out, since attaching */
	uint64_t generation;	/* segments attached so far; 0 = none */
	struct snp_look look;
	struct top_history history;
	struct top_eventlog events;
};

void top_frame_fini(struct top_frame *frame);

#endif
