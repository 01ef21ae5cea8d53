/* SPDX-License-Identifier: Apache-2.0 */
#include "rcu.h"

char rcu__grace;

static void run_later(struct rcu_head *head)
{
	/* head is the first member */
	struct rcu_later *later = (struct rcu_later *)(void *)head;

	RCU__TSAN_ACQUIRE(later);
	RCU__TSAN_ACQUIRE(&rcu__grace);
	later->fn(later);
}

void rcu_prepare(void)
{
	(void)urcu_qsbr_get_default_call_rcu_data();
}

void rcu_defer(struct rcu_later *later, void (*fn)(struct rcu_later *later))
{
	later->fn = fn;
	RCU__TSAN_RELEASE(later); /* what the caller wrote; partner: run_later() */
	urcu_qsbr_call_rcu(&later->head, run_later);
}

void rcu_wait(void)
{
	urcu_qsbr_barrier();
}
