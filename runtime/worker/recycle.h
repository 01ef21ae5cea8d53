/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recycle.h - is it time to replace a healthy worker? By age, by requests, by memory,
 * by its own wish. Pure: the caller looks and knows the time.
 */
#ifndef SNAKEPIT_RUNTIME_RECYCLE_H
#define SNAKEPIT_RUNTIME_RECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "snakepit/format.h"

/* So many samples in a row over a memory limit count. */
#define RECYCLE_SAMPLES 3

/* Of one process. */
struct recycle {
	/* -1 to 1; rolled once, so that the limits of a worker stay where they are.
	 * Rolled at each look, the earliest of many would decide. */
	double dice;
	uint64_t baseline_bytes; /* the most it had while it was young */
	/* Samples in a row over the soft limit; over what counts for it, which is more
	 * where the baseline is; over the hard limit. */
	unsigned over_soft, grown, over_hard;
	bool baseline_told;
};

struct recycle_facts {
	uint64_t ready_ns; /* time since it became ready */
	uint64_t requests; /* it was given */
	bool wish;	   /* it asked to be replaced */
};

/* A new process; `random` is any 32 random bits. */
void recycle_begin(struct recycle *recycle, uint32_t random);

/* TTL, MAX_REQUESTS or WORKER_REQUESTED; NONE: keep it. */
enum snp_enum_MOVE_REASON recycle_judge(const struct recycle *recycle,
					const struct snp_cfg_lifecycle *cfg,
					const struct recycle_facts *facts);

/* One sample of the memory that is its own. RSS_SOFT: replace it. RSS_HARD: kill it.
 * RSS_BASELINE, once a process: it was over the soft limit while it was younger than
 * min_lifetime_ms, so a replacement would be too. To be reported; it is replaced when
 * it has grown by a quarter from there. NONE: keep it. */
enum snp_enum_MOVE_REASON recycle_sample(struct recycle *recycle,
					 const struct snp_cfg_lifecycle *cfg,
					 uint64_t ready_ns, uint64_t anon_bytes);

/* When the age limit will be reached, in ns since it became ready; UINT64_MAX: never.
 */
uint64_t recycle_age_limit_ns(const struct recycle *recycle,
			      const struct snp_cfg_lifecycle *cfg);

/* Workers of `workers` that may be in replacement at one time; at least 1. */
uint32_t recycle_budget(const struct snp_cfg_lifecycle *cfg, uint32_t workers);

/* Under which reason the metric counts it. */
enum snp_enum_RECYCLE_REASON recycle_counts_as(enum snp_enum_MOVE_REASON reason);

#endif
