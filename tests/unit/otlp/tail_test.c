/* SPDX-License-Identifier: Apache-2.0 */
/* From the rings of a live segment through the queues to a transport of the test's:
 * what arrives, in whose name, and what is counted where it does not. */
#include "tail.h"

#include <pthread.h>
#include <string.h>

#include "json.h"
#include "segment_fixture.h"

static const uint64_t trace[2] = {0x11, 0x22};

/* ---- a transport that keeps the requests as JSON ------------------------- */

struct otlp_transport {
	pthread_mutex_t mutex;
	pthread_cond_t opened;
	bool shut;	  /* attempts wait */
	uint64_t slow_ms; /* each takes that long */
	struct snp_buf lines, loaded;
};

static struct otlp_transport to[OTLP_SIGNAL_NR];

static int keep_open(enum otlp_signal signal, const struct otlp_endpoint *endpoint,
		     struct otlp_transport **ret_transport, struct snp_err *err)
{
	(void)endpoint;
	(void)err;
	*ret_transport = &to[signal];
	return 0;
}

static void keep_close(struct otlp_transport *t)
{
	(void)t;
}

static int keep_load(struct otlp_transport *t, const struct otlp_batch *batch)
{
	snp_buf_reset(&t->loaded);
	return otlp_json_write(batch->request, &t->loaded);
}

static void keep_attempt(struct otlp_transport *t, const _Atomic uint64_t *until,
			 struct otlp_answer *ret_answer)
{
	const uint64_t end_ns = snp_mono_add_ms(snp_mono_now(), t->slow_ms).ns;
	const struct timespec end = {.tv_sec = (time_t)(end_ns / SNP_NS_PER_S),
				     .tv_nsec = (long)(end_ns % SNP_NS_PER_S)};

	(void)until;
	(void)pthread_mutex_lock(&t->mutex);
	while (t->shut)
		(void)pthread_cond_wait(&t->opened, &t->mutex);
	while (t->slow_ms > 0 && pthread_cond_clockwait(&t->opened, &t->mutex,
							CLOCK_MONOTONIC, &end) == 0)
		;
	snp_buf_put(&t->lines, t->loaded.data, t->loaded.len);
	snp_buf_putc(&t->lines, '\n');
	(void)pthread_mutex_unlock(&t->mutex);
	*ret_answer = (struct otlp_answer){.outcome = OTLP_TAKEN};
}

static const struct otlp_transport_ops keep = {
    .open = keep_open,
    .close = keep_close,
    .load = keep_load,
    .attempt = keep_attempt,
};

static void set_shut(struct otlp_transport *t, bool shut)
{
	(void)pthread_mutex_lock(&t->mutex);
	t->shut = shut;
	(void)pthread_cond_broadcast(&t->opened);
	(void)pthread_mutex_unlock(&t->mutex);
}

/* ---- fixture ------------------------------------------------------------- */

struct fixture {
	struct segment_fixture segment;
	struct otlp_endpoint endpoint;
	struct otlp_identity *identity;
	struct otlp_sender *sender[OTLP_SIGNAL_NR];
	struct otlp_records *records[OTLP_SIGNAL_NR];
	struct otlp_tail *tail;
};

static const enum otlp_signal signals[] = {OTLP_TRACES, OTLP_LOGS};

static void begin_tail(struct fixture *f, uint64_t young_ns)
{
	const struct otlp_tail_options options = {
	    .instance = f->segment.path,
	    .identity = f->identity,
	    .spans = f->records[OTLP_TRACES],
	    .logs = f->records[OTLP_LOGS],
	    .young_ns = young_ns,
	};

	otlp_tail_destroy(&f->tail);
	assert_int_equal(otlp_tail_create(&options, &f->tail), 0);
}

static void begin(struct fixture *f, const struct otlp_batching *limits)
{
	segment_fixture_open(&f->segment, "default", "word_stats");
	assert_int_equal(otlp_identity_create(NULL, NULL, &f->identity), 0);
	for (size_t i = 0; i < 2; i++) {
		enum otlp_signal s = signals[i];

		(void)pthread_mutex_init(&to[s].mutex, NULL);
		(void)pthread_cond_init(&to[s].opened, NULL);
		assert_int_equal(
		    otlp_sender_create(s, &f->endpoint, &keep, &f->sender[s], NULL), 0);
		assert_int_equal(
		    otlp_records_create(s, limits, f->sender[s], &f->records[s]), 0);
	}
	begin_tail(f, OTLP_TAIL_YOUNG_NS);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->endpoint.url = (char *)(size_t) "http://r";
	snp_log_set_level(SNP_LOG_NR); /* what is said is not this test's business */
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	otlp_tail_destroy(&f->tail);
	for (size_t i = 0; i < 2; i++) {
		enum otlp_signal s = signals[i];

		otlp_records_stop(f->records[s], snp_mono_now());
		otlp_records_destroy(&f->records[s]);
		otlp_sender_destroy(&f->sender[s]);
		snp_buf_fini(&to[s].lines);
		snp_buf_fini(&to[s].loaded);
		to[s].shut = false;
		to[s].slow_ms = 0;
	}
	otlp_identity_destroy(&f->identity);
	segment_fixture_close(&f->segment);
	free(f);
	return 0;
}

static const struct otlp_batching wide = {
    .delay_ms = 60000, .queue_max = 4096, .batch_max = 512};

/* ---- what is recorded, and what arrives ---------------------------------- */

static void record_span(struct fixture *f, const struct snp_span_fields *more)
{
	struct snp_span_fields span = *more;

	span.trace_id[0] = trace[0];
	span.trace_id[1] = trace[1];
	if (span.end.ns == 0)
		span.end = snp_mono_now();
	if (span.start.ns == 0)
		span.start.ns = span.end.ns - 1000;
	snp_span_record(&f->segment.bank, &span);
}

static void record_event(struct fixture *f, unsigned kind, const uint64_t id[2])
{
	const struct snp_event_fields event = {
	    .kind = kind,
	    .to = SNP_WORKER_STATE_KILLING,
	    .reason = SNP_MOVE_REASON_HEARTBEAT,
	    .incarnation = 3,
	    .trace_id = {id[0], id[1]},
	};

	snp_event_record(&f->segment.bank, &event, snp_mono_now());
}

static const uint64_t none[2];

/* Look, and have sent what was found. */
static void look(struct fixture *f)
{
	(void)otlp_tail_look(f->tail);
	for (size_t i = 0; i < 2; i++)
		otlp_records_drain(f->records[signals[i]]);
}

static unsigned count(enum otlp_signal signal, const char *text)
{
	unsigned nr = 0;

	snp_buf_putc(&to[signal].lines, '\0');
	to[signal].lines.len--;
	for (const char *at = to[signal].lines.data; (at = strstr(at, text)); at++)
		nr++;
	return nr;
}

static struct otlp_records_counts counts_of(struct fixture *f, enum otlp_signal signal)
{
	struct otlp_records_counts counts;

	otlp_records_counts(f->records[signal], &counts);
	return counts;
}

#define EXPORTED SNP_SPAN_FLAGS_EXPORT

static void t06_only_what_may_leave_leaves(void **state)
{
	struct fixture *f = *state;

	begin(f, &wide);
	record_span(f, &(struct snp_span_fields){.span_id = 1, .flags = 1});
	record_span(f, &(struct snp_span_fields){.span_id = 2, .flags = EXPORTED | 1});
	look(f);
	look(f); /* and once */
	assert_int_equal(count(OTLP_TRACES, "\"spanId\""), 1);
	assert_int_equal(count(OTLP_TRACES, "\"spanId\":\"0000000000000002\""), 1);
	assert_int_equal(counts_of(f, OTLP_TRACES).taken, 1);
}

static void names_are_known_of_rows_that_came_later(void **state)
{
	struct fixture *f = *state;
	uint32_t tool;

	begin(f, &wide);
	look(f);
	tool = segment_fixture_row(&f->segment, SNP_ROW_TOOL, "brand_new");
	record_span(f, &(struct snp_span_fields){.flags = EXPORTED, .tool = tool});
	record_span(f, &(struct snp_span_fields){
			   .flags = EXPORTED, .pool = UINT32_MAX, .tool = UINT32_MAX});
	look(f);
	assert_int_equal(count(OTLP_TRACES, "\"brand_new\""), 1);
	assert_int_equal(count(OTLP_TRACES, "\"snakepit.pool.name\""), 1);
	assert_int_equal(count(OTLP_TRACES, "\"snakepit.tool.name\""), 1);
}

static void what_hit_a_request_is_told_by_its_span(void **state)
{
	static const uint64_t other[2] = {0x11, 0x33};
	struct fixture *f = *state;
	snp_mono_t start = snp_mono_now();

	begin(f, &wide);
	record_event(f, SNP_EVENT_KIND_WORKER_MOVED, trace);
	record_event(f, SNP_EVENT_KIND_WORKER_FENCED, other);
	look(f); /* it happened well before the request was over */
	record_span(f, &(struct snp_span_fields){.kind = SNP_SPAN_KIND_ATTEMPT,
						 .flags = EXPORTED,
						 .start = start,
						 .attempt = 2});
	record_span(f, &(struct snp_span_fields){.kind = SNP_SPAN_KIND_REQUEST,
						 .flags = EXPORTED,
						 .start = start});
	look(f);
	assert_int_equal(count(OTLP_TRACES, "\"name\":\"snakepit.worker_moved\""), 1);
	assert_int_equal(count(OTLP_TRACES, "\"name\":\"snakepit.request_retried\""),
			 1);
	assert_int_equal(count(OTLP_TRACES, "\"name\":\"snakepit.worker_fenced\""), 0);
	/* The same as log records, which name the trace. */
	assert_int_equal(count(OTLP_LOGS, "\"eventName\":\"snakepit.worker_moved\""),
			 1);
	assert_int_equal(
	    count(OTLP_LOGS, "\"traceId\":\"00000000000000110000000000000022\""), 1);
	assert_int_equal(count(OTLP_LOGS, "\"severityText\":\"ERROR\""), 1);
}

/* The supervisor sees a death when the request has failed already. */
static void what_ended_a_request_may_come_after_it(void **state)
{
	struct fixture *f = *state;

	begin(f, &wide);
	record_span(f, &(struct snp_span_fields){.kind = SNP_SPAN_KIND_REQUEST,
						 .status = SNP_SPAN_STATUS_UNAVAILABLE,
						 .flags = EXPORTED});
	look(f);
	record_event(f, SNP_EVENT_KIND_WORKER_MOVED, trace);
	otlp_tail_stop(f->tail, snp_mono_now());
	look(f);
	assert_int_equal(count(OTLP_TRACES, "\"traceId\""), 1);
	assert_int_equal(count(OTLP_TRACES, "\"name\":\"snakepit.worker_moved\""), 1);
}

static void more_failures_than_wait_are_told_at_once(void **state)
{
	struct fixture *f = *state;

	begin(f, &wide);
	for (unsigned i = 0; i < 300; i++)
		record_span(f, &(struct snp_span_fields){
				   .kind = SNP_SPAN_KIND_REQUEST,
				   .status = SNP_SPAN_STATUS_INTERNAL,
				   .flags = EXPORTED,
			       });
	look(f);
	assert_true(counts_of(f, OTLP_TRACES).taken >= 200);
	otlp_tail_stop(f->tail, snp_mono_now());
	assert_int_equal(counts_of(f, OTLP_TRACES).taken, 300);
}

/* ---- restarts ------------------------------------------------------------ */

static void o21_a_restart_of_the_runtime_loses_and_repeats_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f, &wide);
	record_span(f, &(struct snp_span_fields){.span_id = 1, .flags = EXPORTED});
	look(f);
	record_span(f, &(struct snp_span_fields){.span_id = 2, .flags = EXPORTED});
	record_event(f, SNP_EVENT_KIND_RUNTIME_STOPPING, none);
	segment_fixture_restart(&f->segment);
	record_span(f, &(struct snp_span_fields){.span_id = 3, .flags = EXPORTED});
	look(f);
	look(f);
	for (unsigned id = 1; id <= 3; id++) {
		char text[40];

		(void)snprintf(text, sizeof(text), "\"spanId\":\"%016x\"", id);
		assert_int_equal(count(OTLP_TRACES, text), 1);
	}
	/* Each of its own run: the second in another request than the third. */
	assert_int_equal(count(OTLP_TRACES, "\n"), 3);
	assert_int_equal(count(OTLP_LOGS, "snakepit.runtime_stopping"), 1);
}

/* Another one may have sent what was there before it. */
static void o21_a_restart_of_ours_repeats_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f, &wide);
	record_span(f, &(struct snp_span_fields){.span_id = 1, .flags = EXPORTED});
	record_event(f, SNP_EVENT_KIND_POOL_SCALED, none);
	look(f);
	begin_tail(f, 0);
	record_span(f, &(struct snp_span_fields){.span_id = 2, .flags = EXPORTED});
	record_event(f, SNP_EVENT_KIND_POOL_DRAINED, none);
	look(f);
	assert_int_equal(count(OTLP_TRACES, "\"spanId\""), 2);
	assert_int_equal(count(OTLP_LOGS, "\"eventName\""), 2);
}

/* ---- losses -------------------------------------------------------------- */

static void what_was_overwritten_is_counted(void **state)
{
	struct otlp_tail_counts counts;
	struct fixture *f = *state;

	begin(f, &wide);
	look(f);
	for (unsigned i = 0; i < 40; i++)
		record_event(f, SNP_EVENT_KIND_POOL_SCALED, none);
	look(f);
	otlp_tail_counts(f->tail, &counts);
	assert_int_equal(counts.events_lost + counts_of(f, OTLP_LOGS).tally.sent, 40);
	assert_true(counts.events_lost >= 40 - 16);
	assert_int_equal(counts.spans_lost, 0);
}

static void t08_what_finds_no_place_is_counted(void **state)
{
	static const struct otlp_batching narrow = {
	    .delay_ms = 60000, .queue_max = 8, .batch_max = 4};
	struct otlp_records_counts counts;
	struct fixture *f = *state;

	begin(f, &narrow);
	set_shut(&to[OTLP_TRACES], true);
	for (unsigned i = 0; i < 100; i++)
		record_span(f, &(struct snp_span_fields){.flags = EXPORTED});
	(void)otlp_tail_look(f->tail);
	counts = counts_of(f, OTLP_TRACES);
	assert_int_equal(counts.taken + counts.dropped, 100);
	assert_in_range(counts.taken, 8, 12); /* one batch may have left */
	set_shut(&to[OTLP_TRACES], false);
	look(f);
	counts = counts_of(f, OTLP_TRACES);
	assert_int_equal(counts.tally.sent, counts.taken);
	assert_int_equal(count(OTLP_TRACES, "\"spanId\""), 0); /* they had none */
	assert_int_equal(count(OTLP_TRACES, "\"traceId\""), counts.taken);
}

/* Each batch leaves before anybody loses patience, and all of them would take 20 s. */
static void o16_the_end_does_not_wait_for_a_slow_receiver(void **state)
{
	static const struct otlp_batching narrow = {
	    .delay_ms = 60000, .queue_max = 8, .batch_max = 4};
	struct otlp_records_counts counts;
	struct fixture *f = *state;
	snp_mono_t asked;

	begin(f, &narrow);
	to[OTLP_TRACES].slow_ms = 100;
	for (unsigned i = 0; i < 800; i++)
		record_span(f, &(struct snp_span_fields){.flags = EXPORTED});
	asked = snp_mono_now();
	otlp_tail_stop(f->tail, snp_mono_add_ms(asked, 300));
	assert_true(snp_mono_since_ns(snp_mono_now(), asked) < 8 * SNP_NS_PER_S);
	counts = counts_of(f, OTLP_TRACES);
	assert_int_equal(counts.taken + counts.dropped, 800);
	assert_true(counts.taken >= 8);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(t06_only_what_may_leave_leaves),
	    TEST(names_are_known_of_rows_that_came_later),
	    TEST(what_hit_a_request_is_told_by_its_span),
	    TEST(what_ended_a_request_may_come_after_it),
	    TEST(more_failures_than_wait_are_told_at_once),
	    TEST(o21_a_restart_of_the_runtime_loses_and_repeats_nothing),
	    TEST(o21_a_restart_of_ours_repeats_nothing),
	    TEST(what_was_overwritten_is_counted),
	    TEST(t08_what_finds_no_place_is_counted),
	    TEST(o16_the_end_does_not_wait_for_a_slow_receiver),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
