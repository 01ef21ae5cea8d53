/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - one pool as the front door sees it: its books, its workers, its sessions.
 * What waits in it is in queue.h.
 *
 * Everything here belongs to the front door's thread, except the heads, which are the
 * supervisor's, and the slots: the supervisor publishes and withdraws their link
 * pointers (rcu.h), the front door reads them; what a slot shows in flight belongs to
 * its event loop.
 *
 * Workers hold no backlog: a request leaves the queue only for a worker with free
 * capacity. Books: every request received is queued, active or has one outcome, and the
 * ledger in the segment says so at every instant (one latched record a change).
 */
#ifndef SNAKEPIT_RUNTIME_POOL_H
#define SNAKEPIT_RUNTIME_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "pool/heads.h"
#include "pool/list.h"
#include "pool/roster.h"
#include "pool/session.h"
#include "pool/tools.h"
#include "snakepit/write.h"
#include "worker/inflight.h"
#include "worker/link.h"

struct front;

#define POOL_NO_ROW UINT32_MAX

struct pool_slot {
	_Atomic(struct link *) link; /* NULL: no worker takes requests here */
	/* The supervisor's: live while the slot is in use; POOL_NO_ROW: never had one.
	 */
	uint32_t worker_row;
	struct inflight inflight; /* the slot's event loop */
	_Atomic unsigned links;	  /* that may still write to the row; any thread */
};

/* Slots of a pool: for the most workers it can be scaled to, for those that are started
 * before the ones they replace go, and a quarter for such as cannot be killed. */
uint32_t pool_slots(const struct snp_cfg_pool *cfg);

/* The ledger's words in the order of metrics.def (struct snp_pool_ledger). */
struct pool_books {
	uint64_t requests;
	uint64_t outcomes[SNP_OUTCOME_NR];
	uint64_t active;
	uint64_t queue_depth, queue_peak;
	uint64_t queue_oldest_ns; /* monotonic; 0 = queue empty */
	uint64_t sessions;
};

/* Whether the pool takes requests. */
enum pool_admission {
	POOL_OPEN = SNP_ADMISSION_OPEN,
	POOL_DRAINED = SNP_ADMISSION_DRAINED, /* by an operator: what waits is finished,
						 nothing new comes in */
	POOL_DOWN = SNP_ADMISSION_DOWN, /* its workers keep dying and none is left:
					   nothing may wait */
};

#define POOL_WHY_BYTES 256

struct pool {
	const struct snp_cfg_pool *cfg;
	struct front *front; /* set by front_init() */
	uint32_t index;	     /* pool row in the segment */
	struct snp_pool_row *row;
	struct pool_slot *slots;
	uint32_t slots_nr; /* immutable */
	struct tools tools;
	struct pool_books books;
	struct heads heads; /* the supervisor's */
	struct roster roster;
	struct list turn; /* requests that wait for any worker, by waiter.turn */
	struct list age;  /* all requests that wait, oldest first, by waiter.age */
	struct sessions sessions;
	struct rpc_timer session_timer;
	uint64_t service_ns; /* moving average of what requests take on a worker */
	enum pool_admission admission;
	char why[POOL_WHY_BYTES]; /* it is DOWN; for clients */
};

/* Declare the pool's row in the segment, and those of its first workers. */
int pool_create(const struct snp_cfg_pool *cfg, struct snp_writer *writer,
		struct pool **ret_pool, struct snp_err *err);
/* No link may be published, no request waits, no session is used. */
void pool_destroy(struct pool **pool);

/* Take over what the front door reads of a configuration. Its thread. */
void pool_set_config(struct pool *pool, const struct snp_cfg_pool *cfg);

/* ---- books: each publishes the ledger ------------------------------------ */

/* Where a request is while it has no outcome. */
enum pool_place {
	POOL_QUEUED,
	POOL_ACTIVE,
};

/* A request arrived and is at `place`. */
void pool_book_arrival(struct pool *pool, enum pool_place place);
void pool_book_move(struct pool *pool, enum pool_place from, enum pool_place to);
void pool_book_outcome(struct pool *pool, enum pool_place from,
		       enum snp_enum_OUTCOME how);
/* Arrived and refused at once. */
void pool_book_refusal(struct pool *pool);

/* Sessions that are open now. */
void pool_book_sessions(struct pool *pool);

/* ---- workers ------------------------------------------------------------- */

/* Workers that take requests now. */
uint32_t pool_open_workers(const struct pool *pool);

#endif
