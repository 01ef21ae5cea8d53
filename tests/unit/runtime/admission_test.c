/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in, how long he may wait, what may run twice, and what he is told. */
#include "request_client.h"

#include <math.h>
#include <pthread.h>
#include <time.h>

#include "log/log.h"

static struct reply *occupy(void)
{
	struct reply *r = ask_start(ask_tool("hold"));

	wait_until(atomic_load(&world.n_held) == 1);
	return r;
}

static void release_and_wait(struct reply *r)
{
	world_release(1);
	reply_wait(r);
}

/* ---- Deadlines ----------------------------------------------------------- */

static void set_service(void *arg)
{
	world.pools[0]->service_ns = *(uint64_t *)arg;
}

/* What requests of the first pool are taken to need. */
static void service_takes_ms(uint64_t ms)
{
	uint64_t ns = ms * SNP_NS_PER_MS;

	rpc_loop_run(world.front.loop.rpc, set_service, &ns);
}

static void deadline_that_cannot_be_met_is_refused_at_once(void **state)
{
	struct reply *busy, *first, *second, *r;
	char later[16];

	(void)state;
	worker_up(0);
	busy = occupy();
	service_takes_ms(4 * WAIT_MS);
	/* nobody is ahead: the worker may become free at any moment */
	first = ask_start((struct ask){.tool = "echo", .deadline_ms = WAIT_MS});
	wait_for_books(.active = 1, .queued = 1);
	r = ask_and_wait((struct ask){.tool = "echo", .deadline_ms = 3 * WAIT_MS});
	assert_int_equal(r->status.code, RPC_RESOURCE_EXHAUSTED);
	assert_string_equal(r->kind, "deadline_unmeetable");
	/* two would be ahead of the next */
	(void)snprintf(later, sizeof(later), "%d", 2 * 4 * WAIT_MS + 1);
	assert_string_equal(r->retry_after, later);
	assert_string_equal(r->pushback, later);
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_DEADLINE), 1);
	assert_books(.error = 1, .active = 1, .queued = 1);
	/* who has the time waits, and so does who came without a deadline */
	second = ask_start((struct ask){.tool = "echo", .deadline_ms = 6 * WAIT_MS});
	wait_for_books(.error = 1, .active = 1, .queued = 2);
	release_and_wait(busy);
	reply_wait(first);
	reply_wait(second);
	assert_int_equal(second->status.code, RPC_OK);
}

static void service_time_is_learned_from_what_ran(void **state)
{
	const snp_mono_t began = snp_mono_now();
	uint64_t learned;

	(void)state;
	worker_up(0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask_and_wait(ask_tool("slow"))->status.code, RPC_OK);
	world_configured();
	learned = world.pools[0]->service_ns;
	assert_in_range(learned, 3 * SNP_NS_PER_MS,
			snp_mono_since_ns(snp_mono_now(), began));
	/* what was cancelled says nothing */
	ask_and_wait((struct ask){.tool = "hold", .deadline_ms = ASK_COMES_IN_MS});
	wait_for_books(.ok = 3, .error = 1);
	world_configured();
	assert_int_equal(world.pools[0]->service_ns, learned);
}

/* Several with deadlines of one moment; all end by them. */
static void ask_with_deadlines(const char *name, unsigned n)
{
	struct reply *r[8];

	for (unsigned i = 0; i < n; i++)
		r[i] = ask_start((struct ask){.tool = name,
					      .deadline_ms = ASK_COMES_IN_MS + 10 * i});
	for (unsigned i = 0; i < n; i++) {
		reply_wait(r[i]);
		assert_int_equal(r[i]->status.code, RPC_DEADLINE_EXCEEDED);
	}
}

/* The worker gets the time that is left, less what the answer needs, and both sides say
 * the same of the end. */
static void deadline_is_booked_as_the_client_saw_it(void **state)
{
	(void)state;
	fake_start(&world.fakes[0]);
	link_open(0, 8);
	link_publish(0);
	ask_with_deadlines("hold", 8);
	wait_for_books(.error = 8);
	assert_tool("hold", 8, 8, SNP_FAILURE_CODE_DEADLINE_EXCEEDED);
}

static void deadline_in_the_queue_is_booked_as_the_client_saw_it(void **state)
{
	struct reply *busy;

	(void)state;
	worker_up(0);
	busy = occupy();
	ask_with_deadlines("echo", 8);
	wait_for_books(.error = 8, .active = 1);
	assert_tool("echo", 8, 8, SNP_FAILURE_CODE_DEADLINE_EXCEEDED);
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_TIMEOUT), 8);
	release_and_wait(busy);
	assert_int_equal(atomic_load(&world.handled), 1);
}

/* ---- Running twice ------------------------------------------------------- */

/* The worker dies with the request `ask`; what came of it when another is there. */
static struct reply *lose_worker_with(struct ask ask)
{
	struct reply *r;

	worker_up(0);
	r = ask_start(ask);
	wait_until(atomic_load(&world.n_held) == 1);
	worker_up(1);
	worker_down(0);
	return r;
}

static void idempotent_request_runs_on_another_worker(void **state)
{
	struct reply *r;

	(void)state;
	r = lose_worker_with((struct ask){.tool = "hold", .idempotent = true});
	wait_until(atomic_load(&world.handled) == 2);
	wait_until(atomic_load(&world.n_held) == 1);
	release_and_wait(r);
	assert_int_equal(r->status.code, RPC_OK);
	assert_string_equal(r->worker_id, WORLD_LONG_POOL "/1#1");
	assert_int_equal(retries_of("hold"), 1);
	assert_books(.ok = 1);
}

static void idempotent_tool_runs_on_another_worker(void **state)
{
	char *tools[] = {(char *)(uintptr_t) "echo", (char *)(uintptr_t) "hold"};
	struct reply *r;

	(void)state;
	world.cfg[0].idempotent_tools = tools;
	world.cfg[0].idempotent_tools_count = 2;
	world_configured();
	r = lose_worker_with(ask_tool("hold"));
	wait_until(atomic_load(&world.handled) == 2);
	wait_until(atomic_load(&world.n_held) == 1);
	release_and_wait(r);
	assert_int_equal(r->status.code, RPC_OK);
	assert_books(.ok = 1);
}

static void idempotent_request_runs_at_most_twice(void **state)
{
	struct reply *r;

	(void)state;
	r = lose_worker_with((struct ask){.tool = "hold", .idempotent = true});
	wait_until(atomic_load(&world.handled) == 2);
	worker_up(2);
	worker_down(1);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_UNAVAILABLE);
	assert_string_equal(r->kind, "worker_died");
	assert_int_equal(atomic_load(&world.handled), 2);
	assert_int_equal(retries_of("hold"), 1);
	assert_books(.error = 1);
}

static void idempotent_stream_does_not_begin_again_after_a_chunk(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	worker_up(1);
	r = ask_start((struct ask){.tool = "hold", .stream = true, .idempotent = true});
	latch_wait(&r->messages, 1);
	worker_down(0);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_UNAVAILABLE);
	assert_string_equal(r->kind, "worker_died");
	assert_int_equal(r->n_messages, 1);
	assert_int_equal(atomic_load(&world.handled), 1);
}

/* ---- What clients are told ----------------------------------------------- */

static void kind_comes_with_every_failure(void **state)
{
	static const struct {
		struct ask ask;
		const char *kind;
	} cases[] = {
	    {{.tool = "echo", .pool = "nowhere"}, "pool_not_found"},
	    {{.tool = ""}, "invalid_request"},
	    {{.tool = "missing"}, "worker_status"},
	    {{.tool = "garbage"}, "bad_answer"},
	    {{.tool = "hold", .deadline_ms = 30}, ""}, /* the client's own */
	    {{.tool = "echo"}, ""},
	    {{.tool = "fail"}, ""},
	    {{.tool = "echo", .pool = "other"}, "queue_timeout"},
	};

	(void)state;
	world.cfg[1].queue.timeout_ms = 20;
	world_configured();
	worker_up(0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply *r = ask_and_wait(cases[i].ask);

		if (cases[i].ask.deadline_ms && *r->kind)
			assert_string_equal(r->kind, "deadline_exceeded");
		else
			assert_string_equal(r->kind, cases[i].kind);
	}
}

static void kinds_have_names_of_their_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ERROR_KIND_NR; i++) {
		const struct error_kind_info *kind = &error_kinds[i];

		assert_true(rpc_md_value_is_legal(rpc_str_of(ERROR_KIND_KEY),
						  rpc_str_of(kind->name)));
		assert_true(kind->code != RPC_OK && strlen(kind->meaning) > 10);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(kind->name, error_kinds[k].name);
	}
}

static void retry_after_comes_with_a_full_queue(void **state)
{
	struct reply *busy, *waits, *r;

	(void)state;
	world.cfg[0].queue.limit = 1;
	world_configured();
	worker_up(0);
	busy = occupy();
	service_takes_ms(100);
	waits = ask_start(ask_tool("echo"));
	wait_for_books(.active = 1, .queued = 1);
	r = ask_and_wait(ask_tool("echo"));
	assert_string_equal(r->kind, "queue_full");
	assert_string_equal(r->retry_after, "201");
	assert_string_equal(r->pushback, "201");
	release_and_wait(busy);
	reply_wait(waits);
	assert_string_equal(waits->kind, "");
	assert_string_equal(waits->retry_after, "");
}

/* ---- Many that give up --------------------------------------------------- */

#define STORM_CHANNELS 20
#define STORM_EACH     500 /* calls of one: below what a connection carries */
#define STORM_ROUNDS   3

static struct {
	struct rpc_channel *channels[STORM_CHANNELS];
	struct rpc_call *calls[STORM_CHANNELS * STORM_EACH];
	atomic_uint done;
} storm;

static void storm_done(struct rpc_call *call, const struct rpc_status *status)
{
	(void)call;
	(void)status;
	atomic_fetch_add(&storm.done, 1);
}

static void front_cpu(void *ret_ns)
{
	*(uint64_t *)ret_ns = snp__clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static uint64_t front_cpu_ns(void)
{
	uint64_t ns = 0;

	rpc_loop_run(world.front.loop.rpc, front_cpu, &ns);
	return ns;
}

/* Queue `n` requests and cancel them, the last one first; the processor time that the
 * cancellations took the front door, each. */
static double storm_of(unsigned n)
{
	static const struct rpc_call_ops ops = {.on_message = reply_message,
						.on_done = storm_done};
	struct rpc_buf *buf = ask_encode(&ask_tool("echo"));
	uint64_t before = 0, errors;
	struct books seen_before;

	look();
	seen_before = books_seen(0);
	atomic_store(&storm.done, 0);
	for (unsigned i = 0; i < n; i++) {
		const struct rpc_call_args args = {
		    .channel = storm.channels[i / STORM_EACH],
		    .loop = world.client_loop,
		    .method = RPC_METHOD_POOL_EXECUTE,
		    .request = buf,
		    .ops = &ops,
		};

		assert_int_equal(rpc_call_start(&args, &storm.calls[i]), 0);
	}
	rpc_buf_unref(buf);
	errors = seen_before.error;
	wait_for_books(.error = errors, .queued = n);
	before = front_cpu_ns();
	for (unsigned i = n; i-- > 0;)
		rpc_call_cancel(storm.calls[i]);
	wait_for_books(.error = errors + n);
	before = front_cpu_ns() - before;
	wait_until(atomic_load(&storm.done) == n);
	for (unsigned i = 0; i < n; i++)
		rpc_call_unref(storm.calls[i]);
	return (double)before / n;
}

static void cancel_storm_is_linear(void **state)
{
	const unsigned all = STORM_CHANNELS * STORM_EACH;
	double few = HUGE_VAL, many = HUGE_VAL;

	(void)state;
	world.cfg[0].queue.limit = all;
	world_configured();
	for (unsigned i = 0; i < STORM_CHANNELS; i++)
		assert_int_equal(
		    rpc_channel_create(world.address, NULL, &storm.channels[i], NULL),
		    0);
	/* What else runs on the machine only ever adds. */
	for (unsigned i = 0; i < STORM_ROUNDS; i++) {
		few = fmin(few, storm_of(all / 10));
		many = fmin(many, storm_of(all));
	}
	print_message("a cancellation of 1,000 takes %.1f us, of 10,000 %.1f us\n",
		      few / 1e3, many / 1e3);
	assert_true(many < 6 * few); /* 10 if each looked at all the others */
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_CANCELLED),
			 STORM_ROUNDS * (all + all / 10));
	for (unsigned i = 0; i < STORM_CHANNELS; i++)
		rpc_channel_destroy(&storm.channels[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	    T(deadline_that_cannot_be_met_is_refused_at_once),
	    T(service_time_is_learned_from_what_ran),
	    T(deadline_is_booked_as_the_client_saw_it),
	    T(deadline_in_the_queue_is_booked_as_the_client_saw_it),
	    T(idempotent_request_runs_on_another_worker),
	    T(idempotent_tool_runs_on_another_worker),
	    T(idempotent_request_runs_at_most_twice),
	    T(idempotent_stream_does_not_begin_again_after_a_chunk),
	    T(kind_comes_with_every_failure),
	    T(kinds_have_names_of_their_own),
	    T(retry_after_comes_with_a_full_queue),
	    T(cancel_storm_is_linear),
	};
	int failed;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("runtime/admission", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
