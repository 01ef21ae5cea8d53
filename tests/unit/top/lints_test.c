/* SPDX-License-Identifier: Apache-2.0 */
/* What is found in frames, and what is not: gaps, new processes, counters that began
 * anew and unknown numbers are no reason for an alarm. Limits: lints_judge_test.c. */
#include "scene.h"

#include "advice.h"

static unsigned found(struct scene *s, enum top_lint_id id)
{
	unsigned nr = 0;

	top_lints_find(&s->lints, &s->frame, &s->ui.limits, 0);
	for (size_t i = 0; i < s->lints.nr; i++)
		nr += s->lints.lint[i].id == id;
	return nr;
}

/* The first of its kind, of the last search. */
static const struct top_lint *lint_of(const struct scene *s, enum top_lint_id id)
{
	for (size_t i = 0; i < s->lints.nr; i++)
		if (s->lints.lint[i].id == id)
			return &s->lints.lint[i];
	fail_msg("no %s", top_lint_infos[id].name);
	return NULL;
}

/* ---- queue-eta ----------------------------------------------------------- */

/* The last `seconds` of pool 1: its queue grows by `slope` a second up to `depth`. */
static void put_queue(struct scene *s, unsigned seconds, unsigned slope, uint64_t depth,
		      uint32_t run)
{
	struct top_history_who who = {.row = s->frame.look.pools[1].row};

	(void)snprintf(who.pool, sizeof(who.pool), "%s", s->frame.look.pools[1].name);
	for (unsigned back = 0; back < seconds; back++) {
		uint64_t second = SCENE_SECOND + TOP_HISTORY_S - 1 - back;
		struct top_pool_point point = {.at.ns = second * SNP_NS_PER_S,
					       .run = run,
					       .req_s = 1,
					       .queue_depth = depth - back * slope};

		assert_int_equal(
		    0, top_history_put_pool(s->history, &who, second, &point));
	}
	s->frame.look.pools[1].queue_depth = depth;
}

static void queue_that_grows_is_found_with_its_numbers(void **state)
{
	struct scene *s = *state;
	const struct top_lint *lint;

	put_queue(s, 30, 10, 400, 2);
	assert_int_equal(1, found(s, TOP_LINT_QUEUE_ETA));
	lint = lint_of(s, TOP_LINT_QUEUE_ETA);
	assert_string_equal("ml_infer", lint->pool);
	assert_string_equal("queue 400/1000 growing 10.0/s, full in ~60s; 103% of "
			    "slots busy",
			    lint->what);
	assert_string_equal("$ snakepit scale -n ml7-prod ml_infer 5", lint->next);
}

static void queue_that_grew_in_the_run_before_is_not_found(void **state)
{
	struct scene *s = *state;

	put_queue(s, 30, 10, 400, 2);
	put_queue(s, 3, 0, 400, 3); /* a new run, with a queue that stands */
	assert_int_equal(0, found(s, TOP_LINT_QUEUE_ETA));
}

static void queue_without_history_is_found_when_full_only(void **state)
{
	struct scene *s = *state;

	s->frame.history = NULL;
	s->frame.look.pools[1].queue_depth = 999;
	assert_int_equal(0, found(s, TOP_LINT_QUEUE_ETA));
	s->frame.look.pools[1].queue_depth = 1000;
	assert_int_equal(1, found(s, TOP_LINT_QUEUE_ETA));
	assert_non_null(strstr(lint_of(s, TOP_LINT_QUEUE_ETA)->what, "is full"));
}

/* ---- stuck-worker -------------------------------------------------------- */

static void old_request_is_found_once_a_worker(void **state)
{
	struct scene *s = *state;
	const struct top_lint *lint;

	s->frame.inflight[1].worker = s->frame.inflight[0].worker;
	assert_int_equal(1, found(s, TOP_LINT_STUCK_WORKER));
	lint = lint_of(s, TOP_LINT_STUCK_WORKER);
	assert_true(lint->is_worker);
	assert_int_equal(1, lint->slot);
	assert_string_equal("$ py-spy dump --pid 12003", lint->next);
}

static void old_request_of_a_pool_without_p99_is_not_found(void **state)
{
	struct scene *s = *state;

	s->frame.history = NULL;
	assert_int_equal(2, found(s, TOP_LINT_STUCK_WORKER));
	s->frame.look.pools[1].p99_ns = SNP_UNKNOWN;
	assert_int_equal(0, found(s, TOP_LINT_STUCK_WORKER));
}

static void request_that_was_usual_minutes_ago_is_not_found(void **state)
{
	struct scene *s = *state;
	struct top_history_who who = {.row = s->frame.look.pools[1].row};
	uint64_t second = SCENE_SECOND + 300;
	struct top_pool_point point = {.at.ns = second * SNP_NS_PER_S, .run = 2};

	(void)snprintf(who.pool, sizeof(who.pool), "%s", s->frame.look.pools[1].name);
	point.octave[25] = 10000000; /* up to 32 s */
	assert_int_equal(0, top_history_put_pool(s->history, &who, second, &point));
	assert_int_equal(0, found(s, TOP_LINT_STUCK_WORKER));
}

/* ---- restart-storm ------------------------------------------------------- */

static void put_restart(struct scene *s, uint64_t ago_s)
{
	struct snp_told_event event = *top_eventlog_at(&s->frame.events, 1);

	assert_int_equal(SNP_WORKER_STATE_BACKOFF, event.event.to);
	event.wall.ns = SCENE_WALL_NS - ago_s * SNP_NS_PER_S;
	event.event.mono.ns = s->frame.look.now.ns - ago_s * SNP_NS_PER_S;
	s->frame.events.nr = s->frame.events.first = 0;
	for (int i = 0; i < 3; i++)
		top_eventlog_add(&s->frame.events, &event);
}

static void three_restarts_in_a_minute_are_found(void **state)
{
	struct scene *s = *state;

	assert_int_equal(0, found(s, TOP_LINT_RESTART_STORM)); /* there is one */
	put_restart(s, 59);
	assert_int_equal(1, found(s, TOP_LINT_RESTART_STORM));
	assert_string_equal("3 restarts in 60s, last exit exit_code",
			    lint_of(s, TOP_LINT_RESTART_STORM)->what);
	assert_string_equal("$ snakepit events -n ml7-prod | grep -F 'default/10#'",
			    lint_of(s, TOP_LINT_RESTART_STORM)->next);
}

static void restarts_of_more_than_a_minute_ago_are_not_found(void **state)
{
	struct scene *s = *state;

	put_restart(s, 61);
	assert_int_equal(0, found(s, TOP_LINT_RESTART_STORM));
}

static void restarts_before_the_end_are_found_after_it(void **state)
{
	struct scene *s = *state;

	put_restart(s, 600);
	s->frame.verdict = TOP_DEAD;
	s->frame.heartbeat_age_ns = 590 * SNP_NS_PER_S;
	assert_int_equal(1, found(s, TOP_LINT_RESTART_STORM));
}

/* ---- spawn-slow, hb-jitter, timeouts-rising, torn-reads ------------------ */

static void worker_that_starts_for_long_is_found(void **state)
{
	struct scene *s = *state;
	struct snp_worker_stat *w = &s->frame.look.workers[6];

	assert_int_equal(SNP_WORKER_STATUS_STARTING, w->status);
	s->frame.look.pools[1].startup_p95_ns = SNP_UNKNOWN;
	w->uptime_ns = 59 * SNP_NS_PER_S;
	assert_int_equal(0, found(s, TOP_LINT_SPAWN_SLOW));
	w->uptime_ns = 60 * SNP_NS_PER_S;
	assert_int_equal(1, found(s, TOP_LINT_SPAWN_SLOW));
	w->uptime_ns = 12 * SNP_NS_PER_S;
	s->frame.look.pools[1].startup_p95_ns = 6 * SNP_NS_PER_S;
	assert_int_equal(1, found(s, TOP_LINT_SPAWN_SLOW));
	w->uptime_ns = SNP_UNKNOWN;
	assert_int_equal(0, found(s, TOP_LINT_SPAWN_SLOW));
}

static void heartbeats_that_vary_are_found(void **state)
{
	struct scene *s = *state;

	s->frame.look.pools[0].heartbeat_p50_ns = 2 * SNP_NS_PER_MS;
	s->frame.look.pools[0].heartbeat_p99_ns = 400 * SNP_NS_PER_MS;
	assert_int_equal(1, found(s, TOP_LINT_HB_JITTER));
	s->frame.look.pools[0].heartbeat_p99_ns = SNP_UNKNOWN;
	assert_int_equal(0, found(s, TOP_LINT_HB_JITTER));
}

static void timeouts_above_the_usual_are_found(void **state)
{
	struct scene *s = *state;
	struct snp_pool_stat *p = &s->frame.look.pools[0];

	s->frame.look.window_ns = 10 * SNP_NS_PER_S;
	s->frame.uptime_ns = 110 * SNP_NS_PER_S;
	p->timeouts_window = 6;
	p->timeouts = 6 + 30; /* three in ten seconds */
	assert_int_equal(1, found(s, TOP_LINT_TIMEOUTS_RISING));
	assert_string_equal("6 requests missed their deadline in 10s; usual are 3.0",
			    lint_of(s, TOP_LINT_TIMEOUTS_RISING)->what);
	p->timeouts++;
	assert_int_equal(0, found(s, TOP_LINT_TIMEOUTS_RISING));
	p->timeouts = p->timeouts_window;
	assert_int_equal(1, found(s, TOP_LINT_TIMEOUTS_RISING));
	s->frame.uptime_ns = 19 * SNP_NS_PER_S; /* too young for a usual */
	assert_int_equal(0, found(s, TOP_LINT_TIMEOUTS_RISING));
	p->timeouts_window = SNP_UNKNOWN;
	assert_int_equal(0, found(s, TOP_LINT_TIMEOUTS_RISING));
}

static void torn_reads_are_found_by_look(void **state)
{
	struct scene *s = *state;

	s->frame.looks = 100;
	s->frame.torn = 999;
	assert_int_equal(0, found(s, TOP_LINT_TORN_READS));
	s->frame.torn = 1000;
	assert_int_equal(1, found(s, TOP_LINT_TORN_READS));
}

/* ---- skew and rss-slope -------------------------------------------------- */

/* Three minutes and more of a worker: requests and memory grow by so much a step. */
static void put_worker(struct scene *s, unsigned w, uint64_t requests, uint64_t rss_mb,
		       unsigned steps)
{
	struct top_history_who who = {.row = s->frame.look.workers[w].row,
				      .slot = scene_workers[w].slot};
	uint64_t newest =
	    SCENE_SECOND / TOP_WORKER_STEP_S + TOP_HISTORY_S / TOP_WORKER_STEP_S - 1;

	(void)snprintf(who.pool, sizeof(who.pool), "%s",
		       s->frame.look.pools[scene_workers[w].pool].name);
	for (unsigned back = 0; back < steps; back++) {
		struct top_worker_point point = {
		    .at.ns = (newest - back) * TOP_WORKER_STEP_S * SNP_NS_PER_S,
		    .run = 2,
		    .state = SNP_WORKER_STATE_READY,
		    .requests = 1000000 - back * requests,
		    .rss_bytes = (1000 - back * rss_mb) << 20};

		assert_int_equal(
		    0, top_history_put_worker(s->history, &who, newest - back, &point));
	}
}

static void worker_with_twice_the_load_is_found(void **state)
{
	struct scene *s = *state;

	for (unsigned w = 0; w < 3; w++)
		put_worker(s, w, w == 1 ? 400 : 200, 0, 20);
	assert_int_equal(1, found(s, TOP_LINT_SKEW));
	assert_int_equal(1, lint_of(s, TOP_LINT_SKEW)->slot);
	put_worker(s, 1, 399, 0, 20);
	assert_int_equal(0, found(s, TOP_LINT_SKEW));
}

static void load_of_less_than_a_minute_is_not_judged(void **state)
{
	struct scene *s = *state;

	s->frame.step = 5; /* no point is that old */
	assert_int_equal(0, found(s, TOP_LINT_SKEW));
}

static void memory_that_grows_is_found_for_one_process_only(void **state)
{
	struct scene *s = *state;

	put_worker(s, 0, 1, 1, 60);
	assert_int_equal(1, found(s, TOP_LINT_RSS_SLOPE));
	assert_string_equal("$ snakepit recycle -n ml7-prod default/0",
			    lint_of(s, TOP_LINT_RSS_SLOPE)->next);
	s->frame.look.workers[0].uptime_ns = 60 * SNP_NS_PER_S;
	assert_int_equal(0, found(s, TOP_LINT_RSS_SLOPE));
	s->frame.look.workers[0].uptime_ns = SNP_UNKNOWN;
	assert_int_equal(0, found(s, TOP_LINT_RSS_SLOPE));
}

/* ---- all of them --------------------------------------------------------- */

static void nothing_is_found_in_frames_without_numbers(void **state)
{
	struct scene *s = *state;
	struct top_frame *empty = calloc(1, sizeof(*empty));

	assert_non_null(empty);
	top_lints_find(&s->lints, empty, &s->ui.limits, 0);
	assert_int_equal(0, s->lints.nr);
	free(empty);
}

static void silenced_kinds_are_counted_and_not_listed(void **state)
{
	struct scene *s = *state;

	top_lints_find(&s->lints, &s->frame, &s->ui.limits,
		       UINT64_C(1) << TOP_LINT_STUCK_WORKER);
	assert_int_equal(0, s->lints.nr);
	assert_int_equal(2, s->lints.silenced);
}

static void lints_as_json_say_whom_what_and_next(void **state)
{
	struct scene *s = *state;
	struct snp_buf out = {0};
	struct snp_json json;

	assert_int_equal(2, found(s, TOP_LINT_STUCK_WORKER));
	snp_json_init(&json, &out);
	top_lints_json(&json, &s->lints);
	snp_buf_putc(&out, '\0');
	assert_ptr_equal(out.data,
			 strstr(out.data,
				"[{\"lint\":\"stuck-worker\",\"pool\":\"ml_infer\","
				"\"slot\":1,\"what\":\"infer runs for 21.3s, "));
	assert_non_null(strstr(out.data, "\"next\":\"$ py-spy dump --pid 12003\"}"));
	snp_buf_fini(&out);
}

static void names_are_words_of_a_shell(void **state)
{
	static const struct {
		const char *name, *word;
	} rows[] = {
	    {"default", "default"},
	    {"ml/infer-2.x", "ml/infer-2.x"},
	    {"", "''"},
	    {"-rf", "'-rf'"},
	    {"a b", "'a b'"},
	    {"$(reboot)", "'$(reboot)'"},
	    {"it's", "'it'\\''s'"},
	    {"a\n\033[31mb", "'a[31mb'"},
	};
	char word[TOP_ADVICE_BYTES], lengthy[2 * TOP_ADVICE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		top_advice_word(word, rows[i].name);
		assert_string_equal(rows[i].word, word);
	}
	memset(lengthy, '\'', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	top_advice_word(word, lengthy);
	assert_int_equal('\'', word[strlen(word) - 1]);
}

/* As a shell reads it: no substitution stands outside of quotes, and none is open. */
static void assert_is_quoted(const char *command)
{
	bool quoted = false;

	for (; *command; command++) {
		if (*command == '\'')
			quoted = !quoted;
		else if (*command == '\\' && !quoted)
			command++;
		else if (*command == '(')
			assert_true(quoted);
	}
	assert_false(quoted);
}

static void names_of_any_length_stay_words(void **state)
{
	struct scene *s = *state;
	char command[TOP_ADVICE_BYTES], pool[SNP_POOL_NAME_BYTES];

	for (size_t plain = 0; plain < 4; plain++) {
		memset(s->frame.instance, '\'', sizeof(s->frame.instance) - 1);
		memset(s->frame.instance, 'a', plain);
		top_advice_events(command, &s->frame, "$(reboot)", 0);
		assert_is_quoted(command);
		memset(pool, '\'', sizeof(pool) - 1);
		memset(pool, '(', plain);
		pool[sizeof(pool) - 1] = '\0';
		top_advice_events(command, &s->frame, pool, UINT32_MAX);
		assert_is_quoted(command);
		assert_non_null(strstr(command, "/4294967295#'"));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_open, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(queue_that_grows_is_found_with_its_numbers),
	    TEST(queue_that_grew_in_the_run_before_is_not_found),
	    TEST(queue_without_history_is_found_when_full_only),
	    TEST(old_request_is_found_once_a_worker),
	    TEST(old_request_of_a_pool_without_p99_is_not_found),
	    TEST(request_that_was_usual_minutes_ago_is_not_found),
	    TEST(three_restarts_in_a_minute_are_found),
	    TEST(restarts_of_more_than_a_minute_ago_are_not_found),
	    TEST(restarts_before_the_end_are_found_after_it),
	    TEST(worker_that_starts_for_long_is_found),
	    TEST(heartbeats_that_vary_are_found),
	    TEST(timeouts_above_the_usual_are_found),
	    TEST(torn_reads_are_found_by_look),
	    TEST(worker_with_twice_the_load_is_found),
	    TEST(load_of_less_than_a_minute_is_not_judged),
	    TEST(memory_that_grows_is_found_for_one_process_only),
	    TEST(nothing_is_found_in_frames_without_numbers),
	    TEST(silenced_kinds_are_counted_and_not_listed),
	    TEST(lints_as_json_say_whom_what_and_next),
	    TEST(names_are_words_of_a_shell),
	    TEST(names_of_any_length_stay_words),
	};

	return cmocka_run_group_tests_name("top/lints", tests, NULL, NULL);
}
