/* SPDX-License-Identifier: Apache-2.0 */
/* The front door as a whole: draining, closing, health. */
#include "request_client.h"

#include "log/log.h"

/* ---- Draining ------------------------------------------------------------ */

static void drain_without_requests_is_idle_at_once(void **state)
{
	(void)state;
	worker_up(0);
	world_drain();
	assert_int_equal(atomic_load(&world.idle), 1);
}

static void drain_refuses_what_comes_and_lets_run_what_runs(void **state)
{
	struct reply *runs, *waits, *r;

	(void)state;
	worker_up(0);
	runs = ask_start(ask_tool("hold"));
	wait_until(atomic_load(&world.n_held) == 1);
	waits = ask_start(ask_tool("hold"));
	wait_for_books(.active = 1, .queued = 1);
	world_drain();
	r = ask_and_wait(ask_tool("echo"));
	assert_int_equal(r->status.code, RPC_UNAVAILABLE);
	assert_string_equal(r->status.message, "the runtime is stopping");
	assert_books(.error = 1, .active = 1, .queued = 1);
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_DRAINING), 1);
	assert_int_equal(atomic_load(&world.idle), 0);
	world_release(1);
	reply_wait(runs);
	wait_until(atomic_load(&world.n_held) == 1);
	world_release(1);
	reply_wait(waits);
	assert_int_equal(waits->status.code, RPC_OK);
	wait_until(atomic_load(&world.idle) == 1);
	/* and never again */
	r = ask_and_wait(ask_tool("echo"));
	assert_int_equal(r->status.code, RPC_UNAVAILABLE);
	assert_int_equal(atomic_load(&world.idle), 1);
	assert_books(.ok = 2, .error = 2);
}

static void drop_queues_ends_what_waits(void **state)
{
	struct reply *runs, *waits[3];

	(void)state;
	worker_up(0);
	runs = ask_start(ask_tool("hold"));
	wait_until(atomic_load(&world.n_held) == 1);
	for (unsigned i = 0; i < 3; i++)
		waits[i] = ask_start(ask_tool("echo"));
	wait_for_books(.active = 1, .queued = 3);
	world_drain();
	front_drop_queues(&world.front);
	for (unsigned i = 0; i < 3; i++) {
		reply_wait(waits[i]);
		assert_int_equal(waits[i]->status.code, RPC_UNAVAILABLE);
	}
	assert_books(.error = 3, .active = 1);
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_DRAINING), 3);
	assert_tool("echo", 3, 3, SNP_FAILURE_CODE_UNAVAILABLE);
	assert_int_equal(atomic_load(&world.idle), 0);
	world_release(1);
	reply_wait(runs);
	wait_until(atomic_load(&world.idle) == 1);
	assert_int_equal(atomic_load(&world.handled), 1);
}

/* ---- A pool that takes no requests --------------------------------------- */

static void drained_pool_refuses_what_comes_and_finishes_what_waits(void **state)
{
	struct reply *runs, *waits, *r;

	(void)state;
	worker_up(0);
	runs = ask_start(ask_tool("hold"));
	wait_until(atomic_load(&world.n_held) == 1);
	waits = ask_start(ask_tool("echo"));
	wait_for_books(.active = 1, .queued = 1);
	front_pool_admission(&world.front, world.pools[0], POOL_DRAINED, NULL);
	r = ask_and_wait(ask_tool("echo"));
	assert_int_equal(r->status.code, RPC_UNAVAILABLE);
	assert_non_null(strstr(r->status.message, "drained by operator"));
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_DRAINING), 1);
	world_release(1);
	reply_wait(runs);
	reply_wait(waits);
	assert_int_equal(waits->status.code, RPC_OK);
	front_pool_admission(&world.front, world.pools[0], POOL_OPEN, NULL);
	assert_int_equal(ask_and_wait(ask_tool("echo"))->status.code, RPC_OK);
}

static void down_pool_fails_fast_and_says_why(void **state)
{
	struct reply *waits, *r;

	(void)state;
	waits = ask_start(ask_tool("echo"));
	wait_for_books(.queued = 1);
	front_pool_admission(&world.front, world.pools[0], POOL_DOWN,
			     "no module named 'torch'");
	reply_wait(waits);
	assert_int_equal(waits->status.code, RPC_UNAVAILABLE);
	assert_string_equal(waits->status.message, "no module named 'torch'");
	r = ask_and_wait(ask_tool("echo"));
	assert_string_equal(r->status.message, "no module named 'torch'");
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_BREAKER), 2);
	assert_books(.error = 2);
}

static void set_config_is_in_force_for_the_next_request(void **state)
{
	static struct snp_cfg_pool next;
	struct reply *r;

	(void)state;
	next = world.cfg[0];
	next.queue.limit = 3;
	next.request_timeout_ms = 30;
	front_set_config(&world.front, world.pools[0], &next);
	r = ask_and_wait(ask_tool("echo"));
	assert_int_equal(r->status.code, RPC_DEADLINE_EXCEEDED);
	look();
	assert_int_equal(seen("snakepit.pool.queue.limit", 0, 0), 3);
}

/* ---- Health -------------------------------------------------------------- */

struct health_reply {
	struct latch messages, done;
	struct rpc_call *call;
	struct rpc_status status;
	enum rpc_health states[16];
	unsigned n;
};

static void health_message(struct rpc_call *call, struct rpc_buf *message)
{
	struct health_reply *r = rpc_call_user(call);
	struct rpc_arena arena;

	rpc_arena_init(&arena, 0);
	if (r->n < 16 &&
	    rpc_health_decode_response(message, &arena, &r->states[r->n], NULL) == 0)
		r->n++;
	rpc_arena_fini(&arena);
	latch_up(&r->messages);
}

static void health_watch_message(struct rpc_call *call, struct rpc_buf *message)
{
	health_message(call, message);
	rpc_call_read_more(call);
}

static void health_done(struct rpc_call *call, const struct rpc_status *status)
{
	struct health_reply *r = rpc_call_user(call);

	r->status = *status;
	latch_up(&r->done);
}

static const struct rpc_call_ops check_ops = {.on_message = health_message,
					      .on_done = health_done};
static const struct rpc_call_ops watch_ops = {.on_message = health_watch_message,
					      .on_done = health_done};

static void health_start(struct health_reply *r, const char *service, bool watch)
{
	struct rpc_buf *buf = NULL;
	struct rpc_call_args args = {
	    .channel = world.channel,
	    .loop = world.client_loop,
	    .method = watch ? RPC_METHOD_HEALTH_WATCH : RPC_METHOD_HEALTH_CHECK,
	    .flags = watch ? RPC_CALL_SERVER_STREAM : RPC_CALL_UNARY,
	    .ops = watch ? &watch_ops : &check_ops,
	    .user = r,
	};

	memset(r, 0, sizeof(*r));
	r->messages = (struct latch)LATCH_INIT;
	r->done = (struct latch)LATCH_INIT;
	assert_int_equal(rpc_health_encode_request(service, &buf), 0);
	args.request = buf;
	assert_int_equal(rpc_call_start(&args, &r->call), 0);
	rpc_buf_unref(buf);
}

static void health_end(struct health_reply *r)
{
	latch_wait(&r->done, 1);
	rpc_call_unref(r->call);
}

/* The state that Check tells, or -1 for NOT_FOUND. */
static int health_of(const char *service)
{
	struct health_reply r;

	health_start(&r, service, false);
	health_end(&r);
	if (r.status.code == RPC_NOT_FOUND)
		return -1;
	assert_int_equal(r.status.code, RPC_OK);
	assert_int_equal(r.n, 1);
	return (int)r.states[0];
}

static void check_says_which_pools_take_requests(void **state)
{
	(void)state;
	assert_int_equal(health_of(""), RPC_HEALTH_NOT_SERVING);
	assert_int_equal(health_of("pool/other"), RPC_HEALTH_NOT_SERVING);
	worker_up(WORLD_WORKERS);
	assert_int_equal(health_of("pool/other"), RPC_HEALTH_SERVING);
	assert_int_equal(health_of("pool/" WORLD_LONG_POOL), RPC_HEALTH_NOT_SERVING);
	assert_int_equal(health_of(""), RPC_HEALTH_NOT_SERVING);
	worker_up(1);
	assert_int_equal(health_of("pool/" WORLD_LONG_POOL), RPC_HEALTH_SERVING);
	assert_int_equal(health_of(""), RPC_HEALTH_SERVING);
	assert_int_equal(health_of("snakepit.pool.v1.Pool"), RPC_HEALTH_SERVING);
	world_drain();
	assert_int_equal(health_of(""), RPC_HEALTH_NOT_SERVING);
	assert_int_equal(health_of("pool/other"), RPC_HEALTH_NOT_SERVING);
}

static void check_unknown_service_is_not_found(void **state)
{
	(void)state;
	assert_int_equal(health_of("nothing"), -1);
	assert_int_equal(health_of("pool/"), -1);
	assert_int_equal(health_of("pool/nowhere"), -1);
	assert_int_equal(health_of("pool/other/x"), -1);
}

static void watch_tells_each_change_once(void **state)
{
	struct health_reply r;

	(void)state;
	health_start(&r, "pool/other", true);
	latch_wait(&r.messages, 1);
	assert_int_equal(r.states[0], RPC_HEALTH_NOT_SERVING);
	worker_up(WORLD_WORKERS);
	latch_wait(&r.messages, 2);
	assert_int_equal(r.states[1], RPC_HEALTH_SERVING);
	worker_up(0); /* of another pool: no change here */
	worker_down(WORLD_WORKERS);
	latch_wait(&r.messages, 3);
	assert_int_equal(r.states[2], RPC_HEALTH_NOT_SERVING);
	rpc_call_cancel(r.call);
	health_end(&r);
	assert_int_equal(r.status.code, RPC_CANCELLED);
	assert_int_equal(r.n, 3);
}

static void watch_unknown_service_says_so_and_goes_on(void **state)
{
	struct health_reply r;

	(void)state;
	health_start(&r, "nothing", true);
	latch_wait(&r.messages, 1);
	assert_int_equal(r.states[0], RPC_HEALTH_SERVICE_UNKNOWN);
	rpc_call_cancel(r.call);
	health_end(&r);
}

static bool no_watches;

static void look_at_watches(void *arg)
{
	(void)arg;
	no_watches = world.front.watches == NULL;
}

static void watch_many_come_and_go_in_any_order(void **state)
{
	enum { MANY = 20 };
	struct test_random random = test_random_seeded(1);
	static struct health_reply r[MANY];
	unsigned order[MANY];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		order[i] = i;
		health_start(&r[i], "", true);
		latch_wait(&r[i].messages, 1);
	}
	for (unsigned i = MANY - 1; i > 0; i--) {
		unsigned j = test_random_below(&random, i + 1), o = order[i];

		order[i] = order[j];
		order[j] = o;
	}
	for (unsigned i = 0; i < MANY; i++) {
		rpc_call_cancel(r[order[i]].call);
		health_end(&r[order[i]]);
		front_kick(&world.front);
	}
	wait_until(
	    (rpc_loop_run(world.front.loop.rpc, look_at_watches, NULL), no_watches));
}

static void watch_ends_when_the_server_stops(void **state)
{
	struct health_reply r;

	health_start(&r, "", true);
	latch_wait(&r.messages, 1);
	assert_int_equal(world_tear_down(state), 0);
	health_end(&r);
	assert_int_equal(r.status.code, RPC_UNAVAILABLE);
	assert_int_equal(world_set_up(state), 0);
}

/* A fence closes the way to a worker; who watches is told. */
static void watch_tells_of_a_fence(void **state)
{
	struct health_reply r;
	struct link *link;

	(void)state;
	worker_up(WORLD_WORKERS);
	health_start(&r, "pool/other", true);
	latch_wait(&r.messages, 1);
	assert_int_equal(r.states[0], RPC_HEALTH_SERVING);
	link = world.fakes[WORLD_WORKERS].link;
	atomic_store_explicit(&link->open, false, memory_order_relaxed);
	front_kick(&world.front);
	latch_wait(&r.messages, 2);
	assert_int_equal(r.states[1], RPC_HEALTH_NOT_SERVING);
	front_pool_admission(&world.front, world.pools[1], POOL_DRAINED, NULL);
	atomic_store_explicit(&link->open, true, memory_order_relaxed);
	front_kick(&world.front);
	front_pool_admission(&world.front, world.pools[1], POOL_OPEN, NULL);
	latch_wait(&r.messages, 3);
	assert_int_equal(r.states[2], RPC_HEALTH_SERVING);
	rpc_call_cancel(r.call);
	health_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	    T(drain_without_requests_is_idle_at_once),
	    T(drain_refuses_what_comes_and_lets_run_what_runs),
	    T(drop_queues_ends_what_waits),
	    T(drained_pool_refuses_what_comes_and_finishes_what_waits),
	    T(down_pool_fails_fast_and_says_why),
	    T(set_config_is_in_force_for_the_next_request),
	    T(check_says_which_pools_take_requests),
	    T(check_unknown_service_is_not_found),
	    T(watch_tells_each_change_once),
	    T(watch_unknown_service_says_so_and_goes_on),
	    T(watch_many_come_and_go_in_any_order),
	    T(watch_ends_when_the_server_stops),
	    T(watch_tells_of_a_fence),
	};
	int failed;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("runtime/front", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
