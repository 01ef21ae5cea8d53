/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pools.h - what a snapshot, and what two looks in a row, say about pools and workers.
 *
 * A look is a self-contained copy of the numbers people watch: it refers to nothing in
 * the snapshot it was read from and outlives it. What needs two moments (rates, CPU
 * share, quantiles of an interval) comes from an earlier look of the same generation;
 * where there is none, where a row was reused or a counter went backwards in between,
 * such a value is unknown for that look and never a spike.
 *
 * Unknown integers are SNP_UNKNOWN, unknown fractions NaN. Pure functions, no I/O. One
 * thread at a time.
 */
#ifndef SNP_MODEL_POOLS_H
#define SNP_MODEL_POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "snakepit/read.h"

#define SNP_UNKNOWN UINT64_MAX
#define SNP_POOL_NAME_BYTES                                                            \
	132 /* longest name of a row, cut on a character, and a NUL */

#define SNP_STATE_BYTES 24 /* a state in the segment's own words; "?" = none */

struct snp_pool_stat {
	char name[SNP_POOL_NAME_BYTES]; /* valid UTF-8, as the segment has it */
	char adapter[SNP_POOL_NAME_BYTES];
	uint32_t row;
	uint64_t uid;
	uint64_t workers, by_status[SNP_WORKER_STATUS_NR], worker_limit;
	unsigned admission, breaker; /* ADMISSION, BREAKER */
	char admission_name[SNP_STATE_BYTES], breaker_name[SNP_STATE_BYTES];
	uint64_t generation; /* of the configuration its workers shall have */
	uint64_t active,
	    capacity; /* requests running; requests the workers take at once */
	uint64_t queue_depth, queue_limit, queue_peak;
	uint64_t
	    queue_oldest_ns; /* how long the first in it has waited; unknown = empty */
	uint64_t sessions;
	uint64_t requests, ok, errors, refused; /* since the runtime started */
	uint64_t timeouts;			/* of the errors: the deadline passed */
	uint64_t restarts, rss_bytes;
	double busy_percent; /* active of capacity; unknown without capacity */
	/* Of the interval to the earlier look. */
	double req_s, err_s, refused_s, timeout_s, cpu_percent;
	/* Of the window: durations of requests that ended in it, answers to heartbeats,
	 * waits for a worker. */
	uint64_t p50_ns, p95_ns, p99_ns;
	uint64_t heartbeat_p50_ns, heartbeat_p99_ns, queue_wait_p95_ns;
	uint64_t timeouts_window; /* requests whose deadline passed in it */
	uint64_t startup_p95_ns;  /* of all starts; as long as there is a window */
};

struct snp_worker_stat {
	uint32_t row, slot;
	uint32_t pool; /* index in snp_look.pools */
	uint64_t uid, incarnation;
	unsigned state, status; /* WORKER_STATE, WORKER_STATUS; _NR = unknown */
	char state_name[SNP_STATE_BYTES], health_name[SNP_STATE_BYTES];
	uint64_t generation; /* of the configuration it was started with */
	pid_t pid;	     /* 0 = no process now */
	uint64_t uptime_ns, heartbeat_age_ns; /* unknown without process or answer */
	uint64_t heartbeat_missed, heartbeat_failures;
	uint64_t active, capacity, requests, errors, restarts, rss_bytes, cpu_ns,
	    busy_ns;
	double req_s, err_s, cpu_percent, busy_percent;
	char last_exit[24], python[24]; /* "" = never exited, not known */
	unsigned last_exit_status;
};

enum snp_look_hist {
	SNP_LOOK_DURATION,
	SNP_LOOK_HEARTBEAT,
	SNP_LOOK_QUEUE_WAIT,
	SNP_LOOK_STARTUP,
	SNP_LOOK_HISTS
};

/* A zeroed struct is an empty look. Arrays may be read, belong to the look and move
 * when it is read again. */
struct snp_look {
	snp_mono_t taken;     /* our clock, when the copy began */
	snp_mono_t now;	      /* the writer's clock: ages are relative to it */
	uint64_t interval_ns; /* to the earlier look; 0 = none, rates are unknown */
	uint64_t window_ns;   /* that quantiles are of; 0 = none */
	struct snp_pool_stat total; /* of all pools; no name */
	struct snp_pool_stat *pools;
	struct snp_worker_stat *workers; /* by pool, then slot */
	size_t pools_nr, workers_nr;
	uint64_t *hist; /* for later looks: see snp_look_hist() */
	uint32_t hist_words;
	size_t pools_cap, workers_cap, hist_cap;
};

/* Fill `look` from `snap`. `before` and `window` are earlier looks of the same
 * generation, or NULL: rates are of the time since `before`, quantiles since `window`.
 * On -ENOMEM the look is empty. */
int snp_look_read(struct snp_look *look, const struct snp_snapshot *snap,
		  const struct snp_look *before, const struct snp_look *window);

/* Make `to` a copy of `from`. On -ENOMEM `to` is empty. */
int snp_look_copy(struct snp_look *to, const struct snp_look *from);

/* Make room in the arrays, for who fills a look by itself. -ENOMEM. */
int snp_look_reserve(struct snp_look *look, size_t pools, size_t workers,
		     size_t hist_words);

/* Free; the look is empty and usable afterwards. */
void snp_look_fini(struct snp_look *look);

/* A histogram of pools[pool] since the start, look->hist_words words. */
const uint64_t *snp_look_hist(const struct snp_look *look, size_t pool,
			      enum snp_look_hist which);

/* NULL when the pool has gone. */
const struct snp_pool_stat *snp_look_pool_by_row(const struct snp_look *look,
						 uint32_t row);

/* Needs attention: down, or missing heartbeats. */
bool snp_worker_unhealthy(const struct snp_worker_stat *worker);

#endif
