/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event_loop.h"

#include <sys/random.h>

#include "rcu.h"

static void reader_start(void *user)
{
	(void)user;
	rcu_reader_register();
}

static void reader_stop(void *user)
{
	(void)user;
	rcu_reader_unregister();
}

static void reader_turn(void *user)
{
	(void)user;
	rcu_quiescent();
}

static void reader_before_wait(void *user)
{
	(void)user;
	rcu_offline();
}

static void reader_after_wait(void *user)
{
	(void)user;
	rcu_online();
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
	if (getrandom(&loop->random, sizeof(loop->random), 0) < 0 || loop->random == 0)
		loop->random = 1;
	loop->flags = flags;
	rc = rpc_loop_create(name, flags & EVENT_LOOP_RCU_READER ? &reader_hooks : NULL,
			     loop, &loop->rpc, err);
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

uint32_t event_loop_random(struct event_loop *loop)
{
	loop->random ^= loop->random >> 12;
	loop->random ^= loop->random << 25;
	loop->random ^= loop->random >> 27;
	return (uint32_t)((loop->random * UINT64_C(0x2545F4914F6CDD1D)) >> 32);
}
