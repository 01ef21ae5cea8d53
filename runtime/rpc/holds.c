/* SPDX-License-Identifier: Apache-2.0 */
#include "holds.h"

#include "snakepit/check.h"

void rpc__holds_init(struct rpc__holds *holds, void (*ended)(struct rpc_task *task))
{
	atomic_init(&holds->n, 0);
	pthread_mutex_init(&holds->posting, NULL);
	holds->ended.fn = ended;
}

void rpc__holds_take(struct rpc__holds *holds, unsigned n)
{
	atomic_fetch_add_explicit(&holds->n, n, memory_order_relaxed);
}

void rpc__holds_drop(struct rpc__holds *holds)
{
	if (atomic_fetch_sub_explicit(&holds->n, 1, memory_order_acq_rel) > 1)
		return;
	pthread_mutex_lock(&holds->posting);
	rpc_loop_post(holds->loop, &holds->ended);
	pthread_mutex_unlock(&holds->posting);
}

void rpc__holds_fini(struct rpc__holds *holds)
{
	SNP_CHECK(atomic_load(&holds->n) == 0);
	pthread_mutex_lock(&holds->posting);
	pthread_mutex_unlock(&holds->posting);
	pthread_mutex_destroy(&holds->posting);
}
