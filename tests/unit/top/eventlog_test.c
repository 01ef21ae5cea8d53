/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <string.h>

#include "eventlog.h"
#include "model/event.h"

static struct snp_told_event event_of(unsigned kind, unsigned reason)
{
	struct snp_told_event event = {
	    .event = {.kind = kind, .reason = reason, .slot = 3, .incarnation = 7},
	    .pool = "small"};

	(void)snprintf(event.kind, sizeof(event.kind), "%s",
		       snp_enum_text(SNP_ENUM_TABLE_EVENT_KIND, kind));
	(void)snprintf(event.reason, sizeof(event.reason), "%s",
		       snp_enum_text(SNP_ENUM_TABLE_MOVE_REASON, reason));
	return event;
}

static void line_says_whom_what_and_why(void **state)
{
	static const struct {
		unsigned kind, reason;
		enum snp_severity severity;
		const char *subject, *text;
	} cases[] = {
	    {SNP_EVENT_KIND_WORKER_SUSPECTED, SNP_MOVE_REASON_BUSY_GIL,
	     SNP_SEVERITY_WARNING, "small/3", "suspected (busy_gil)"},
	    {SNP_EVENT_KIND_RECYCLE_DEFERRED, SNP_MOVE_REASON_TTL, SNP_SEVERITY_INFO,
	     "small/3", "recycle deferred (ttl)"},
	    {SNP_EVENT_KIND_BREAKER_OPENED, SNP_MOVE_REASON_CRASH_LOOP,
	     SNP_SEVERITY_ERROR, "small", "breaker opened (crash_loop)"},
	    {SNP_EVENT_KIND_POOL_DRAINED, SNP_MOVE_REASON_OPERATOR, SNP_SEVERITY_INFO,
	     "small", "drained (operator)"},
	    {SNP_EVENT_KIND_ROLL_HALTED, SNP_MOVE_REASON_GENERATION, SNP_SEVERITY_ERROR,
	     "small", "roll halted (generation)"},
	    {SNP_EVENT_KIND_CONFIG_REFUSED, SNP_MOVE_REASON_NONE, SNP_SEVERITY_WARNING,
	     "runtime", "config refused"},
	    {SNP_EVENT_KIND_RUNTIME_STOPPING, SNP_MOVE_REASON_NONE, SNP_SEVERITY_INFO,
	     "runtime", "stopping"},
	};
	char out[SNP_EVENT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snp_told_event event = event_of(cases[i].kind, cases[i].reason);

		snp_event_subject(out, &event);
		assert_string_equal(out, cases[i].subject);
		snp_event_text(out, &event);
		assert_string_equal(out, cases[i].text);
		assert_int_equal(snp_event_severity(&event.event), cases[i].severity);
	}
}

/* Whoever adds a reason says whether it is one that is planned. */
static void what_was_not_planned_is_more_than_information(void **state)
{
	static const enum snp_enum_MOVE_REASON planned[] = {
	    SNP_MOVE_REASON_NONE,	SNP_MOVE_REASON_INITIAL,
	    SNP_MOVE_REASON_REPLACE,	SNP_MOVE_REASON_SPAWNED,
	    SNP_MOVE_REASON_HELLO,	SNP_MOVE_REASON_ANSWERED,
	    SNP_MOVE_REASON_SHUTDOWN,	SNP_MOVE_REASON_EXIT_ZERO,
	    SNP_MOVE_REASON_BACKOFF,	SNP_MOVE_REASON_SCALE_UP,
	    SNP_MOVE_REASON_SURGE,	SNP_MOVE_REASON_PROBE,
	    SNP_MOVE_REASON_TTL,	SNP_MOVE_REASON_MAX_REQUESTS,
	    SNP_MOVE_REASON_GENERATION, SNP_MOVE_REASON_SCALE_DOWN,
	    SNP_MOVE_REASON_OPERATOR,	SNP_MOVE_REASON_WORKER_REQUESTED,
	    SNP_MOVE_REASON_DRAINED,	SNP_MOVE_REASON_SUSPENDED,
	};

	(void)state;
	for (unsigned reason = 0; reason < SNP_MOVE_REASON_NR; reason++) {
		struct snp_told_event event =
		    event_of(SNP_EVENT_KIND_WORKER_MOVED, reason);
		bool is_planned = false;

		for (size_t i = 0; i < sizeof(planned) / sizeof(*planned); i++)
			is_planned |= planned[i] == reason;
		event.event.to = SNP_WORKER_STATE_EXITED;
		assert_int_equal(snp_event_severity(&event.event) == SNP_SEVERITY_INFO,
				 is_planned);
	}
}

/* A kind is about what its name says, unless it is one of those listed. */
static void every_kind_has_its_subject(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < SNP_EVENT_KIND_NR; kind++) {
		const char *text = snp_enum_text(SNP_ENUM_TABLE_EVENT_KIND, kind);
		enum snp_event_about about = snp_event_about(kind);

		if (strncmp(text, "worker_", 7) == 0)
			assert_int_equal(about, SNP_EVENT_ABOUT_WORKER);
		else if (strncmp(text, "pool_", 5) == 0 ||
			 strncmp(text, "roll_", 5) == 0)
			assert_int_equal(about, SNP_EVENT_ABOUT_POOL);
		else if (strncmp(text, "runtime_", 8) == 0 ||
			 strncmp(text, "config_", 7) == 0)
			assert_int_equal(about, SNP_EVENT_ABOUT_RUNTIME);
	}
}

static void json_names_the_pool_where_there_is_one(void **state)
{
	const unsigned kinds[] = {SNP_EVENT_KIND_POOL_SCALED,
				  SNP_EVENT_KIND_CONFIG_RELOADED};
	struct top_eventlog log = {0};
	struct snp_buf out = {0};
	struct snp_json json;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct snp_told_event event = event_of(kinds[i], SNP_MOVE_REASON_NONE);

		top_eventlog_add(&log, &event);
	}
	snp_json_init(&json, &out);
	top_eventlog_json(&json, &log, 2);
	snp_buf_putc(&out, '\0');
	assert_string_equal(out.data,
			    "[{\"time_ns\":0,\"severity\":\"INFO\",\"event\":"
			    "\"pool_scaled\",\"pool\":\"small\"},{\"time_ns\":0,"
			    "\"severity\":\"INFO\",\"event\":\"config_reloaded\"}]");
	snp_buf_fini(&out);
}

static void log_keeps_the_newest_and_forgets_what_is_later(void **state)
{
	struct top_eventlog *log = calloc(1, sizeof(*log));

	(void)state;
	assert_non_null(log);
	for (uint64_t i = 0; i < TOP_EVENTS_MAX + 10; i++) {
		struct snp_told_event event =
		    event_of(SNP_EVENT_KIND_CONFIG_RELOADED, SNP_MOVE_REASON_NONE);

		event.event.mono.ns = i;
		top_eventlog_add(log, &event);
	}
	assert_int_equal(TOP_EVENTS_MAX + 9, top_eventlog_at(log, 0)->event.mono.ns);
	assert_int_equal(10, top_eventlog_at(log, TOP_EVENTS_MAX - 1)->event.mono.ns);
	assert_null(top_eventlog_at(log, TOP_EVENTS_MAX));
	top_eventlog_forget(log, (snp_mono_t){TOP_EVENTS_MAX});
	assert_int_equal(TOP_EVENTS_MAX, top_eventlog_at(log, 0)->event.mono.ns);
	/* What the ring had there before is not seen again. */
	assert_int_equal(10, top_eventlog_at(log, TOP_EVENTS_MAX - 10)->event.mono.ns);
	assert_null(top_eventlog_at(log, TOP_EVENTS_MAX - 9));
	free(log);
}

static void restarts_are_those_of_the_time_asked_for(void **state)
{
	static const struct {
		unsigned to;
		uint64_t at_s;
	} moves[] = {{SNP_WORKER_STATE_BACKOFF, 100},
		     {SNP_WORKER_STATE_EXITED, 150},
		     {SNP_WORKER_STATE_BACKOFF, 151},
		     {SNP_WORKER_STATE_READY, 152},
		     {SNP_WORKER_STATE_QUARANTINED, 160}};
	struct top_eventlog *log = calloc(1, sizeof(*log));

	(void)state;
	assert_non_null(log);
	for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
		struct snp_told_event event =
		    event_of(SNP_EVENT_KIND_WORKER_MOVED, SNP_MOVE_REASON_NONE);

		event.event.to = moves[i].to;
		event.event.mono.ns = moves[i].at_s * SNP_NS_PER_S;
		top_eventlog_add(log, &event);
	}
	assert_int_equal(
	    2, top_eventlog_restarts(log, (snp_mono_t){170 * SNP_NS_PER_S}, 60));
	assert_int_equal(
	    3, top_eventlog_restarts(log, (snp_mono_t){160 * SNP_NS_PER_S}, 60));
	free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(line_says_whom_what_and_why),
	    cmocka_unit_test(what_was_not_planned_is_more_than_information),
	    cmocka_unit_test(every_kind_has_its_subject),
	    cmocka_unit_test(json_names_the_pool_where_there_is_one),
	    cmocka_unit_test(log_keeps_the_newest_and_forgets_what_is_later),
	    cmocka_unit_test(restarts_are_those_of_the_time_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
