/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.h - the worker slots of one pool, and which of them shall have a process.
 *
 * A pool has more slots than workers, so that a worker's replacement can run before the
 * old one goes, and so that one that cannot be killed can be replaced at all. What a
 * slot is for is its duty:
 *
 *   SPARE      nothing; it has no process and, in time, no row in the segment
 *   MEMBER     one of the pool's workers: `target` slots are, whatever their state
 *   SUBSTITUTE it starts in order to take the place of a member, its partner
 *   LEAVING    its worker goes, for good: then it is spare again
 *
 * A member that ends is started again in its slot, by its back-off and the breaker. One
 * that is due to be replaced while it is healthy gets a substitute first; when that is
 * ready it becomes the member and the old one leaves. If the old one ends before, the
 * substitute takes its place at once: there is never a second replacement.
 *
 * The supervisor's thread. fleet_tend() does all the work; fleet_moved(), which workers
 * call from within their moves, only takes notes.
 */
#ifndef SNAKEPIT_RUNTIME_FLEET_H
#define SNAKEPIT_RUNTIME_FLEET_H

#include "worker/breaker.h"
#include "worker/held_config.h"
#include "worker/recycle.h"
#include "worker/worker.h"

enum fleet_duty {
	FLEET_SPARE,
	FLEET_MEMBER,
	FLEET_SUBSTITUTE,
	FLEET_LEAVING,
};

enum fleet_mode {
	FLEET_RUNNING,
	FLEET_FINISHING, /* the runtime drains: ends are made good, nothing is new */
	FLEET_STOPPING,	 /* nothing is started any more */
};

struct fleet_slot {
	struct worker *worker;
	enum fleet_duty duty;
	struct fleet_slot *partner; /* of a SUBSTITUTE and its MEMBER */
	/* Why its worker is to be replaced, or goes; NONE: it is not. */
	enum snp_enum_MOVE_REASON due;
	bool deferred; /* that had to wait */
	struct recycle recycle;
	/* Of the next start. */
	enum snp_enum_START_REASON start_reason;
	enum snp_enum_MOVE_REASON start_why;
	/* Of the last start. */
	struct held_config *held;
	uint64_t generation;
};

/* A configuration of the pool's workers. */
struct fleet_generation {
	uint64_t number;
	struct held_config *held;
	const struct snp_cfg_pool *cfg; /* in it; NULL: none */
};

struct fleet {
	struct pool *pool;
	const struct worker_site *site;
	struct fleet_slot *slots; /* pool->slots_nr */
	uint32_t target;	  /* members there shall be */
	uint32_t starting;	  /* workers on their way to READY */
	uint32_t inflight_max;	  /* places that a row of the segment has */
	bool growing;		  /* members are missing because it was scaled up */
	bool rows_refused;	  /* the segment had none; told once */
	enum fleet_mode mode;
	bool drained; /* by an operator */
	bool dirty;   /* something moved since fleet_tend() */
	snp_mono_t next;
	snp_mono_t next_look, next_memory; /* at age and wishes; at memory */
	/* No start before; starts of the batch under way. */
	snp_mono_t batch_after;
	uint32_t batch_started;
	struct breaker breaker;
	enum pool_admission admission;
	char last_words[POOL_WHY_BYTES]; /* of the last worker that failed */
	/* Rolling over to `next_generation`, while that has a cfg. */
	struct fleet_generation generation, next_generation;
	uint64_t generations; /* the highest number given */
	unsigned roll_failures;
	snp_mono_t roll_after; /* no further replacement before */
};

/* `workers`: pool->slots_nr of them, initialised for this fleet; borrowed. The first
 * `held`->workers slots become members, with the rows that the pool declared. */
int fleet_init(struct fleet *fleet, const struct worker_site *site, struct pool *pool,
	       struct worker *workers, struct held_config *held, struct snp_err *err);
void fleet_fini(struct fleet *fleet);

/* Do what is due; returns when something will be, unless a worker moves before. */
snp_mono_t fleet_tend(struct fleet *fleet, snp_mono_t now);

/* For worker_site.moved. */
void fleet_moved(struct worker *worker, enum snp_enum_WORKER_STATE from);

/* ---- orders; what they start goes on in fleet_tend() --------------------- */

void fleet_set_mode(struct fleet *fleet, enum fleet_mode mode);
void fleet_drain(struct fleet *fleet);
void fleet_resume(struct fleet *fleet);
void fleet_scale(struct fleet *fleet, uint32_t workers);
/* Replace the worker of a slot, or kill it and start it anew. False: there is none, or
 * it is going anyway. */
bool fleet_recycle(struct fleet *fleet, uint32_t slot);
bool fleet_restart(struct fleet *fleet, uint32_t slot);

/* Whether a roll is under way. */
bool fleet_is_rolling(const struct fleet *fleet);
/* The pool has another configuration; what workers are started with is the same. */
void fleet_reconfigured(struct fleet *fleet, const struct snp_cfg_pool *old);
/* Replace all workers, one after the other, by such of this configuration. Not while
 * rolling. */
void fleet_roll(struct fleet *fleet, struct held_config *held,
		const struct snp_cfg_pool *cfg);

#endif
