/* SPDX-License-Identifier: Apache-2.0 */
/* What workers report by themselves: how much is kept, what is refused, the stream. */
#include "request_client.h"

#include "log/log.h"

/* ---- How much, and what -------------------------------------------------- */

static void rate_takes_then_drops_then_pauses_until_the_next_second(void **state)
{
	struct telemetry_rate rate = {0};
	snp_mono_t now = {5 * SNP_NS_PER_S};

	(void)state;
	for (int second = 0; second < 3; second++) {
		for (int i = 0; i < 3; i++)
			assert_int_equal(telemetry_rate_judge(&rate, 3, now),
					 TELEMETRY_TAKE);
		for (int i = 0; i < 2; i++)
			assert_int_equal(telemetry_rate_judge(&rate, 3, now),
					 TELEMETRY_DROP);
		now = snp_mono_add_ms(now, 999);
		assert_int_equal(telemetry_rate_judge(&rate, 3, now),
				 TELEMETRY_DROP_AND_PAUSE);
		now = snp_mono_add_ms(now, 1);
		assert_int_equal(telemetry_rate_next(&rate).ns, now.ns);
	}
}

static void rate_of_one_takes_one_a_second(void **state)
{
	struct telemetry_rate rate = {0};
	snp_mono_t now = {1};

	(void)state;
	assert_int_equal(telemetry_rate_judge(&rate, 1, now), TELEMETRY_TAKE);
	assert_int_equal(telemetry_rate_judge(&rate, 1, now), TELEMETRY_DROP_AND_PAUSE);
	now = telemetry_rate_next(&rate);
	assert_int_equal(telemetry_rate_judge(&rate, 1, now), TELEMETRY_TAKE);
}

static void names_are_joined_or_refused(void **state)
{
	static const char long_part[] = /* 126 bytes */
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	static const struct {
		const char *parts[4];
		size_t n;
		const char *name; /* NULL: refused */
	} cases[] = {
	    {{"tool", "execution", "stop"}, 3, "tool.execution.stop"},
	    {{"x"}, 1, "x"},
	    {{NULL}, 0, NULL},
	    {{"tool", ""}, 2, NULL},
	    {{long_part}, 1, long_part},
	    {{long_part, "y"}, 2, NULL},
	    {{long_part, long_part}, 2, NULL},
	};
	char name[TELEMETRY_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rpc_texts parts = {cases[i].parts, cases[i].n};

		assert_int_equal(telemetry_name(&parts, name), cases[i].name != NULL);
		if (cases[i].name)
			assert_string_equal(name, cases[i].name);
	}
}

/* ---- A worker that reports ----------------------------------------------- */

/* TelemetryEvent{event_parts: ["tool", "stop"], measurements: {"n": 7}} */
#define GOOD "\x0a\x04tool\x0a\x04stop\x12\x07\x0a\x01n\x12\x02\x08\x07"

struct text {
	const char *bytes;
	size_t len;
};

/* What the worker of this test sends on each stream; fake loop. */
static const struct text *script;
static size_t script_n;
static enum { STAYS, ENDS, GOES_ROUND } script_end;
static atomic_uint opened, cancelled;

struct telling {
	size_t sent;
	bool over;
};

static void tell_next(struct rpc_server_call *call)
{
	struct telling *t = rpc_server_call_user(call);
	struct rpc_buf *message;

	if (t->over)
		return;
	if (t->sent == script_n && script_end == GOES_ROUND)
		t->sent = 0;
	if (t->sent == script_n) {
		t->over = script_end == ENDS;
		if (t->over)
			rpc_server_call_finish(call, NULL, RPC_OK, NULL);
		return;
	}
	message = rpc_buf_from_bytes(script[t->sent].bytes, script[t->sent].len);
	t->sent++;
	(void)rpc_server_call_send(call,
				   message); /* -ECANCELED: on_cancelled follows */
	rpc_buf_unref(message);
}

static void tell_cancelled(struct rpc_server_call *call)
{
	struct telling *t = rpc_server_call_user(call);

	atomic_fetch_add(&cancelled, 1);
	if (!t->over)
		rpc_server_call_finish(call, NULL, RPC_CANCELLED, NULL);
	t->over = true;
}

static void tell(struct rpc_server_call *call, struct rpc_buf *request, void *user)
{
	static const struct rpc_server_call_ops ops = {.on_writable = tell_next,
						       .on_cancelled = tell_cancelled,
						       .on_done = held_done};
	struct telling *t = calloc(1, sizeof(*t));

	(void)request;
	(void)user;
	atomic_fetch_add(&opened, 1);
	rpc_server_call_set_ops(call, &ops, t);
	tell_next(call);
}

static int set_up(void **state)
{
	script = NULL;
	script_n = 0;
	script_end = STAYS;
	atomic_store(&opened, 0);
	atomic_store(&cancelled, 0);
	(void)world_set_up(state);
	world.telemetry = (struct snp_cfg_telemetry_events){
	    .enabled = true, .sampling_rate = 1, .max_per_s = 1000};
	world.fakes[0].telemetry = tell;
	world.cfg[0].heartbeat.enabled = true;
	return 0;
}

static void worker_that_tells(const struct text *texts, size_t n)
{
	script = texts;
	script_n = n;
	worker_up(0);
}

static uint64_t kept(void)
{
	look();
	return seen("snakepit.telemetry.events", 0, 0);
}

static uint64_t dropped(void)
{
	look();
	return seen("snakepit.telemetry.events.dropped", 0, 0);
}

/* The one event of that kind in the rings. */
static struct snp_event last_event(void)
{
	struct snp_ring_cursor cursor = {0};
	struct snp_event events[64];
	size_t n = snp_segment_events(world.segment, &cursor, events, 64), found = n;

	for (size_t i = 0; i < n; i++)
		if (events[i].kind == SNP_EVENT_KIND_PYTHON_EVENT) {
			assert_int_equal(found, n);
			found = i;
		}
	assert_true(found < n);
	return events[found];
}

static void event_is_counted_and_kept_with_its_number(void **state)
{
	static const struct text texts[] = {{GOOD, sizeof(GOOD) - 1}};
	struct snp_event event;

	(void)state;
	worker_that_tells(texts, 1);
	wait_until(kept() == 1);
	assert_int_equal(dropped(), 0);
	event = last_event();
	assert_int_equal(event.value[0], 7);
	assert_int_equal(event.value[1], 1);
	assert_int_equal(event.slot, 0);
	assert_int_equal(event.incarnation, 1);
	assert_int_equal(event.pid, 4711);
}

static void without_being_asked_for_no_stream_is_opened(void **state)
{
	static const struct text texts[] = {{GOOD, sizeof(GOOD) - 1}};

	(void)state;
	world.telemetry.enabled = false;
	worker_that_tells(texts, 1);
	/* The stream would have been opened before the first of these. */
	wait_until(
	    (look(), seen("snakepit.heartbeat.pongs", slot_of(0)->worker_row, 0) >= 3));
	assert_int_equal(atomic_load(&opened), 0);
}

static void idle_stream_stays_open(void **state)
{
	(void)state;
	worker_that_tells(NULL, 0);
	wait_until(atomic_load(&opened) == 1);
	wait_until(
	    (look(), seen("snakepit.heartbeat.pongs", slot_of(0)->worker_row, 0) >= 3));
	assert_int_equal(atomic_load(&opened), 1);
	assert_int_equal(atomic_load(&cancelled), 0);
	link_withdraw(0);
	wait_until(atomic_load(&cancelled) == 1);
}

static void events_that_make_no_sense_are_dropped_and_counted(void **state)
{
	static char huge[TELEMETRY_EVENT_BYTES + 1];
	static const struct text texts[] = {
	    {"", 0},		     /* no name */
	    {"\xff\xff\xff", 3},     /* not a message */
	    {"\x0a\x02\xc3\x28", 4}, /* a name that is not UTF-8 */
	    {"\x0a\x00", 2},	     /* an empty part */
	    {"\x0a\x02"
	     "a\x00",
	     4},		  /* a NUL in it */
	    {"\x0a\x7fshort", 7}, /* shorter than it says */
	    {huge, sizeof(huge)},
	    {GOOD, sizeof(GOOD) - 1},
	};

	(void)state;
	worker_that_tells(texts, sizeof(texts) / sizeof(texts[0]));
	wait_until(kept() == 1); /* the last: all before it were looked at */
	assert_int_equal(dropped(), 7);
}

/* Of each second's events as many are kept as may be, as many again are dropped, and
 * then none is read before the next second. */
static void flood_is_cut_to_the_rate(void **state)
{
	enum { MOST = 10 };
	static const struct text texts[] = {{GOOD, sizeof(GOOD) - 1}};
	snp_mono_t began = snp_mono_now();
	uint64_t seconds, events;

	(void)state;
	world.telemetry.max_per_s = MOST;
	script_end = GOES_ROUND;
	worker_that_tells(texts, 1);
	wait_until(kept() > MOST && dropped() >= MOST);
	events = kept();
	seconds = snp_mono_since_ns(snp_mono_now(), began) / SNP_NS_PER_S + 1;
	assert_true(events <= seconds * MOST);
	assert_true(dropped() <= (seconds + 1) * MOST);
}

static void stream_that_ends_is_opened_again(void **state)
{
	static const struct text texts[] = {{GOOD, sizeof(GOOD) - 1}};

	(void)state;
	script_end = ENDS;
	worker_that_tells(texts, 1);
	wait_until(kept() == 2);
	assert_int_equal(dropped(), 0);
}

static void worker_without_the_stream_is_left_alone(void **state)
{
	(void)state;
	world.fakes[0].telemetry = NULL;
	worker_that_tells(NULL, 0);
	wait_until(
	    (look(), seen("snakepit.heartbeat.pongs", slot_of(0)->worker_row, 0) >= 3));
	assert_int_equal(kept() + dropped(), 0);
	look();
	assert_int_equal(seen("snakepit.heartbeat.missed", slot_of(0)->worker_row, 0),
			 0);
}

static void worker_that_goes_takes_the_stream_along(void **state)
{
	static const struct text texts[] = {{GOOD, sizeof(GOOD) - 1}};

	(void)state;
	worker_that_tells(texts, 1);
	wait_until(kept() == 1);
	worker_down(0);
	worker_up(0);
	wait_until(kept() == 2);
	assert_int_equal(atomic_load(&opened), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rate_takes_then_drops_then_pauses_until_the_next_second),
	    cmocka_unit_test(rate_of_one_takes_one_a_second),
	    cmocka_unit_test(names_are_joined_or_refused),
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)
	    T(event_is_counted_and_kept_with_its_number),
	    T(without_being_asked_for_no_stream_is_opened),
	    T(idle_stream_stays_open),
	    T(events_that_make_no_sense_are_dropped_and_counted),
	    T(flood_is_cut_to_the_rate),
	    T(stream_that_ends_is_opened_again),
	    T(worker_without_the_stream_is_left_alone),
	    T(worker_that_goes_takes_the_stream_along),
	};
	int failed;

	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
	rpc_init(log_to_stderr);
	failed = cmocka_run_group_tests_name("runtime/telemetry", tests, NULL, NULL);
	rpc_shutdown();
	log_fini();
	return failed;
}
