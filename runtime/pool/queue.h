/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.h - the requests of a pool that wait for a worker.
 *
 * One that any worker may take waits in the pool's own queue. One whose session belongs
 * to a busy worker, where affinity is strict, waits in that worker's lane: it holds up
 * nobody else. Both are first in, first out, and so is each session. `age` has all of
 * them; the oldest whose turn can come is the next.
 *
 * Every operation is O(1). Front door thread only.
 */
#ifndef SNAKEPIT_RUNTIME_QUEUE_H
#define SNAKEPIT_RUNTIME_QUEUE_H

#include "pool/list.h"
#include "snakepit/time.h"

struct pool;
struct request;
struct seat;

/* What a request needs to wait; embedded in struct request. */
struct waiter {
	struct list turn; /* of the pool's queue or of a lane */
	struct list age;
	struct seat *seat; /* whose lane it is; NULL: the pool's queue */
	snp_mono_t since;  /* admission */
};

void waiter_init(struct waiter *waiter, snp_mono_t since);

/* The request begins to wait, for the worker in `seat` or (NULL) for any. One that came
 * back from a worker is the first of its queue again, others are the last. */
void queue_add(struct request *request, struct seat *seat);

/* It waits for the worker in `seat` from now on, in its lane. */
void queue_to_lane(struct request *request, struct seat *seat);

/* It waits no more. */
void queue_remove(struct request *request);

/* Whose turn it is: the oldest of those for whom a worker has room, else the first of
 * the pool's own queue; NULL: nobody's. */
struct request *queue_next(struct pool *pool, snp_mono_t now);

/* The one that has waited longest, or NULL. */
struct request *queue_oldest(const struct pool *pool);

#endif
