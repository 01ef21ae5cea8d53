/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holds.h - what keeps a server from its end: a count, and who hears of its end.
 *
 * Apart from server.c, so that programs that only call do not get a server with it.
 */
#ifndef RPC_HOLDS_H
#define RPC_HOLDS_H

#include <pthread.h>
#include <stdatomic.h>

#include "rpc/loop.h"

struct rpc__holds {
	atomic_uint n;
	/* Keeps the loop, which may go after the end was told there, under the thread
	 * that posts it. */
	pthread_mutex_t posting;
	struct rpc_loop *loop; /* set before the first drop */
	struct rpc_task ended; /* its fn runs on `loop` after the last drop */
};

void rpc__holds_init(struct rpc__holds *holds, void (*ended)(struct rpc_task *task));

/* Any thread. */
void rpc__holds_take(struct rpc__holds *holds, unsigned n);
void rpc__holds_drop(struct rpc__holds *holds);

/* After the end was told: waits until the thread that told it has let go. */
void rpc__holds_fini(struct rpc__holds *holds);

#endif
