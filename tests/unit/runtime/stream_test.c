/* SPDX-License-Identifier: Apache-2.0 */
/* Streams through a front door. */
#include "request_client.h"

#include <sched.h>

#include "log/log.h"

static const struct ask count = {.tool = "count", .stream = true};
static const struct ask hold = {.tool = "hold", .stream = true};

/* The value that the counter has for a tenth of a second, in which others could run: of
 * a time in which nobody did, a millisecond counts. */
static uint64_t settled(const atomic_uint *counter)
{
	snp_mono_t last = snp_mono_now();
	unsigned value = atomic_load(counter);
	uint64_t still_ns = 0;

	while (still_ns < 100 * SNP_NS_PER_MS) {
		snp_mono_t now;
		unsigned next;
		uint64_t step_ns;

		sched_yield();
		now = snp_mono_now();
		next = atomic_load(counter);
		step_ns = snp_mono_since_ns(now, last);
		still_ns += step_ns < SNP_NS_PER_MS ? step_ns : SNP_NS_PER_MS;
		if (next != value)
			still_ns = 0;
		value = next;
		last = now;
	}
	return value;
}

static void stream_delivers_all_chunks_in_order(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_and_wait(count);
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(r->n_messages, WORLD_CHUNKS);
	assert_true(rpc_correlation_is_valid(rpc_str_of(r->trailing_id)));
	assert_books(.ok = 1);
	assert_tool("count", 1, 0, SNP_FAILURE_CODE_OTHER);
	assert_worker(0, 1, 0, 0);
}

static void stream_by_the_bridge_protocol_delivers_all(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_and_wait(
	    (struct ask){.tool = "count", .stream = true, .protocol = BY_BRIDGE});
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(r->n_messages, WORLD_CHUNKS);
	assert_books(.ok = 1);
}

static void stream_status_of_the_worker_is_passed_on(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_and_wait((struct ask){.tool = "missing", .stream = true});
	assert_int_equal(r->status.code, RPC_NOT_FOUND);
	assert_books(.error = 1);
	assert_tool("missing", 1, 1, SNP_FAILURE_CODE_NOT_FOUND);
}

static void stream_garbage_from_the_worker_is_internal(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_and_wait((struct ask){.tool = "garbage", .stream = true});
	assert_int_equal(r->status.code, RPC_INTERNAL);
	assert_int_equal(r->n_messages, 0);
	assert_books(.error = 1);
}

static void stream_cancelled_reaches_the_worker(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_start(hold);
	latch_wait(&r->messages, 1);
	assert_books(.active = 1);
	rpc_call_cancel(r->call);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_CANCELLED);
	wait_until(atomic_load(&world.cancelled) == 1);
	wait_for_books(.error = 1);
	assert_tool("hold", 1, 1, SNP_FAILURE_CODE_CANCELLED);
	assert_worker(0, 1, 1, 0);
}

static void stream_deadline_of_the_pool_ends_it(void **state)
{
	struct reply *r;

	(void)state;
	world.cfg[0].stream_timeout_ms = 200;
	world_configured();
	worker_up(0);
	r = ask_and_wait(hold);
	assert_int_equal(r->status.code, RPC_DEADLINE_EXCEEDED);
	assert_books(.error = 1);
	assert_tool("hold", 1, 1, SNP_FAILURE_CODE_DEADLINE_EXCEEDED);
}

static void stream_worker_gone_ends_it_after_what_has_come(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	worker_up(1);
	r = ask_start(hold);
	latch_wait(&r->messages, 1);
	fake_stop(&world.fakes[0]);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_UNAVAILABLE);
	assert_int_equal(r->n_messages, 1);
	assert_int_equal(atomic_load(&world.handled), 1);
	assert_books(.error = 1);
	assert_tool("hold", 1, 1, SNP_FAILURE_CODE_UNAVAILABLE);
	assert_int_equal(retries_of("hold"), 0);
}

static void stream_worker_not_reached_another_runs_it(void **state)
{
	struct reply *r;

	(void)state;
	link_open(0, 1);
	link_publish(0);
	worker_up(1);
	r = ask_and_wait(count);
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(r->n_messages, WORLD_CHUNKS);
	assert_int_equal(retries_of("count"), 1);
	assert_books(.ok = 1);
}

/* A client that reads one chunk at a time gets all of them, and its worker is busy as
 * long as it reads. */
static void stream_slow_reader_gets_one_chunk_a_grant(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_start(
	    (struct ask){.tool = "count", .stream = true, .reads_slowly = true});
	for (unsigned i = 1; i <= WORLD_CHUNKS; i++) {
		latch_wait(&r->messages, i);
		rpc_loop_run(world.client_loop, (void (*)(void *))rpc_call_read_more,
			     r->call);
	}
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(r->n_messages, WORLD_CHUNKS);
	assert_books(.ok = 1);
	look();
	assert_int_equal(seen("snakepit.stream.chunks", 0, 0), WORLD_CHUNKS);
	assert_true(seen("snakepit.stream.stall.time", 0, 0) > 0);
}

/* Chunks that nobody takes stay where they were made: with a client that does not read,
 * and chunks that fill what a connection may hold back, the worker gets no further. */
static void stream_unread_holds_the_worker_back(void **state)
{
	struct reply *r;
	uint64_t passed_on;

	(void)state;
	worker_up(0);
	r = ask_start(
	    (struct ask){.tool = "flood", .stream = true, .reads_slowly = true});
	latch_wait(&r->messages, 1);
	wait_until((look(), seen("snakepit.stream.chunks", 0, 0)) > 0);
	passed_on = settled(&world.flooded);
	assert_in_range(passed_on, 2, 64);
	look();
	assert_in_range(seen("snakepit.stream.chunks", 0, 0), 1, passed_on);
	for (unsigned i = 1; i < WORLD_FLOOD; i++)
		rpc_loop_run(world.client_loop, (void (*)(void *))rpc_call_read_more,
			     r->call);
	latch_wait(&r->done, 1);
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(r->n_messages, WORLD_FLOOD);
	assert_int_equal(atomic_load(&world.flooded), WORLD_FLOOD);
	look();
	assert_int_equal(seen("snakepit.stream.chunks", 0, 0), WORLD_FLOOD);
}

static void stream_many_at_once_do_not_mix(void **state)
{
	enum { MANY = 20 };
	struct reply *r[MANY];

	(void)state;
	world.cfg[0].queue.limit = MANY;
	world_configured();
	for (uint32_t slot = 0; slot < WORLD_WORKERS; slot++) {
		fake_start(&world.fakes[slot]);
		link_open(slot, 4);
		link_publish(slot);
	}
	for (unsigned i = 0; i < MANY; i++)
		r[i] = ask_start(count);
	for (unsigned i = 0; i < MANY; i++) {
		reply_wait(r[i]);
		assert_int_equal(r[i]->status.code, RPC_OK);
		assert_int_equal(r[i]->n_messages, WORLD_CHUNKS);
	}
	assert_books(.ok = MANY);
	assert_tool("count", MANY, 0, SNP_FAILURE_CODE_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	    T(stream_delivers_all_chunks_in_order),
	    T(stream_by_the_bridge_protocol_delivers_all),
	    T(stream_status_of_the_worker_is_passed_on),
	    T(stream_garbage_from_the_worker_is_internal),
	    T(stream_cancelled_reaches_the_worker),
	    T(stream_deadline_of_the_pool_ends_it),
	    T(stream_worker_gone_ends_it_after_what_has_come),
	    T(stream_worker_not_reached_another_runs_it),
	    T(stream_slow_reader_gets_one_chunk_a_grant),
	    T(stream_unread_holds_the_worker_back),
	    T(stream_many_at_once_do_not_mix),
	};
	int failed;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("runtime/stream", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
