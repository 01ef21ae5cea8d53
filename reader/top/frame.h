/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - everything there is to show at one moment, ready to draw.
 *
 * Plain data without pointers into a segment or a snapshot: a frame stays true, and can
 * be drawn again, after the runtime and its file have gone. Only its history is
 * borrowed, from the source it comes from.
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

enum top_origin {
	TOP_ORIGIN_LIVE,
	TOP_ORIGIN_RECORDING,	/* --replay */
	TOP_ORIGIN_POST_MORTEM, /* --post-mortem: the file of a runtime that ended */
};

/* A request that runs on a worker. */
struct top_inflight {
	uint32_t worker;		  /* index in look.workers */
	uint32_t pool;			  /* index in look.pools */
	char method[SNP_POOL_NAME_BYTES]; /* "" = not known */
	char correlation[SNP_INFL_CORRELATION_BYTES + 1];
	uint64_t age_ns;  /* since it was received */
	uint64_t run_ns;  /* since the worker has it */
	uint64_t left_ns; /* to the deadline: 0 = over, SNP_UNKNOWN = none */
};
#define TOP_INFLIGHT_MAX 256

struct top_frame {
	enum top_origin origin;
	enum top_verdict verdict;
	char problem[SNP_ERR_MSG_BYTES]; /* why there is no fresh data, "" = there is */
	char instance[SNP_FMT_NAME_BYTES + 1];
	char path[SNP_PATH_BYTES]; /* of the segment */
	char uuid[37];
	pid_t pid;
	bool draining;		  /* the runtime is shutting down */
	snp_wall_t started, wall; /* the runtime's start; the time of this frame */
	snp_wall_t clock; /* the present, which in a pause is later than the frame */
	uint64_t uptime_ns, heartbeat_age_ns, heartbeat_seq;
	snp_wall_t heartbeat; /* the writer's last sign of life, by its clock */
	uint64_t incarnation;
	uint64_t looks;		/* that were taken since attaching */
	uint64_t torn, skipped; /* rows copied again, and left out, in them */
	uint64_t generation;	/* segments attached so far; 0 = none */
	uint64_t rewound_ns;	/* how far back this is from the newest; 0 = it is it */
	uint64_t second,
	    step; /* of its newest points of pools and workers (history.h) */
	/* Recordings: frame `record_at` (from 0) of `record_nr`; 0 of 0 elsewhere. */
	uint64_t record_at, record_nr;
	/* What this program costs since its frame before. */
	double self_cpu_percent;
	uint64_t self_rss_bytes; /* the most it was */
	struct snp_look look;
	struct top_inflight inflight[TOP_INFLIGHT_MAX]; /* the oldest first */
	size_t inflight_nr;
	uint64_t inflight_all; /* how many there were, kept or not */
	struct top_eventlog events;
	const struct top_history *history; /* borrowed; NULL = none */
};

/* Make `to` a copy of `from` that owes nothing to the source: without its history.
 * -ENOMEM: `to` is as good as zeroed. */
int top_frame_copy(struct top_frame *to, const struct top_frame *from);
void top_frame_fini(struct top_frame *frame);

/* ---- the minutes up to the frame ----------------------------------------- */

#define TOP_ALL_POOLS SIZE_MAX

/* Of look.pools[index], or of all pools, `back` seconds before the frame (0: its own);
 * of look.workers[index], `back` steps of TOP_WORKER_STEP_S. NULL: nothing is known. */
const struct top_pool_point *top_frame_pool_at(const struct top_frame *frame,
					       size_t pool, unsigned back);
const struct top_worker_point *top_frame_worker_at(const struct top_frame *frame,
						   size_t worker, unsigned back);

enum top_series {
	TOP_SERIES_REQ,
	TOP_SERIES_ERR,
	TOP_SERIES_QUEUE,
	TOP_SERIES_ACTIVE,
};

/* NaN where nothing is known. */
double top_frame_value(const struct top_frame *frame, size_t pool,
		       enum top_series series, unsigned back);
/* Largest known of the newest `nr` seconds; 0 when there is none. */
double top_frame_max(const struct top_frame *frame, size_t pool, enum top_series series,
		     unsigned nr);

#endif
