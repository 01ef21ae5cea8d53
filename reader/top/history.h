/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h - the last ten minutes of pools and workers, by the clock.
 *
 * The points come from the segment's own samples (HIST), so that they are there when a
 * reader attaches and are the same for all readers. Pools have one a second, workers
 * one in five. Where there was no sample there is no point, which is not the same as 0.
 *
 * A point has its place by the writer's monotonic clock: seconds of pools, steps of
 * TOP_WORKER_STEP_S seconds of workers. One that came a little early or late has the
 * place behind the one before it. Tracks go by the row, as long as the same pool or
 * slot is in it; another run of the runtime goes on where the last one ended, with
 * `gap` at its first point. One thread at a time.
 */
#ifndef SNP_TOP_HISTORY_H
#define SNP_TOP_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/pools.h"
#include "snakepit/read.h"

#define TOP_HISTORY_S	  600 /* seconds that are kept */
#define TOP_WORKER_STEP_S 5   /* seconds from one point of a worker to the next */

struct top_pool_point {
	snp_mono_t at; /* writer's clock */
	uint32_t run;  /* numbers the runs seen, from 1 */
	bool gap;      /* the first of a run */
	uint64_t queue_depth, active;
	uint64_t requests, failures;	   /* since the runtime started */
	double req_s, err_s;		   /* since the point before; NaN = unknown */
	uint32_t octave[SNP_HIST_OCTAVES]; /* requests that ended, see format.h */
};

struct top_worker_point {
	snp_mono_t at;
	uint32_t run;
	bool gap;
	unsigned state; /* WORKER_STATE */
	uint64_t requests, busy_ns, rss_bytes;
	double req_s, busy_percent; /* since the point before; NaN = unknown */
};

struct top_history;

/* NULL: no memory. */
struct top_history *top_history_create(void);
void top_history_destroy(struct top_history **history);

/* Take over the samples of `seg` that are new; `snap` is of it. `run` is that of the
 * points: greater than the last where another run has begun. -ENOMEM: some may be
 * missing until the next time. */
int top_history_read(struct top_history *history, struct snp_segment *seg,
		     const struct snp_snapshot *snap, uint32_t run);

/* The row that stands for all pools together: sums, and nothing where no pool has a
 * point. */
#define TOP_HISTORY_ALL UINT32_MAX

/* The point of a pool's row at that second, or of a worker's at that step; NULL where
 * there is none. */
const struct top_pool_point *top_history_pool(const struct top_history *history,
					      uint32_t row, uint64_t second);
const struct top_worker_point *top_history_worker(const struct top_history *history,
						  uint32_t row, uint64_t step);

/* Where the newest point of any pool stands, or of any worker; 0 = there is none. */
uint64_t top_history_second(const struct top_history *history);
uint64_t top_history_step(const struct top_history *history);

/* ---- for recordings ------------------------------------------------------ */

/* Who a track is of. */
struct top_history_who {
	uint32_t row;
	char pool[SNP_POOL_NAME_BYTES];
	uint32_t slot; /* of workers */
};

/* Put a point at its place, as it is. -ENOMEM; -EINVAL: no writer has such a row,
 * or such a time. */
#define TOP_HISTORY_ROWS_MAX 65536
int top_history_put_pool(struct top_history *history, const struct top_history_who *who,
			 uint64_t second, const struct top_pool_point *point);
int top_history_put_worker(struct top_history *history,
			   const struct top_history_who *who, uint64_t step,
			   const struct top_worker_point *point);

/* Call back for each point from `second` and `step` on, in order of rows and places.
 * Stops at the first result that is not 0 and returns it. */
struct top_history_visitor {
	int (*pool)(void *user, const struct top_history_who *who, uint64_t second,
		    const struct top_pool_point *point);
	int (*worker)(void *user, const struct top_history_who *who, uint64_t step,
		      const struct top_worker_point *point);
	void *user;
};
int top_history_visit(const struct top_history *history, uint64_t second, uint64_t step,
		      const struct top_history_visitor *visitor);

#endif
