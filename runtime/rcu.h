/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rcu.h - the runtime's view of liburcu (QSBR flavour), and its only includer.
 *
 * What it protects: pointers that the front door's loop walks and the supervisor
 * replaces (pool_slot.link). A reader is between rcu_online() and rcu_offline() and
 * must not keep a pointer over rcu_quiescent(), rcu_offline() or its end without a
 * reference of its own.
 *
 *   function            | who
 *   --------------------+------------------------------------------------------
 *   rcu_prepare         | any thread, before work depends on it; again does nothing
 *   rcu_reader_register | a reading thread, once; registered = online
 *   rcu_online/offline  | that thread, around blocking
 *   rcu_quiescent       | that thread, once a turn
 *   rcu_get             | that thread
 *   rcu_set, rcu_defer  | the one thread that owns the pointer
 *
 * ThreadSanitizer does not see liburcu's ordering: publication therefore uses C11
 * atomics, and the grace period is announced to it by a release at each quiescent state
 * and an acquire in each callback.
 */
#ifndef SNAKEPIT_RUNTIME_RCU_H
#define SNAKEPIT_RUNTIME_RCU_H

#include <stdatomic.h>
#include <urcu-qsbr.h>

#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define RCU__TSAN_RELEASE(addr) __tsan_release(addr)
#define RCU__TSAN_ACQUIRE(addr) __tsan_acquire(addr)
#else
#define RCU__TSAN_RELEASE(addr) ((void)(addr))
#define RCU__TSAN_ACQUIRE(addr) ((void)(addr))
#endif

/* Stands for "some grace period has ended" towards ThreadSanitizer. */
extern char rcu__grace;

/* Have the thread for rcu_defer(). liburcu would make it at first use, and aborts where
 * no thread can be made: a runtime that serves must not meet that. */
void rcu_prepare(void);

static inline void rcu_reader_register(void)
{
	urcu_qsbr_register_thread();
}

static inline void rcu_reader_unregister(void)
{
	RCU__TSAN_RELEASE(&rcu__grace);
	urcu_qsbr_unregister_thread();
}

static inline void rcu_quiescent(void)
{
	RCU__TSAN_RELEASE(&rcu__grace);
	urcu_qsbr_quiescent_state();
}

static inline void rcu_offline(void)
{
	RCU__TSAN_RELEASE(&rcu__grace);
	urcu_qsbr_thread_offline();
}

static inline void rcu_online(void)
{
	urcu_qsbr_thread_online();
}

/* Publish `value` in an _Atomic pointer: what it points to is complete. */
#define rcu_set(slot, value)                                                           \
	atomic_store_explicit((slot), (value), memory_order_release)
/* The published pointer, for use until the next quiescent state. */
#define rcu_get(slot) atomic_load_explicit((slot), memory_order_acquire)

/* Run fn(head) on the RCU thread after every reader has passed a quiescent state. */
struct rcu_later {
	struct rcu_head head;
	void (*fn)(struct rcu_later *later);
};
void rcu_defer(struct rcu_later *later, void (*fn)(struct rcu_later *later));

/* Wait until everything deferred so far has run. Not from a reader. */
void rcu_wait(void);

#endif
