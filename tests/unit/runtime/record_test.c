/* SPDX-License-Identifier: Apache-2.0 */
/* What requests leave in the segment: in flight, spans, events, what did not fit. */
#include "request_client.h"

#include "log/log.h"

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define TRACE_HI    UINT64_C(0x0af7651916cd43dd)
#define TRACE_LO    UINT64_C(0x8448eb211c80319c)
#define PARENT_SPAN UINT64_C(0xb7ad6b7169203331)
#define SPANS_MAX   32

static struct ask traced(const char *tool)
{
	return (struct ask){
	    .tool = tool, .correlation = "it-4711", .traceparent = TRACEPARENT};
}

static void wait_held(unsigned n)
{
	wait_until(atomic_load(&world.n_held) == n);
}

static uint64_t overflows(enum snp_enum_OVERFLOW which)
{
	look();
	return seen("snakepit.segment.overflows", 0, which);
}

/* ---- In flight ----------------------------------------------------------- */

static size_t in_flight(struct snp_inflight *ret, size_t max)
{
	return snp_segment_inflight(world.segment, ret, max);
}

static void in_flight_shows_a_request_while_it_runs(void **state)
{
	struct snp_inflight found;
	struct reply *r;
	uint64_t now_ns;

	(void)state;
	worker_up(1);
	assert_int_equal(in_flight(&found, 1), 0);
	r = ask_start(traced("hold"));
	wait_held(1);
	assert_int_equal(in_flight(&found, 1), 1);
	look();
	now_ns = snp_mono_now().ns;
	assert_int_equal(found.worker, slot_of(1)->worker_row);
	assert_int_equal(found.tool, tool_row(0, "hold"));
	assert_int_equal(found.incarnation, 1);
	assert_true(found.trace_id[0] == TRACE_HI && found.trace_id[1] == TRACE_LO);
	assert_string_equal(found.correlation, "it-4711");
	assert_in_range(found.start.ns, found.received.ns, now_ns);
	assert_true(found.deadline.ns > now_ns);
	world_release(1);
	reply_wait(r);
	assert_int_equal(in_flight(&found, 1), 0);
}

static void in_flight_shows_every_request_of_a_worker(void **state)
{
	struct snp_inflight found[4];
	struct reply *a, *b;

	(void)state;
	worker_up(0);
	worker_up(1);
	a = ask_start(ask_tool("hold"));
	b = ask_start(ask_tool("hold"));
	wait_held(2);
	assert_int_equal(in_flight(found, 4), 2);
	assert_int_not_equal(found[0].worker, found[1].worker);
	assert_true(found[0].trace_id[1] != found[1].trace_id[1]);
	world_release(2);
	reply_wait(a);
	reply_wait(b);
	assert_int_equal(in_flight(found, 4), 0);
}

/* More at once than the segment has places for: counted, and nothing else changes. */
static void in_flight_without_a_place_is_counted(void **state)
{
	struct snp_inflight found[4];
	struct reply *first, *second, *third;

	(void)state;
	fake_start(&world.fakes[0]);
	link_open(0, 2); /* of which the pool's configuration says one */
	link_publish(0);
	first = ask_start(ask_tool("hold"));
	wait_held(1);
	second = ask_start(ask_tool("hold"));
	wait_held(2);
	assert_int_equal(in_flight(found, 4), 1);
	assert_int_equal(overflows(SNP_OVERFLOW_IN_FLIGHT), 1);
	assert_worker(0, 2, 0, 2);
	world_release(2);
	reply_wait(first);
	reply_wait(second);
	third = ask_start(ask_tool("hold"));
	wait_held(1);
	assert_int_equal(in_flight(found, 4), 1);
	assert_int_equal(overflows(SNP_OVERFLOW_IN_FLIGHT), 1);
	world_release(1);
	reply_wait(third);
}

/* The place belongs to the slot: what is left of an earlier process keeps its own. */
static void in_flight_of_a_lost_worker_makes_room_for_the_next(void **state)
{
	struct snp_inflight found[4];
	struct reply *r;

	(void)state;
	worker_up(0);
	r = ask_start(ask_tool("hold"));
	wait_held(1);
	worker_down(0);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_UNAVAILABLE);
	assert_int_equal(in_flight(found, 4), 0);
	worker_up(0);
	r = ask_start(ask_tool("hold"));
	wait_held(1);
	assert_int_equal(in_flight(found, 4), 1);
	assert_int_equal(found[0].incarnation, 2);
	assert_int_equal(overflows(SNP_OVERFLOW_IN_FLIGHT), 0);
	world_release(1);
	reply_wait(r);
}

/* ---- Spans --------------------------------------------------------------- */

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
	worker_up(1);
	(void)ask_and_wait(traced("echo"));
	read_spans();
	request = the_request();
	attempt = the_attempt();
	assert_true(request->trace_id[0] == TRACE_HI);
	assert_true(request->trace_id[1] == TRACE_LO);
	assert_true(request->parent_span_id == PARENT_SPAN);
	assert_int_equal(request->flags, 1);
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
	worker_up(0);
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
	assert_int_equal(b->flags, TRACE_FLAG_RANDOM);
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
	worker_up(0);
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
	worker_up(0);
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
	worker_up(1);
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

/* Refused before it was a pool's: there is no row it could belong to. */
static void span_of_what_is_turned_away_is_not_recorded(void **state)
{
	(void)state;
	(void)ask_and_wait((struct ask){.tool = "echo", .pool = "nowhere"});
	read_spans();
	assert_int_equal(spans_nr, 0);
}

/* ---- Which request a worker ended with ----------------------------------- */

static void suspect_is_the_request_that_a_worker_runs(void **state)
{
	struct link *link;
	uint64_t id[2];
	struct reply *r;

	(void)state;
	worker_up(0);
	link = link_ref(world.fakes[0].link);
	link_suspect(link, id);
	assert_true(id[0] == 0 && id[1] == 0);
	r = ask_start(traced("hold"));
	wait_held(1);
	link_suspect(link, id);
	assert_true(id[0] == TRACE_HI && id[1] == TRACE_LO);
	world_release(1);
	reply_wait(r);
	link_suspect(link, id);
	assert_true(id[0] == 0 && id[1] == 0);
	link_unref(link);
}

static void suspect_stays_when_the_worker_is_lost(void **state)
{
	struct link *link;
	uint64_t id[2];
	struct reply *r;

	(void)state;
	worker_up(0);
	link = link_ref(world.fakes[0].link);
	r = ask_start(traced("hold"));
	wait_held(1);
	fake_stop(&world.fakes[0]);
	reply_wait(r);
	assert_int_equal(r->status.code, RPC_UNAVAILABLE);
	link_suspect(link, id);
	assert_true(id[0] == TRACE_HI && id[1] == TRACE_LO);
	link_unref(link);
}

static void suspect_is_nobody_among_several(void **state)
{
	struct reply *a, *b;
	struct link *link;
	uint64_t id[2];

	(void)state;
	fake_start(&world.fakes[0]);
	link_open(0, 2);
	link_publish(0);
	link = link_ref(world.fakes[0].link);
	a = ask_start(traced("hold"));
	b = ask_start(traced("hold"));
	wait_held(2);
	link_suspect(link, id);
	assert_true(id[0] == 0 && id[1] == 0);
	world_release(2);
	reply_wait(a);
	reply_wait(b);
	link_unref(link);
}

static bool missed_with_trace(void)
{
	struct snp_ring_cursor cursor = {0};
	struct snp_event events[64];
	size_t n = snp_segment_events(world.segment, &cursor, events, 64);

	for (size_t i = 0; i < n; i++)
		if (events[i].kind == SNP_EVENT_KIND_HEARTBEAT_MISSED)
			return events[i].trace_id[0] == TRACE_HI &&
			       events[i].trace_id[1] == TRACE_LO;
	return false;
}

static void event_of_a_missed_heartbeat_names_the_request(void **state)
{
	struct reply *r;

	(void)state;
	world.cfg[0].heartbeat.enabled = true;
	worker_up(0);
	r = ask_start(traced("hold"));
	wait_held(1);
	atomic_store(&world.fakes[0].mute, true);
	wait_until(missed_with_trace());
	atomic_store(&world.fakes[0].mute, false);
	world_release(1);
	reply_wait(r);
}

/* ---- Tools --------------------------------------------------------------- */

static void tool_beyond_the_maximum_is_counted_each_time(void **state)
{
	char name[16];

	(void)state;
	worker_up(0);
	for (unsigned i = 0; i < WORLD_TOOLS + 3; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		(void)ask_and_wait(ask_tool(name));
	}
	assert_int_equal(overflows(SNP_OVERFLOW_TOOL_ROWS), 3);
	(void)ask_and_wait(ask_tool(name));
	assert_int_equal(overflows(SNP_OVERFLOW_TOOL_ROWS), 4);
	(void)ask_and_wait(ask_tool("t0"));
	assert_int_equal(overflows(SNP_OVERFLOW_TOOL_ROWS), 4);
	assert_tool(TOOLS_OTHER, 4, 0, SNP_FAILURE_CODE_OTHER);
}

/* As if ten minutes had passed. */
static void pass_time(void *arg)
{
	struct tools *tools = &world.pools[1]->tools;

	(void)arg;
	for (uint32_t i = 0; i < tools->max; i++)
		tools->entries[i].last_used.ns = 0;
	tools->evict_after.ns = 0;
	world.pools[0]->tools.ask_after.ns = 0;
}

static bool is_retired(uint32_t row)
{
	look();
	return snp_snapshot_row(world.snapshot, SNP_ROW_TOOL, row)->tombstone;
}

/* The rows are the segment's, so a pool that has too many idle ones gives one back. */
static void tool_of_another_pool_gives_way_in_a_full_segment(void **state)
{
	struct snp_row_decl decl = {.kind = SNP_ROW_TOOL, .name = "x"};
	uint32_t row, idle;

	(void)state;
	if (snp_mono_now().ns < TOOLS_IDLE_MS * SNP_NS_PER_MS)
		snp_test_skip("the machine runs for less than ten minutes");
	worker_up(0);
	worker_up(WORLD_WORKERS);
	(void)ask_and_wait((struct ask){.tool = "echo", .pool = "other"});
	look();
	idle = tool_row(world.pools[1]->index, "echo");
	assert_int_not_equal(idle, UINT32_MAX);
	while (snp_row_declare(world.writer, &decl, &row, NULL) == 0)
		;
	(void)ask_and_wait(ask_tool("echo"));
	assert_int_equal(overflows(SNP_OVERFLOW_TOOL_ROWS), 1);
	rcu_wait();
	assert_false(is_retired(idle)); /* not idle for long enough */
	rpc_loop_run(world.front.loop.rpc, pass_time, NULL);
	(void)ask_and_wait(ask_tool("echo"));
	rcu_wait();
	assert_true(is_retired(idle));
}

/* ---- Threads ------------------------------------------------------------- */

static bool threads_wait(void)
{
	struct snp_thread threads[8];
	size_t n = snp_segment_threads(world.segment, threads, 8);
	unsigned front = 0, loops = 0;

	for (size_t i = 0; i < n; i++) {
		front += strcmp(threads[i].name, "snp-front") == 0;
		loops += strcmp(threads[i].name, "loop") == 0;
		if (threads[i].busy_since.ns || threads[i].tid == getpid())
			return false;
	}
	return n == 2 && front == 1 && loops == 1;
}

static void threads_are_there_with_their_names_and_wait(void **state)
{
	(void)state;
	wait_until(threads_wait());
}

static void look_who_is_busy(void *arg)
{
	struct snp_thread threads[8];
	size_t n = snp_segment_threads(world.segment, threads, 8);

	for (size_t i = 0; i < n; i++)
		if (threads[i].busy_since.ns)
			*(struct snp_thread *)arg = threads[i];
}

static void threads_at_work_say_since_when(void **state)
{
	struct snp_thread busy = {.tid = 0};

	(void)state;
	wait_until(threads_wait());
	rpc_loop_run(world.loop.rpc, look_who_is_busy, &busy);
	assert_int_not_equal(busy.tid, 0);
	assert_string_equal(busy.name, "loop");
	assert_in_range(busy.busy_since.ns, snp_mono_now().ns - 60 * SNP_NS_PER_S,
			snp_mono_now().ns);
	wait_until(threads_wait());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	    T(in_flight_shows_a_request_while_it_runs),
	    T(in_flight_shows_every_request_of_a_worker),
	    T(in_flight_without_a_place_is_counted),
	    T(in_flight_of_a_lost_worker_makes_room_for_the_next),
	    T(span_of_a_request_and_its_attempt),
	    T(span_without_a_traceparent_is_a_root_of_its_own),
	    T(span_says_how_a_request_failed),
	    T(span_of_a_request_that_reached_no_worker),
	    T(span_says_how_long_a_request_waited),
	    T(span_of_a_retry_is_another_attempt),
	    T(span_of_what_is_turned_away_is_not_recorded),
	    T(suspect_is_the_request_that_a_worker_runs),
	    T(suspect_stays_when_the_worker_is_lost),
	    T(suspect_is_nobody_among_several),
	    T(event_of_a_missed_heartbeat_names_the_request),
	    T(tool_beyond_the_maximum_is_counted_each_time),
	    T(tool_of_another_pool_gives_way_in_a_full_segment),
	    T(threads_are_there_with_their_names_and_wait),
	    T(threads_at_work_say_since_when),
	};
	int failed;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("runtime/record", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
