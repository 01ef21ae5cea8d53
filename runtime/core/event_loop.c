/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event_loop.h"

#include "core/thread.h"
#include "rcu.h"

/* ---- what the thread says in its bank; `user` is the loop --------------- */

static void on_start(void *user)
{
	struct event_loop *loop = user;

	thread_begin(&loop->bank);
}

static void on_stop(void *user)
{
	struct event_loop *loop = user;

	thread_end(&loop->bank);
}

static void before_wait(void *user)
{
	struct event_loop *loop = user;

	thread_idle(&loop->bank);
}

static void after_wait(void *user)
{
	struct event_loop *loop = user;

	thread_busy(&loop->bank);
}

static const struct rpc_loop_hooks plain_hooks = {
    .on_thread_start = on_start,
    .on_thread_stop = on_stop,
    .before_wait = before_wait,
    .after_wait = after_wait,
};

/* ---- the same, and when it holds no pointer any more --------------------- */

static void reader_start(void *user)
{
	rcu_reader_register();
	on_start(user);
}

static void reader_stop(void *user)
{
	on_stop(user);
	rcu_reader_unregister();
}

static void reader_turn(void *user)
{
	(void)user;
	rcu_quiescent();
}

static void reader_before_wait(void *user)
{
	before_wait(user);
	rcu_offline();
}

static void reader_after_wait(void *user)
{
	rcu_online();
	after_wait(user);
}

static const struct rpc_loop_hooks reader_hooks = {
    .on_thread_start = reader_start,
    .on_thread_stop = reader_stop,
    .on_turn = reader_turn,
    .before_wait = reader_before_wait,
    .after_wait = reader_after_wait,
};

int event_loop_init(struct event_loop *loop, const char *name,
		    struct snp_writer *writer, enum event_loop_flags flags,
		    struct snp_err *err)
{
	int rc = snp_bank_adopt(writer, &loop->bank);

	if (rc < 0)
		return snp_err_set(err, rc, "no bank of counters left for thread %s",
				   name);
	prng_seed(&loop->prng);
	loop->flags = flags;
	rc = rpc_loop_create(
	    name, flags & EVENT_LOOP_RCU_READER ? &reader_hooks : &plain_hooks, loop,
	    &loop->rpc, err);
	if (rc < 0)
		snp_bank_release(writer, &loop->bank);
	return rc;
}

void event_loop_fini(struct event_loop *loop, struct snp_writer *writer)
{
	struct rpc_loop *rpc = loop->rpc;

	if (!rpc)
		return;
	/* Its last tasks still run and read loop->rpc, so it is cleared only after the
	 * join. */
	rpc_loop_destroy(&rpc);
	loop->rpc = NULL;
	snp_bank_release(writer, &loop->bank);
}
