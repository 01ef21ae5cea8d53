/* SPDX-License-Identifier: Apache-2.0 */
/* What requests leave in the segment: in flight, events, what did not fit. */
#include "request_client.h"

#include "log/log.h"

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
