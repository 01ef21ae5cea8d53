/* SPDX-License-Identifier: Apache-2.0 */
/* One request after another through a front door: how it ends, and what is counted. */
#include "request_client.h"

#include "log/log.h"

/* Slot `slot` has a link, but nobody listens at its address. */
static void worker_absent(uint32_t slot)
{
	link_open(slot, 1);
	link_publish(slot);
}

/* A request that runs on the only worker. */
static struct reply *occupy(void)
{
	struct reply *r = ask_start(ask_tool("hold"));

	wait_until(atomic_load(&world.n_held) == 1);
	return r;
}

/* ---- Answers ------------------------------------------------------------- */

static void execute_result_is_passed_on(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_and_wait(ask_tool("echo"));
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(r->outcome, RPC_OUTCOME_RESULT);
	assert_string_equal(r->result, "\"ok\"");
	assert_string_equal(r->worker_id, WORLD_LONG_POOL "/0#1");
	assert_string_equal(r->seen_worker, r->worker_id);
	assert_true(r->service_ns > 0);
	assert_books(.ok = 1);
	assert_tool("echo", 1, 0, SNP_FAILURE_CODE_OTHER);
	assert_worker(0, 1, 0, 0);
}

static void execute_tool_error_is_an_error_of_the_tool(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_and_wait(ask_tool("fail"));
	assert_int_equal(r->status.code, RPC_OK);
	assert_int_equal(r->outcome, RPC_OUTCOME_ERROR);
	assert_string_equal(r->error_type, "ValueError");
	assert_string_equal(r->error_message, "no good");
	assert_books(.error = 1);
	assert_tool("fail", 1, 1, SNP_FAILURE_CODE_TOOL_ERROR);
	assert_worker(0, 1, 1, 0);
}

static void execute_status_of_the_worker_is_passed_on(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_and_wait(ask_tool("missing"));
	assert_int_equal(r->status.code, RPC_NOT_FOUND);
	assert_string_equal(r->status.message, "no tool 'missing'");
	assert_books(.error = 1);
	assert_tool("missing", 1, 1, SNP_FAILURE_CODE_NOT_FOUND);
	assert_worker(0, 1, 1, 0);
}

static void execute_garbage_from_the_worker_is_internal(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_and_wait(ask_tool("garbage"));
	assert_int_equal(r->status.code, RPC_INTERNAL);
	assert_books(.error = 1);
	assert_tool("garbage", 1, 1, SNP_FAILURE_CODE_INTERNAL);
	assert_worker(0, 1, 1, 0);
}

static void execute_by_the_bridge_protocol_works(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	worker_up(WORLD_WORKERS);
	r = ask_and_wait((struct ask){.tool = "echo", .protocol = BY_BRIDGE});
	assert_string_equal(r->result, "\"ok\"");
	assert_string_equal(r->seen_worker, WORLD_LONG_POOL "/0#1");
	r = ask_and_wait(
	    (struct ask){.tool = "echo", .protocol = BY_BRIDGE, .pool = "other"});
	assert_string_equal(r->result, "\"ok\"");
	assert_string_equal(r->seen_worker, "other/0#1");
	assert_books(.ok = 1);
	assert_true(books_are(1, (struct books){.ok = 1}));
}

/* ---- Correlation --------------------------------------------------------- */

static void correlation_of_the_client_goes_all_the_way(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_and_wait((struct ask){.tool = "echo",
				      .correlation = "id-1:a.b_C",
				      .traceparent =
					  "00-0af7651916cd43dd8448eb211c80319c-"
					  "b7ad6b7169203331-01"});
	assert_string_equal(r->seen_correlation, "id-1:a.b_C");
	assert_string_equal(r->trailing_id, "id-1:a.b_C");
	assert_string_equal(r->seen_traceparent,
			    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

static void correlation_not_given_is_made(void **state)
{
	struct reply *a, *b;

	(void)state;
	worker_up(0);
	a = ask_and_wait(ask_tool("echo"));
	b = ask_and_wait(ask_tool("echo"));
	assert_true(rpc_correlation_is_valid(rpc_str_of(a->trailing_id)));
	assert_string_equal(a->seen_correlation, a->trailing_id);
	assert_string_not_equal(a->trailing_id, b->trailing_id);
}

static void correlation_not_valid_is_replaced(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_and_wait((struct ask){.tool = "echo", .correlation = "a b\"c"});
	assert_int_equal(r->status.code, RPC_OK);
	assert_true(rpc_correlation_is_valid(rpc_str_of(r->trailing_id)));
}

static void correlation_is_not_taken_over_when_switched_off(void **state)
{
	struct reply *r;

	(void)state;
	world.front.accept_correlation = false;
	world_configured();
	worker_up(0);
	r = ask_and_wait((struct ask){.tool = "echo", .correlation = "mine"});
	assert_string_not_equal(r->trailing_id, "mine");
	assert_string_equal(r->seen_correlation, r->trailing_id);
}

/* An error has its id too, also where the request never reached a pool. */
static void correlation_comes_with_every_refusal(void **state)
{
	struct reply *r;

	(void)state;
	r = ask_and_wait((struct ask){.tool = "", .correlation = "refused-1"});
	assert_int_equal(r->status.code, RPC_INVALID_ARGUMENT);
	assert_string_equal(r->trailing_id, "refused-1");
}

/* ---- Turned away --------------------------------------------------------- */

static void pool_unknown_is_not_found(void **state)
{
	static const struct ask asks[] = {
	    {.tool = "echo", .pool = "nowhere"},
	    {.tool = "echo", .pool = "nowhere", .protocol = BY_BRIDGE},
	    /* the first 63 bytes are the name of a pool */
	    {.tool = "echo", .pool = WORLD_LONG_POOL "y"},
	    {.tool = "echo", .pool = WORLD_LONG_POOL "y", .protocol = BY_BRIDGE},
	};
	const unsigned n = sizeof(asks) / sizeof(asks[0]);

	(void)state;
	worker_up(0);
	for (unsigned i = 0; i < n; i++) {
		struct reply *r = ask_and_wait(asks[i]);

		if (r->status.code != RPC_NOT_FOUND)
			fail_msg("ask %u: %s", i, rpc_code_name(r->status.code));
	}
	assert_int_equal(refusals_of(SNP_FAILURE_CODE_NOT_FOUND), n);
	assert_books(.ok = 0);
	assert_int_equal(tool_row(0, "echo"), UINT32_MAX);
}

static void tool_name_empty_or_too_long_is_invalid(void **state)
{
	char name[TOOLS_NAME_BYTES + 1];
	struct reply *r;

	(void)state;
	worker_up(0);
	memset(name, 'n', sizeof(name));
	name[TOOLS_NAME_BYTES] = '\0';
	r = ask_and_wait(ask_tool(name));
	assert_int_equal(r->status.code, RPC_INVALID_ARGUMENT);
	r = ask_and_wait(ask_tool(""));
	assert_int_equal(r->status.code, RPC_INVALID_ARGUMENT);
	assert_int_equal(refusals_of(SNP_FAILURE_CODE_INVALID_ARGUMENT), 2);
	assert_books(.ok = 0);
	name[TOOLS_NAME_BYTES - 1] = '\0';
	r = ask_and_wait(ask_tool(name));
	assert_int_equal(r->status.code, RPC_OK);
	assert_tool(name, 1, 0, SNP_FAILURE_CODE_OTHER);
}

static void message_not_decodable_is_invalid(void **state)
{
	struct rpc_buf *buf = rpc_buf_from_bytes("\xff\xff\xff\xff", 4);
	struct reply *r = ask_start_bytes(ask_tool("echo"), buf);

	(void)state;
	rpc_buf_unref(buf);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_INVALID_ARGUMENT);
	assert_int_equal(refusals_of(SNP_FAILURE_CODE_INVALID_ARGUMENT), 1);
	assert_books(.ok = 0);
}

/* The label set stays bounded; the requests themselves do not mind. */
static void tool_names_beyond_the_maximum_count_as_other(void **state)
{
	char name[16];

	(void)state;
	worker_up(0);
	for (unsigned i = 0; i < WORLD_TOOLS + 3; i++) {
		(void)snprintf(name, sizeof(name), "tool-%u", i);
		assert_int_equal(ask_and_wait(ask_tool(name))->status.code, RPC_OK);
	}
	assert_books(.ok = WORLD_TOOLS + 3);
	assert_tool(TOOLS_OTHER, 3, 0, SNP_FAILURE_CODE_OTHER);
}

/* ---- Workers that end or are not there ----------------------------------- */

static void worker_gone_in_the_call_is_unavailable_and_not_run_again(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	worker_up(1);
	r = ask_start(ask_tool("hold"));
	wait_until(atomic_load(&world.n_held) == 1);
	fake_stop(&world.fakes[0]);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_UNAVAILABLE);
	assert_non_null(strstr(r->status.message, "died while it ran the request"));
	assert_non_null(strstr(r->status.message, WORLD_LONG_POOL "/0#1"));
	assert_int_equal(atomic_load(&world.handled), 1);
	assert_books(.error = 1);
	assert_tool("hold", 1, 1, SNP_FAILURE_CODE_UNAVAILABLE);
	assert_int_equal(retries_of("hold"), 0);
	assert_worker(0, 1, 1, 0);
	assert_worker(1, 0, 0, 0);
}

static void worker_not_reached_another_runs_the_request(void **state)
{
	struct reply *r;

	(void)state;
	worker_absent(0);
	worker_up(1);
	r = ask_and_wait(ask_tool("echo"));
	assert_int_equal(r->status.code, RPC_OK);
	assert_string_equal(r->worker_id, WORLD_LONG_POOL "/1#1");
	assert_int_equal(atomic_load(&world.handled), 1);
	assert_books(.ok = 1);
	assert_tool("echo", 1, 0, SNP_FAILURE_CODE_OTHER);
	assert_int_equal(retries_of("echo"), 1);
	assert_worker(0, 1, 1, 0);
	assert_worker(1, 1, 0, 0);
}

static void worker_never_reached_ends_after_five_attempts(void **state)
{
	struct reply *r;

	(void)state;
	worker_absent(0);
	r = ask_and_wait(ask_tool("echo"));
	assert_int_equal(r->status.code, RPC_UNAVAILABLE);
	assert_non_null(strstr(r->status.message, "could not be reached"));
	assert_books(.error = 1);
	assert_tool("echo", 1, 1, SNP_FAILURE_CODE_UNAVAILABLE);
	assert_int_equal(retries_of("echo"), 4);
	assert_worker(0, 5, 5, 0);
}

static void worker_that_comes_late_gets_what_waits(void **state)
{
	struct reply *r = ask_start(ask_tool("echo"));

	(void)state;
	wait_for_books(.queued = 1);
	worker_up(0);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_OK);
	assert_true(r->queue_wait_ns > 0);
	assert_books(.ok = 1);
}

/* A worker that could not be reached is passed over for a moment. Whoever waits at the
 * head of the queue when the moment is over must get it, not only the request that
 * found out. */
static void worker_passed_over_is_used_again_by_who_waits_then(void **state)
{
	struct reply *first, *second;

	(void)state;
	worker_absent(0);
	first = ask_start(ask_tool("echo"));
	wait_until(retries_of("echo") >= 1);
	second = ask_start(ask_tool("slow"));
	wait_for_books(.queued = 2);
	rpc_call_cancel(first->call);
	reply_wait(first);
	fake_start(&world.fakes[0]);
	assert_true(latch_wait_ms(&second->done, 1, WAIT_MS / 2));
	reply_wait(second);
	assert_int_equal(second->status.code, RPC_OK);
}

static void worker_passed_over_is_used_again_by_a_later_request(void **state)
{
	struct reply *busy, *later;

	(void)state;
	worker_absent(0);
	worker_up(1);
	busy = ask_start(ask_tool("hold")); /* by way of worker 0 */
	wait_until(atomic_load(&world.n_held) == 1);
	later = ask_start(ask_tool("echo"));
	fake_start(&world.fakes[0]);
	assert_true(latch_wait_ms(&later->done, 1, WAIT_MS / 2));
	reply_wait(later);
	assert_int_equal(later->status.code, RPC_OK);
	assert_books(.ok = 1, .active = 1);
	world_release(1);
	reply_wait(busy);
	assert_int_equal(busy->status.code, RPC_OK);
}

/* ---- The queue ----------------------------------------------------------- */

static void queue_full_is_resource_exhausted(void **state)
{
	struct reply *busy, *waits, *r;

	(void)state;
	world.cfg[0].queue.limit = 1;
	world_configured();
	worker_up(0);
	busy = occupy();
	waits = ask_start(ask_tool("echo"));
	wait_for_books(.active = 1, .queued = 1);
	r = ask_and_wait(ask_tool("echo"));
	assert_int_equal(r->status.code, RPC_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(r->status.message, "queue.limit"));
	assert_books(.error = 1, .active = 1, .queued = 1);
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_FULL), 1);
	world_release(1);
	reply_wait(busy);
	reply_wait(waits);
	assert_int_equal(waits->status.code, RPC_OK);
	assert_books(.ok = 2, .error = 1);
	assert_tool("echo", 2, 1, SNP_FAILURE_CODE_RESOURCE_EXHAUSTED);
}

static void wait_for_queued(unsigned n)
{
	wait_for_books(.active = 1, .queued = n);
}

static void wait_for_held(unsigned n)
{
	wait_until(atomic_load(&world.n_held) == n);
}

static void queue_is_first_in_first_out(void **state)
{
	struct reply *r[6];

	(void)state;
	worker_up(0);
	r[0] = occupy();
	for (unsigned i = 1; i < 6; i++) {
		r[i] = ask_start(ask_tool("hold"));
		wait_for_queued(i);
	}
	for (unsigned i = 0; i < 6; i++) {
		wait_for_held(1);
		world_release(1);
		reply_wait(r[i]);
	}
	assert_books(.ok = 6);
}

static void queue_timeout_is_deadline_exceeded(void **state)
{
	struct reply *busy, *r;

	(void)state;
	world.cfg[0].queue.timeout_ms = 50;
	world_configured();
	worker_up(0);
	busy = occupy();
	r = ask_and_wait(ask_tool("echo"));
	assert_int_equal(r->status.code, RPC_DEADLINE_EXCEEDED);
	assert_non_null(strstr(r->status.message, "queue timeout of 50 ms"));
	assert_books(.error = 1, .active = 1);
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_TIMEOUT), 1);
	assert_tool("echo", 1, 1, SNP_FAILURE_CODE_DEADLINE_EXCEEDED);
	world_release(1);
	reply_wait(busy);
	assert_books(.ok = 1, .error = 1);
	assert_worker(0, 1, 0, 0);
}

static void queue_deadline_of_the_client_ends_the_wait(void **state)
{
	struct reply *busy, *r;

	(void)state;
	worker_up(0);
	busy = occupy();
	r = ask_and_wait((struct ask){.tool = "echo", .deadline_ms = ASK_COMES_IN_MS});
	assert_int_equal(r->status.code, RPC_DEADLINE_EXCEEDED);
	wait_for_books(.error = 1, .active = 1);
	/* the client's own clock may be first, then it is a cancellation to us */
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_TIMEOUT) +
			     rejections_of(SNP_QUEUE_REJECTION_CANCELLED),
			 1);
	assert_int_equal(failures_seen(tool_row(0, "echo")), 1);
	world_release(1);
	reply_wait(busy);
	assert_books(.ok = 1, .error = 1);
	assert_int_equal(atomic_load(&world.handled), 1);
}

static void queue_timeout_of_the_pool_ends_a_request_without_deadline(void **state)
{
	struct reply *r;

	(void)state;
	world.cfg[0].request_timeout_ms = 60;
	world_configured();
	r = ask_and_wait(ask_tool("echo"));
	assert_int_equal(r->status.code, RPC_DEADLINE_EXCEEDED);
	assert_non_null(strstr(r->status.message, "the deadline passed"));
	assert_books(.error = 1);
}

static void queue_cancelled_request_leaves_it(void **state)
{
	struct reply *busy, *first, *second;

	(void)state;
	worker_up(0);
	busy = occupy();
	first = ask_start(ask_tool("echo"));
	wait_for_books(.active = 1, .queued = 1);
	second = ask_start(ask_tool("echo"));
	wait_for_books(.active = 1, .queued = 2);
	rpc_call_cancel(first->call);
	reply_wait(first);
	assert_int_equal(first->status.code, RPC_CANCELLED);
	wait_for_books(.error = 1, .active = 1, .queued = 1);
	assert_int_equal(rejections_of(SNP_QUEUE_REJECTION_CANCELLED), 1);
	world_release(1);
	reply_wait(busy);
	reply_wait(second);
	assert_int_equal(second->status.code, RPC_OK);
	assert_books(.ok = 2, .error = 1);
	assert_tool("echo", 2, 1, SNP_FAILURE_CODE_CANCELLED);
	assert_int_equal(atomic_load(&world.handled), 2);
}

/* ---- While a worker runs it ---------------------------------------------- */

static void active_cancelled_request_reaches_the_worker(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = occupy();
	rpc_call_cancel(r->call);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_CANCELLED);
	wait_until(atomic_load(&world.cancelled) == 1);
	wait_for_books(.error = 1);
	assert_tool("hold", 1, 1, SNP_FAILURE_CODE_CANCELLED);
	assert_worker(0, 1, 1, 0);
	/* and the worker is free again */
	assert_int_equal(ask_and_wait(ask_tool("echo"))->status.code, RPC_OK);
}

static void active_deadline_reaches_the_worker(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_and_wait((struct ask){.tool = "hold", .deadline_ms = ASK_COMES_IN_MS});
	assert_int_equal(r->status.code, RPC_DEADLINE_EXCEEDED);
	wait_until(atomic_load(&world.cancelled) == atomic_load(&world.handled));
	wait_for_books(.error = 1);
	look();
	assert_int_equal(failures_seen(tool_row(0, "hold")), 1);
}

static void active_timeout_of_the_pool_ends_a_request_without_deadline(void **state)
{
	struct reply *r;

	(void)state;
	world.cfg[0].request_timeout_ms = 100;
	world_configured();
	worker_up(0);
	r = ask_and_wait(ask_tool("hold"));
	assert_int_equal(r->status.code, RPC_DEADLINE_EXCEEDED);
	wait_until(atomic_load(&world.cancelled) == atomic_load(&world.handled));
	assert_books(.error = 1);
	assert_tool("hold", 1, 1, SNP_FAILURE_CODE_DEADLINE_EXCEEDED);
}

static void active_capacity_is_used_and_not_exceeded(void **state)
{
	struct reply *r[5];

	(void)state;
	fake_start(&world.fakes[0]);
	link_open(0, 3);
	link_publish(0);
	for (unsigned i = 0; i < 5; i++)
		r[i] = ask_start(ask_tool("hold"));
	wait_for_books(.active = 3, .queued = 2);
	wait_until(atomic_load(&world.n_held) == 3);
	assert_worker(0, 3, 0, 3);
	world_release(3);
	wait_for_books(.ok = 3, .active = 2);
	wait_until(atomic_load(&world.n_held) == 2);
	world_release(2);
	for (unsigned i = 0; i < 5; i++)
		reply_wait(r[i]);
	assert_books(.ok = 5);
	assert_worker(0, 5, 0, 0);
}

static void active_request_outlives_the_withdrawal_of_its_worker(void **state)
{
	struct reply *r;

	(void)state;
	worker_up(0);
	r = occupy();
	link_withdraw(0);
	rcu_wait();
	assert_books(.active = 1);
	world_release(1);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_OK);
	assert_books(.ok = 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	    T(execute_result_is_passed_on),
	    T(execute_tool_error_is_an_error_of_the_tool),
	    T(execute_status_of_the_worker_is_passed_on),
	    T(execute_garbage_from_the_worker_is_internal),
	    T(execute_by_the_bridge_protocol_works),
	    T(correlation_of_the_client_goes_all_the_way),
	    T(correlation_not_given_is_made),
	    T(correlation_not_valid_is_replaced),
	    T(correlation_is_not_taken_over_when_switched_off),
	    T(correlation_comes_with_every_refusal),
	    T(pool_unknown_is_not_found),
	    T(tool_name_empty_or_too_long_is_invalid),
	    T(message_not_decodable_is_invalid),
	    T(tool_names_beyond_the_maximum_count_as_other),
	    T(worker_gone_in_the_call_is_unavailable_and_not_run_again),
	    T(worker_not_reached_another_runs_the_request),
	    T(worker_never_reached_ends_after_five_attempts),
	    T(worker_that_comes_late_gets_what_waits),
	    T(worker_passed_over_is_used_again_by_who_waits_then),
	    T(worker_passed_over_is_used_again_by_a_later_request),
	    T(queue_full_is_resource_exhausted),
	    T(queue_is_first_in_first_out),
	    T(queue_timeout_is_deadline_exceeded),
	    T(queue_deadline_of_the_client_ends_the_wait),
	    T(queue_timeout_of_the_pool_ends_a_request_without_deadline),
	    T(queue_cancelled_request_leaves_it),
	    T(active_cancelled_request_reaches_the_worker),
	    T(active_deadline_reaches_the_worker),
	    T(active_timeout_of_the_pool_ends_a_request_without_deadline),
	    T(active_capacity_is_used_and_not_exceeded),
	    T(active_request_outlives_the_withdrawal_of_its_worker),
	};
	int failed;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("runtime/request", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
