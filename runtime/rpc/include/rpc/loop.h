/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - an event loop: one gRPC completion queue and the one thread that polls it.
 *
 * Everything asynchronous in this library happens on some loop's thread: callbacks of
 * calls and servers, posted tasks, timers. Callbacks must not block. The loop knows
 * nothing of pools or workers, and cannot watch file descriptors: that is an epoll
 * thread's job, which posts what it finds.
 *
 *   from              | loop's own thread  | any other thread
 *   ------------------+--------------------+------------------
 *   rpc_loop_post     | yes                | yes, lock-free
 *   rpc_loop_hand     | yes                | yes, lock-free
 *   rpc_loop_run      | no (deadlock)      | yes, blocks
 *   rpc_timer_*       | yes                | no
 *   rpc_loop_destroy  | no                 | yes, one thread
 *
 * Allocation failure in this library is an error return. gRPC's own small internal
 * allocations abort the process; large payloads are allocated by us, not by gRPC.
 */
#ifndef RPC_LOOP_H
#define RPC_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snakepit/err.h"
#include "snakepit/time.h"

/* ---- The library --------------------------------------------------------- */

enum rpc_log_level {
	RPC_LOG_DEBUG,
	RPC_LOG_INFO,
	RPC_LOG_ERROR,
};

/* Receives gRPC's own log lines, one at a time or several at once from its threads: it
 * must be thread-safe and must not call into this library. `text` has no newline. */
typedef void (*rpc_log_fn)(enum rpc_log_level level, const char *text);

/* Start the library: first thing in a program, while it has one thread, with the signal
 * mask that gRPC's threads shall inherit (block everything). Switches absl's deadlock
 * detector off (it may abort a healthy process) and routes gRPC's errors to `log_fn`
 * (NULL: to stderr; among them is why gRPC aborts, if it does). Calls nest; each needs
 * one rpc_shutdown(). */
void rpc_init(rpc_log_fn log_fn);

/* After every loop, channel and server is destroyed. Ends gRPC's threads. */
void rpc_shutdown(void);

/* ---- Loops --------------------------------------------------------------- */

struct rpc_loop;

/* All hooks run on the loop's thread with `user`; each may be NULL. before_wait and
 * after_wait bracket the one place where the thread may block: an owner that uses QSBR
 * takes the thread offline and online there. on_turn runs once each time round, when no
 * callback is on the stack: the place to announce a quiescent state. */
struct rpc_loop_hooks {
	void (*on_thread_start)(void *user);
	void (*on_thread_stop)(void *user);
	void (*on_turn)(void *user);
	void (*before_wait)(void *user);
	void (*after_wait)(void *user);
};

/* Start a loop. `thread_name` (at most 15 bytes are shown) is copied, `hooks` (may be
 * NULL) is copied. The thread runs with all signals blocked. -ENOMEM, -EAGAIN. */
int rpc_loop_create(const char *thread_name, const struct rpc_loop_hooks *hooks,
		    void *user, struct rpc_loop **ret_loop, struct snp_err *err);

/* Stop the thread and free the loop. Tasks posted before are still run, timers still
 * armed are forgotten. Every call, channel and server that uses the loop must be gone,
 * and nobody may post any more. */
void rpc_loop_destroy(struct rpc_loop **loop);

/* True on the thread of this loop. */
bool rpc_loop_is_current(const struct rpc_loop *loop);

/* ---- Tasks --------------------------------------------------------------- */

/* Embed in an object of yours; belongs to the loop from post until fn is called, and
 * may be posted again or freed from within fn. `next` is the loop's. */
struct rpc_task {
	void (*fn)(struct rpc_task *task);
	struct rpc_task *next;
};

/* Run task->fn on the loop's thread, soon. Tasks from one thread run in the order they
 * were posted. What the poster wrote before is visible to fn. Never fails, allocates
 * nothing, takes no lock; only the first post to a sleeping loop wakes it. */
void rpc_loop_post(struct rpc_loop *loop, struct rpc_task *task);

/* The same, but at once where the caller is the loop's thread: then task->fn has run
 * when this returns, before whatever was posted earlier. For the last step of a
 * callback, where a trip through the queue would only cost time. */
static inline void rpc_loop_hand(struct rpc_loop *loop, struct rpc_task *task)
{
	if (rpc_loop_is_current(loop))
		task->fn(task);
	else
		rpc_loop_post(loop, task);
}

/* Run fn(arg) on the loop's thread and wait until it returned. For set-up, tear-down
 * and tests, not for hot paths. */
void rpc_loop_run(struct rpc_loop *loop, void (*fn)(void *arg), void *arg);

/* ---- Timers -------------------------------------------------------------- */

/* One-shot. Embed in an object of yours, zeroed before its first use. The fields are
 * the loop's. Timers fire in deadline order, equal deadlines in the order they were
 * started, never early, normally within 2 ms. */
struct rpc_timer {
	void (*fn)(struct rpc_timer *timer);
	snp_mono_t deadline;
	uint64_t seq;
	struct rpc_timer *child, *sibling, **link;
};

/* Arm `timer`, or move it if it is armed. Allocates nothing. fn may start it again,
 * start or cancel any other timer, and free the object the timer is in. */
void rpc_timer_start(struct rpc_loop *loop, struct rpc_timer *timer,
		     snp_mono_t deadline, void (*fn)(struct rpc_timer *timer));

/* Disarm; returns whether it was armed. After this fn will not be called. */
bool rpc_timer_cancel(struct rpc_loop *loop, struct rpc_timer *timer);

static inline bool rpc_timer_is_armed(const struct rpc_timer *timer)
{
	return timer->link != NULL;
}

#endif
