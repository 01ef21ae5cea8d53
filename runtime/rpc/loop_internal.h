/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop_internal.h - what calls and servers need of a loop, and its timer heap.
 */
#ifndef RPC_LOOP_INTERNAL_H
#define RPC_LOOP_INTERNAL_H

#include <grpc/grpc.h>

#include "rpc/loop.h"

grpc_completion_queue *rpc__loop_cq(struct rpc_loop *loop);

/* ---- Timer heap: one thread, no allocation ------------------------------- */

/* A pairing heap by (deadline, seq). `due` holds timers taken out of the heap that are
 * about to fire; they can still be cancelled. Zeroed is empty. */
struct rpc__timers {
	struct rpc_timer *root;
	struct rpc_timer *due;
	uint64_t next_seq;
};

void rpc__timers_add(struct rpc__timers *timers, struct rpc_timer *timer);
void rpc__timers_remove(struct rpc__timers *timers, struct rpc_timer *timer);

/* Fire what is due at `now`. Timers started meanwhile wait for the next call, even
 * those whose deadline has passed, so that no timer can keep the loop from its queue.
 */
void rpc__timers_fire(struct rpc__timers *timers, snp_mono_t now);

#endif
