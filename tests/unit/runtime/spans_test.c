/* SPDX-License-Identifier: Apache-2.0 */
/* The spans that requests leave in the segment: one tree each, whatever became of them.
 */
#include "request_client.h"

#include "log/log.h"

#define SPANS_MAX 32

/* A worker that the front door knows of: who asks now does not wait for it. */
static void worker_seated(uint32_t slot)
{
	worker_up(slot);
	world_configured();
}

static struct snp_span spans[SPANS_MAX];
static size_t spans_nr;

static void read_spans(void)
{
	struct snp_ring_cursor cursor = {0};

	spans_nr = snp_segment_spans(world.segment, &cursor, spans, SPANS_MAX);
	assert_int_equal(cursor.lost, 0);
	look();
}

static unsigned spans_of(enum snp_enum_SPAN_KIND kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < spans_nr; i++)
		n += spans[i].kind == kind;
	return n;
}

/* The nth of a kind, which must be there. */
static const struct snp_span *span_at(enum snp_enum_SPAN_KIND kind, unsigned n)
{
	for (size_t i = 0; i < spans_nr; i++)
		if (spans[i].kind == kind && n-- == 0)
			return &spans[i];
	fail_msg("no such span");
	return NULL;
}

static const struct snp_span *the_request(void)
{
	assert_int_equal(spans_of(SNP_SPAN_KIND_REQUEST), 1);
	return span_at(SNP_SPAN_KIND_REQUEST, 0);
}

static const struct snp_span *the_attempt(void)
{
	assert_int_equal(spans_of(SNP_SPAN_KIND_ATTEMPT), 1);
	return span_at(SNP_SPAN_KIND_ATTEMPT, 0);
}

static void span_of_a_request_and_its_attempt(void **state)
{
	const struct snp_span *request, *attempt;

	(void)state;
	worker_seated(1);
	(void)ask_and_wait(traced("echo"));
	read_spans();
	request = the_request();
	attempt = the_attempt();
	assert_true(request->trace_id[0] == TRACE_HI);
	assert_true(request->trace_id[1] == TRACE_LO);
	assert_true(request->parent_span_id == PARENT_SPAN);
	assert_int_equal(request->flags,
			 SNP_SPAN_FLAGS_REMOTE | SNP_SPAN_FLAGS_IS_REMOTE | 1);
	assert_int_equal(request->status, 0);
	assert_int_equal(request->attempt, 1);
	assert_int_equal(request->slot, 1 + 1);
	assert_int_equal(request->incarnation, 1);
	assert_int_equal(request->queue_ns, 0);
	assert_int_equal(request->pool, world.pools[0]->index);
	assert_int_equal(request->tool, tool_row(0, "echo"));
	assert_true(request->pool_uid ==
		    snp_snapshot_row(world.snapshot, SNP_ROW_POOL, request->pool)->uid);
	assert_true(request->tool_uid ==
		    snp_snapshot_row(world.snapshot, SNP_ROW_TOOL, request->tool)->uid);
	assert_string_equal(request->correlation, "it-4711");
	assert_true(attempt->trace_id[0] == TRACE_HI);
	assert_true(attempt->trace_id[1] == TRACE_LO);
	assert_true(attempt->parent_span_id == request->span_id);
	assert_true(attempt->span_id != request->span_id && attempt->span_id != 0);
	assert_int_equal(attempt->attempt, 1);
	assert_int_equal(attempt->slot, 1 + 1);
	assert_string_equal(attempt->correlation, "it-4711");
	assert_in_range(attempt->start.ns, request->start.ns, attempt->end.ns);
	assert_in_range(attempt->end.ns, attempt->start.ns, request->end.ns);
}

static void span_without_a_traceparent_is_a_root_of_its_own(void **state)
{
	const struct snp_span *a, *b;

	(void)state;
	worker_seated(0);
	(void)ask_and_wait(ask_tool("echo"));
	(void)ask_and_wait((struct ask){.tool = "echo", .traceparent = "00-nonsense"});
	read_spans();
	assert_int_equal(spans_of(SNP_SPAN_KIND_REQUEST), 2);
	a = span_at(SNP_SPAN_KIND_REQUEST, 0);
	b = span_at(SNP_SPAN_KIND_REQUEST, 1);
	assert_true(a->trace_id[0] && a->trace_id[1] && a->span_id);
	assert_true(a->trace_id[0] != b->trace_id[0]);
	assert_true(a->span_id != b->span_id);
	assert_int_equal(a->parent_span_id, 0);
	assert_int_equal(b->parent_span_id, 0);
	assert_int_equal(b->flags, SNP_SPAN_FLAGS_REMOTE | TRACE_FLAG_RANDOM);
}

static void span_says_how_a_request_failed(void **state)
{
	static const struct {
		const char *tool;
		enum snp_enum_SPAN_STATUS status;
	} cases[] = {
	    {"fail", SNP_SPAN_STATUS_TOOL_ERROR},
	    {"missing", SNP_SPAN_STATUS_NOT_FOUND},
	    {"garbage", SNP_SPAN_STATUS_INTERNAL},
	};
	const unsigned n = sizeof(cases) / sizeof(cases[0]);

	(void)state;
	worker_seated(0);
	for (unsigned i = 0; i < n; i++)
		(void)ask_and_wait(ask_tool(cases[i].tool));
	read_spans();
	assert_int_equal(spans_of(SNP_SPAN_KIND_REQUEST), n);
	assert_int_equal(spans_of(SNP_SPAN_KIND_ATTEMPT), n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(span_at(SNP_SPAN_KIND_REQUEST, i)->status,
				 cases[i].status);
		assert_int_equal(span_at(SNP_SPAN_KIND_ATTEMPT, i)->status,
				 cases[i].status);
	}
}

static void span_of_a_request_that_reached_no_worker(void **state)
{
	const struct snp_span *request;

	(void)state;
	world.cfg[0].queue.timeout_ms = 50;
	world_configured();
	(void)ask_and_wait(traced("echo"));
	read_spans();
	request = the_request();
	assert_int_equal(spans_of(SNP_SPAN_KIND_ATTEMPT), 0);
	assert_int_equal(request->status, SNP_SPAN_STATUS_DEADLINE_EXCEEDED);
	assert_int_equal(request->slot, 0);
	assert_int_equal(request->attempt, 0);
	assert_int_equal(request->incarnation, 0);
	/* it did nothing else */
	assert_int_equal(request->queue_ns, request->end.ns - request->start.ns);
	assert_true(request->queue_ns >= 50 * SNP_NS_PER_MS);
}

static void span_says_how_long_a_request_waited(void **state)
{
	const struct snp_span *attempt, *request;
	struct reply *busy, *r;

	(void)state;
	worker_seated(0);
	busy = ask_start(ask_tool("hold"));
	wait_held(1);
	r = ask_start(ask_tool("echo"));
	wait_for_books(.active = 1, .queued = 1);
	world_release(1);
	reply_wait(busy);
	reply_wait(r);
	read_spans();
	request = span_at(SNP_SPAN_KIND_REQUEST, 1);
	attempt = span_at(SNP_SPAN_KIND_ATTEMPT, 1);
	assert_int_equal(attempt->tool, tool_row(0, "echo"));
	assert_true(attempt->queue_ns > 0);
	assert_int_equal(request->queue_ns, attempt->queue_ns);
	assert_in_range(attempt->start.ns, request->start.ns + request->queue_ns,
			request->end.ns);
}

/* The first worker cannot be reached: two attempts, of one request. */
static void span_of_a_retry_is_another_attempt(void **state)
{
	const struct snp_span *request, *first, *second;

	(void)state;
	link_open(0, 1); /* nobody listens there */
	link_publish(0);
	worker_seated(1);
	(void)ask_and_wait(traced("echo"));
	read_spans();
	request = the_request();
	assert_int_equal(request->attempt, 2);
	assert_int_equal(spans_of(SNP_SPAN_KIND_ATTEMPT), 2);
	/* of the rings of two loops, in the order of their banks */
	first = span_at(SNP_SPAN_KIND_ATTEMPT, 0);
	second = span_at(SNP_SPAN_KIND_ATTEMPT, 1);
	assert_int_equal(first->slot, 0 + 1);
	assert_int_equal(first->status, SNP_SPAN_STATUS_UNAVAILABLE);
	assert_int_equal(first->attempt, 1);
	assert_int_equal(second->slot, 1 + 1);
	assert_int_equal(second->status, 0);
	assert_int_equal(second->attempt, 2);
	assert_true(first->parent_span_id == request->span_id);
	assert_true(second->parent_span_id == request->span_id);
	assert_int_equal(request->slot, 1 + 1);
	assert_int_equal(request->status, 0);
	assert_true(request->queue_ns >= first->queue_ns + second->queue_ns);
}

/* Refused before it was a pool's: a span of no pool and no tool. */
static void span_of_what_is_turned_away(void **state)
{
	const struct snp_span *request;

	(void)state;
	(void)ask_and_wait((struct ask){
	    .tool = "echo", .pool = "nowhere", .traceparent = TRACEPARENT});
	read_spans();
	request = the_request();
	assert_int_equal(spans_nr, 1);
	assert_int_equal(request->status, SNP_SPAN_STATUS_NOT_FOUND);
	assert_int_equal(request->pool, UINT32_MAX);
	assert_int_equal(request->tool, UINT32_MAX);
	assert_int_equal(request->pool_uid, 0);
	assert_int_equal(request->tool_uid, 0);
	assert_true(request->parent_span_id == PARENT_SPAN);
}

/* Whoever else sends that metadata is a client all the same. */
static void span_of_the_program_itself_needs_its_key(void **state)
{
	static const char *const wrong[] = {"", "1", "sp-0123456789abcdef01234567"};
	const unsigned n = sizeof(wrong) / sizeof(wrong[0]);

	(void)state;
	worker_seated(0);
	for (unsigned i = 0; i < n; i++)
		(void)ask_and_wait((struct ask){.tool = "echo", .key = wrong[i]});
	(void)ask_and_wait(
	    (struct ask){.tool = "echo", .key = world.front.program_key});
	read_spans();
	assert_int_equal(spans_of(SNP_SPAN_KIND_REQUEST), n + 1);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(span_at(SNP_SPAN_KIND_REQUEST, i)->method,
				 SNP_SPAN_METHOD_POOL_EXECUTE);
	assert_int_equal(span_at(SNP_SPAN_KIND_REQUEST, n)->method,
			 SNP_SPAN_METHOD_C_API);
}

/* ---- Trees --------------------------------------------------------------- */

static void set_tracing(void *arg)
{
	world.front.tracing = *(const struct tracing *)arg;
}

static void trace_with(enum snp_cfg_sampler sampler)
{
	const struct snp_cfg_traces cfg = {.sampler = sampler, .ratio = 1};
	struct tracing tracing = {.on = true};

	assert_int_equal(trace_sampler_init(&tracing.sampler, &cfg, NULL, NULL), 0);
	rpc_loop_run(world.front.loop.rpc, set_tracing, &tracing);
}

/* Whether the worker that was reached as number `n` was told of this span. */
static void assert_worker_saw(unsigned n, const struct snp_span *attempt)
{
	struct trace_context seen;

	assert_true(trace_context_parse(rpc_str_of(world.seen_parent[n]), &seen));
	assert_true(seen.id[0] == attempt->trace_id[0]);
	assert_true(seen.id[1] == attempt->trace_id[1]);
	assert_true(seen.span == attempt->span_id);
	assert_int_equal(seen.flags, attempt->flags & SNP_SPAN_FLAGS_W3C);
}

/* The spans there are make one tree of the client's trace: one request and so many
 * below it, each inside its time, with ids of their own and these flags. */
static const struct snp_span *assert_tree(unsigned queues, unsigned attempts)
{
	const unsigned flags = SNP_SPAN_FLAGS_EXPORT | SNP_SPAN_FLAGS_REMOTE | 1;
	const struct snp_span *request;

	read_spans();
	request = the_request();
	assert_int_equal(spans_of(SNP_SPAN_KIND_QUEUE), queues);
	assert_int_equal(spans_of(SNP_SPAN_KIND_ATTEMPT), attempts);
	assert_true(request->parent_span_id == PARENT_SPAN);
	assert_int_equal(request->flags, flags | SNP_SPAN_FLAGS_IS_REMOTE);
	assert_int_equal(request->attempt, attempts);
	for (size_t i = 0; i < spans_nr; i++) {
		const struct snp_span *span = &spans[i];

		assert_true(span->trace_id[0] == TRACE_HI);
		assert_true(span->trace_id[1] == TRACE_LO);
		assert_string_equal(span->correlation, "it-4711");
		assert_true(span->span_id != 0);
		for (size_t k = 0; k < i; k++)
			assert_true(span->span_id != spans[k].span_id);
		if (span == request)
			continue;
		assert_true(span->parent_span_id == request->span_id);
		assert_int_equal(span->flags, flags);
		assert_in_range(span->start.ns, request->start.ns, span->end.ns);
		assert_in_range(span->end.ns, span->start.ns, request->end.ns);
	}
	return request;
}

static void t05_tree_of_a_request(void **state)
{
	const struct snp_span *request, *attempt;

	(void)state;
	trace_with(SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON);
	worker_seated(1);
	(void)ask_and_wait(traced("echo"));
	request = assert_tree(0, 1);
	attempt = the_attempt();
	assert_int_equal(request->method, SNP_SPAN_METHOD_POOL_EXECUTE);
	assert_int_equal(request->status, SNP_SPAN_STATUS_OK);
	assert_int_equal(attempt->method, SNP_SPAN_METHOD_BRIDGE_EXECUTE_TOOL);
	assert_int_equal(attempt->status, SNP_SPAN_STATUS_OK);
	assert_worker_saw(0, attempt);
}

static void t05_tree_of_a_request_that_waited(void **state)
{
	const struct snp_span *request, *queue, *attempt;
	struct reply *r;

	(void)state;
	trace_with(SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON);
	r = ask_start(traced("echo"));
	wait_for_books(.queued = 1);
	worker_up(0);
	reply_wait(r);
	request = assert_tree(1, 1);
	queue = span_at(SNP_SPAN_KIND_QUEUE, 0);
	attempt = the_attempt();
	assert_int_equal(queue->method, SNP_SPAN_METHOD_CHECKOUT);
	assert_int_equal(queue->status, SNP_SPAN_STATUS_OK);
	assert_int_equal(queue->slot, 0);
	assert_int_equal(queue->start.ns, request->start.ns);
	assert_int_equal(queue->end.ns - queue->start.ns, request->queue_ns);
	assert_in_range(attempt->start.ns, queue->end.ns, attempt->end.ns);
	assert_worker_saw(0, attempt);
}

/* The first worker cannot be reached, and the second is waited for. */
static void t05_tree_of_a_retry(void **state)
{
	const struct snp_span *first, *second;

	(void)state;
	trace_with(SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON);
	link_open(0, 1); /* nobody listens there */
	link_publish(0);
	worker_seated(1);
	(void)ask_and_wait(traced("echo"));
	(void)assert_tree(1, 2);
	first = span_at(SNP_SPAN_KIND_ATTEMPT, 0);
	second = span_at(SNP_SPAN_KIND_ATTEMPT, 1);
	assert_int_equal(first->status, SNP_SPAN_STATUS_UNAVAILABLE);
	assert_int_equal(second->status, SNP_SPAN_STATUS_OK);
	assert_int_equal(second->attempt, 2);
	assert_worker_saw(0, second);
}

static void t05_tree_of_a_stream(void **state)
{
	struct ask ask = traced("count");
	const struct snp_span *request;

	(void)state;
	trace_with(SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON);
	worker_seated(0);
	ask.stream = true;
	(void)ask_and_wait(ask);
	request = assert_tree(0, 1);
	assert_int_equal(request->method, SNP_SPAN_METHOD_POOL_EXECUTE_STREAM);
	assert_int_equal(the_attempt()->method,
			 SNP_SPAN_METHOD_BRIDGE_EXECUTE_STREAMING_TOOL);
	assert_worker_saw(0, the_attempt());
}

static void t05_tree_of_a_request_whose_time_is_up(void **state)
{
	const struct snp_span *request;

	(void)state;
	trace_with(SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON);
	world.cfg[0].request_timeout_ms = ASK_COMES_IN_MS;
	world_configured();
	worker_seated(0);
	(void)ask_and_wait(traced("hold"));
	request = assert_tree(0, 1);
	assert_int_equal(request->status, SNP_SPAN_STATUS_DEADLINE_EXCEEDED);
	assert_int_equal(the_attempt()->status, SNP_SPAN_STATUS_DEADLINE_EXCEEDED);
	assert_worker_saw(0, the_attempt());
}

static bool is_recorded(void)
{
	read_spans();
	return spans_of(SNP_SPAN_KIND_REQUEST) == 1;
}

/* The client's own deadline ends the call of the worker with the client's. */
static void t05_tree_of_a_request_whose_client_gave_up(void **state)
{
	struct ask ask = traced("hold");
	const struct snp_span *request;

	(void)state;
	trace_with(SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON);
	worker_seated(0);
	ask.deadline_ms = ASK_COMES_IN_MS;
	(void)ask_and_wait(ask);
	wait_until(is_recorded()); /* it ends here when it has ended there */
	request = assert_tree(0, 1);
	assert_int_equal(request->status, SNP_SPAN_STATUS_DEADLINE_EXCEEDED);
	assert_int_equal(the_attempt()->status, SNP_SPAN_STATUS_DEADLINE_EXCEEDED);
}

static void t05_tree_of_a_request_that_waited_in_vain(void **state)
{
	const struct snp_span *request, *queue;

	(void)state;
	trace_with(SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON);
	world.cfg[0].queue.timeout_ms = 50;
	world_configured();
	(void)ask_and_wait(traced("echo"));
	request = assert_tree(1, 0);
	queue = span_at(SNP_SPAN_KIND_QUEUE, 0);
	assert_int_equal(queue->status, SNP_SPAN_STATUS_DEADLINE_EXCEEDED);
	assert_int_equal(queue->start.ns, request->start.ns);
	assert_int_equal(queue->end.ns, request->end.ns);
}

static void t05_tree_of_a_request_whose_worker_was_killed(void **state)
{
	const struct snp_span *request;
	struct reply *r;

	(void)state;
	trace_with(SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON);
	worker_seated(0);
	r = ask_start(traced("hold"));
	wait_held(1);
	fake_stop(&world.fakes[0]);
	reply_wait(r);
	request = assert_tree(0, 1);
	assert_int_equal(request->status, SNP_SPAN_STATUS_UNAVAILABLE);
	assert_int_equal(the_attempt()->status, SNP_SPAN_STATUS_UNAVAILABLE);
	assert_worker_saw(0, the_attempt());
}

/* ---- Sampling ------------------------------------------------------------ */

/* Recorded like any other, for this host; the worker hears that it is not sampled. */
static void t06_not_sampled_leaves_nothing_that_leaves_the_host(void **state)
{
	(void)state;
	trace_with(SNP_CFG_SAMPLER_ALWAYS_OFF);
	worker_seated(0);
	(void)ask_and_wait(traced("echo"));
	read_spans();
	assert_int_equal(the_request()->flags,
			 SNP_SPAN_FLAGS_REMOTE | SNP_SPAN_FLAGS_IS_REMOTE);
	assert_int_equal(the_attempt()->flags, SNP_SPAN_FLAGS_REMOTE);
	assert_string_equal(the_request()->correlation, "it-4711");
	assert_worker_saw(0, the_attempt());
}

static void t06_parent_that_is_not_sampled_is_followed(void **state)
{
	(void)state;
	trace_with(SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON);
	worker_seated(0);
	(void)ask_and_wait((struct ask){
	    .tool = "echo",
	    .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"});
	read_spans();
	assert_int_equal(the_request()->flags & SNP_SPAN_FLAGS_EXPORT, 0);
	assert_worker_saw(0, the_attempt());
}

static void root_is_sampled_where_tracing_is_on(void **state)
{
	(void)state;
	trace_with(SNP_CFG_SAMPLER_PARENTBASED_ALWAYS_ON);
	worker_seated(0);
	(void)ask_and_wait(ask_tool("echo"));
	read_spans();
	assert_int_equal(the_request()->parent_span_id, 0);
	assert_int_equal(the_request()->flags,
			 SNP_SPAN_FLAGS_EXPORT | SNP_SPAN_FLAGS_REMOTE |
			     TRACE_FLAG_SAMPLED | TRACE_FLAG_RANDOM);
	assert_worker_saw(0, the_attempt());
}

static void tracing_off_passes_the_context_through(void **state)
{
	(void)state;
	worker_seated(0);
	(void)ask_and_wait(traced("echo"));
	read_spans();
	assert_int_equal(the_request()->flags & SNP_SPAN_FLAGS_EXPORT, 0);
	assert_string_equal(world.seen_parent[0], TRACEPARENT);
}

/* A client's span and ours of one call have one name. */
static void t11_methods_are_named_as_grpc_names_them(void **state)
{
	static const struct {
		enum snp_enum_SPAN_METHOD method;
		const char *path;
	} methods[] = {
	    {SNP_SPAN_METHOD_POOL_EXECUTE, RPC_METHOD_POOL_EXECUTE},
	    {SNP_SPAN_METHOD_POOL_EXECUTE_STREAM, RPC_METHOD_POOL_EXECUTE_STREAM},
	    {SNP_SPAN_METHOD_BRIDGE_EXECUTE_TOOL, RPC_METHOD_BRIDGE_EXECUTE},
	    {SNP_SPAN_METHOD_BRIDGE_EXECUTE_STREAMING_TOOL,
	     RPC_METHOD_BRIDGE_EXECUTE_STREAM},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		assert_string_equal(
		    snp_enum_text(SNP_ENUM_TABLE_SPAN_METHOD, methods[i].method),
		    methods[i].path + 1);
	assert_string_equal(
	    snp_enum_text(SNP_ENUM_TABLE_SPAN_METHOD, SNP_SPAN_METHOD_OTHER), "_OTHER");
}

/* ---- Times --------------------------------------------------------------- */

/* By the same readings of the clock, so to the nanosecond. */
static void t13_span_lasts_as_long_as_its_metrics_say(void **state)
{
	const struct snp_metric *duration, *wait;
	const struct snp_span *request;
	const uint64_t *words;
	struct reply *r;

	(void)state;
	r = ask_start(traced("echo"));
	wait_for_books(.queued = 1);
	worker_up(0);
	reply_wait(r);
	read_spans();
	request = the_request();
	duration =
	    snp_snapshot_metric_find(world.snapshot, "snakepit.request.duration");
	words = snp_snapshot_hist(world.snapshot, duration, request->tool, 0);
	assert_int_equal(words[duration->nbuckets + 2],
			 request->end.ns - request->start.ns);
	wait = snp_snapshot_metric_find(world.snapshot,
					"snakepit.pool.queue.wait.duration");
	words = snp_snapshot_hist(world.snapshot, wait, request->pool, 0);
	assert_int_equal(words[wait->nbuckets + 2], request->queue_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	    T(span_of_a_request_and_its_attempt),
	    T(span_without_a_traceparent_is_a_root_of_its_own),
	    T(span_says_how_a_request_failed),
	    T(span_of_a_request_that_reached_no_worker),
	    T(span_says_how_long_a_request_waited),
	    T(span_of_a_retry_is_another_attempt),
	    T(span_of_what_is_turned_away),
	    T(span_of_the_program_itself_needs_its_key),
	    T(t05_tree_of_a_request),
	    T(t05_tree_of_a_request_that_waited),
	    T(t05_tree_of_a_retry),
	    T(t05_tree_of_a_stream),
	    T(t05_tree_of_a_request_whose_time_is_up),
	    T(t05_tree_of_a_request_whose_client_gave_up),
	    T(t05_tree_of_a_request_that_waited_in_vain),
	    T(t05_tree_of_a_request_whose_worker_was_killed),
	    T(t06_not_sampled_leaves_nothing_that_leaves_the_host),
	    T(t06_parent_that_is_not_sampled_is_followed),
	    T(root_is_sampled_where_tracing_is_on),
	    T(tracing_off_passes_the_context_through),
	    T(t11_methods_are_named_as_grpc_names_them),
	    T(t13_span_lasts_as_long_as_its_metrics_say),
	};
	int failed;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("runtime/spans", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
