/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks. `posted` is a stack that any thread pushes to and the loop empties with one
 * exchange, reversing it to get the order of posting. A post wakes the thread only if
 * it says that it sleeps, and the flag is taken with the wake, so a burst costs one.
 *
 *   poster:  push (seq_cst)      then  read `asleep`        -> wake if set
 *   loop:    set `asleep`        then  read `posted`        -> do not block if any
 *
 * Both write before they read, in one total order (seq_cst), so at least one sees the
 * other: no post is slept through. gRPC's C interface has no way to wake a queue but an
 * empty batch, which completes at once; it needs a call, which needs a channel, hence
 * the call that is never made on a channel that leads nowhere.
 */
#include "rpc/loop.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/grpc.h>

#include "deadline.h"
#include "loop_internal.h"
#include "snakepit/check.h"
#include "tag.h"

struct rpc_loop {
	grpc_completion_queue *cq;
	grpc_channel *nowhere;
	grpc_call *wake_call;
	struct rpc__tag wake_tag;

	_Atomic(struct rpc_task *) posted; /* newest first */
	atomic_bool asleep;

	struct rpc__timers timers;
	bool stopping; /* only the loop's thread */

	struct rpc_loop_hooks hooks;
	void *user;
	pthread_t thread;
	char name[16]; /* what the kernel stores */
};

static _Thread_local struct rpc_loop *current_loop;

grpc_completion_queue *rpc__loop_cq(struct rpc_loop *loop)
{
	return loop->cq;
}

bool rpc_loop_is_current(const struct rpc_loop *loop)
{
	return current_loop == loop;
}

/* ---- Tasks --------------------------------------------------------------- */

static void on_wake(struct rpc__tag *tag, bool ok)
{
	(void)tag;
	(void)ok;
}

static void wake(struct rpc_loop *loop)
{
	grpc_call_error rc = grpc_call_start_batch(loop->wake_call, NULL, 0,
						   rpc__tag_arm(&loop->wake_tag), NULL);

	SNP_CHECK(rc == GRPC_CALL_OK);
}

void rpc_loop_post(struct rpc_loop *loop, struct rpc_task *task)
{
	struct rpc_task *head =
	    atomic_load_explicit(&loop->posted, memory_order_relaxed);

	do {
		task->next = head;
	} while (!atomic_compare_exchange_weak(&loop->posted, &head, task));
	if (atomic_load(&loop->asleep) && atomic_exchange(&loop->asleep, false))
		wake(loop);
}

static void run_posted(struct rpc_loop *loop)
{
	struct rpc_task *newest, *oldest = NULL;

	if (!atomic_load_explicit(&loop->posted, memory_order_relaxed))
		return;
	newest = atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire);
	while (newest) {
		struct rpc_task *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest) {
		struct rpc_task *next = oldest->next; /* fn may free the task */

		oldest->fn(oldest);
		oldest = next;
	}
}

struct sync_run {
	struct rpc_task task;
	void (*fn)(void *arg);
	void *arg;
	sem_t done;
};

static void run_and_signal(struct rpc_task *task)
{
	struct sync_run *run = (struct sync_run *)task; /* first member */

	run->fn(run->arg);
	SNP_CHECK(sem_post(&run->done) == 0);
}

void rpc_loop_run(struct rpc_loop *loop, void (*fn)(void *arg), void *arg)
{
	struct sync_run run = {.task = {.fn = run_and_signal}, .fn = fn, .arg = arg};

	SNP_CHECK(!rpc_loop_is_current(loop));
	SNP_CHECK(sem_init(&run.done, 0, 0) == 0);
	rpc_loop_post(loop, &run.task);
	while (sem_wait(&run.done) < 0)
		SNP_CHECK(errno == EINTR);
	(void)sem_destroy(&run.done);
}

/* ---- Timers -------------------------------------------------------------- */

void rpc_timer_start(struct rpc_loop *loop, struct rpc_timer *timer,
		     snp_mono_t deadline, void (*fn)(struct rpc_timer *timer))
{
	SNP_CHECK(rpc_loop_is_current(loop));
	if (rpc_timer_is_armed(timer))
		rpc__timers_remove(&loop->timers, timer);
	timer->fn = fn;
	timer->deadline = deadline;
	rpc__timers_add(&loop->timers, timer);
}

bool rpc_timer_cancel(struct rpc_loop *loop, struct rpc_timer *timer)
{
	SNP_CHECK(rpc_loop_is_current(loop));
	if (!rpc_timer_is_armed(timer))
		return false;
	rpc__timers_remove(&loop->timers, timer);
	return true;
}

/* ---- The thread ---------------------------------------------------------- */

static void call_hook(const struct rpc_loop *loop, void (*hook)(void *user))
{
	if (hook)
		hook(loop->user);
}

static gpr_timespec wait_deadline(const struct rpc_loop *loop)
{
	snp_mono_t never = {0};

	return rpc__deadline_to_core(loop->timers.root ? loop->timers.root->deadline
						       : never);
}

static grpc_event wait_event(struct rpc_loop *loop, gpr_timespec deadline)
{
	grpc_event event;

	call_hook(loop, loop->hooks.before_wait);
	event = grpc_completion_queue_next(loop->cq, deadline, NULL);
	call_hook(loop, loop->hooks.after_wait);
	return event;
}

static void run_turn(struct rpc_loop *loop)
{
	grpc_event event;

	call_hook(loop, loop->hooks.on_turn);
	run_posted(loop);
	if (loop->timers.root)
		rpc__timers_fire(&loop->timers, snp_mono_now());

	atomic_store(&loop->asleep, true);
	if (loop->stopping || atomic_load(&loop->posted)) {
		atomic_store(&loop->asleep, false);
		event = wait_event(loop, gpr_inf_past(GPR_CLOCK_MONOTONIC));
	} else {
		event = wait_event(loop, wait_deadline(loop));
		atomic_store(&loop->asleep, false);
	}
	if (event.type == GRPC_OP_COMPLETE)
		rpc__tag_run(event.tag, event.success != 0);
}

static void drain_queue(struct rpc_loop *loop)
{
	grpc_event event;

	grpc_completion_queue_shutdown(loop->cq);
	do {
		event = wait_event(loop, gpr_inf_future(GPR_CLOCK_MONOTONIC));
		if (event.type == GRPC_OP_COMPLETE)
			rpc__tag_run(event.tag, event.success != 0);
	} while (event.type != GRPC_QUEUE_SHUTDOWN);
}

static void *loop_main(void *arg)
{
	struct rpc_loop *loop = arg;

	current_loop = loop;
	/* From within: it has its name when on_thread_start looks. */
	(void)pthread_setname_np(pthread_self(), loop->name);
	call_hook(loop, loop->hooks.on_thread_start);
	while (!loop->stopping)
		run_turn(loop);
	drain_queue(loop);
	call_hook(loop, loop->hooks.on_thread_stop);
	current_loop = NULL;
	return NULL;
}

/* Signals belong to the thread that reads them by signalfd, so none may land here. */
static int start_thread(struct rpc_loop *loop)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	rc = pthread_sigmask(SIG_SETMASK, &all, &old);
	SNP_CHECK(rc == 0);
	rc = pthread_create(&loop->thread, NULL, loop_main, loop);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

static void free_loop(struct rpc_loop *loop)
{
	grpc_call_unref(loop->wake_call);
	grpc_channel_destroy(loop->nowhere);
	grpc_completion_queue_destroy(loop->cq);
	free(loop);
}

int rpc_loop_create(const char *thread_name, const struct rpc_loop_hooks *hooks,
		    void *user, struct rpc_loop **ret_loop, struct snp_err *err)
{
	struct rpc_loop *loop = calloc(1, sizeof(*loop));
	int rc;

	if (!loop)
		return snp_err_set(err, -ENOMEM, "out of memory for an event loop");
	if (hooks)
		loop->hooks = *hooks;
	loop->user = user;
	loop->wake_tag.fn = on_wake;
	strncpy(loop->name, thread_name, sizeof(loop->name) - 1);
	loop->cq = grpc_completion_queue_create_for_next(NULL);
	loop->nowhere = grpc_lame_client_channel_create(NULL, GRPC_STATUS_UNAVAILABLE,
							"leads nowhere");
	loop->wake_call = grpc_channel_create_call(
	    loop->nowhere, NULL, 0, loop->cq, grpc_slice_from_static_string("/wake"),
	    NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	rc = start_thread(loop);
	if (rc < 0) {
		grpc_completion_queue_shutdown(loop->cq);
		(void)grpc_completion_queue_next(
		    loop->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
		free_loop(loop);
		return snp_err_set(err, rc, "cannot start thread \"%s\": %s",
				   thread_name, strerror(-rc));
	}
	*ret_loop = loop;
	return 0;
}

struct stop_task {
	struct rpc_task task;
	struct rpc_loop *loop;
};

static void stop_loop(struct rpc_task *task)
{
	((struct stop_task *)task)->loop->stopping = true;
}

void rpc_loop_destroy(struct rpc_loop **loop_ptr)
{
	struct rpc_loop *loop = *loop_ptr;
	struct stop_task stop;

	if (!loop)
		return;
	*loop_ptr = NULL;
	SNP_CHECK(!rpc_loop_is_current(loop));
	stop = (struct stop_task){.task = {.fn = stop_loop}, .loop = loop};
	rpc_loop_post(loop, &stop.task);
	SNP_CHECK(pthread_join(loop->thread, NULL) == 0);
	free_loop(loop);
}
