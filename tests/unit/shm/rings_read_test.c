/* SPDX-License-Identifier: Apache-2.0 */
/* Events, spans and evidence: whole records or none, and a count of what was missed. */
#include "rings_bench.h"

#include <errno.h>
#include <pthread.h>

/* ---- events -------------------------------------------------------------- */

static void events_return_every_field(void **state)
{
	struct bench *b = *state;
	const struct snp_event_fields f = {.kind = SNP_EVENT_KIND_HEARTBEAT_MISSED,
					   .initiator = SNP_INITIATOR_KERNEL,
					   .from = SNP_WORKER_STATE_READY,
					   .to = SNP_WORKER_STATE_LOST,
					   .reason = SNP_MOVE_REASON_SIGNAL,
					   .pool = b->pool,
					   .slot = 77,
					   .incarnation = UINT64_C(1) << 40,
					   .pid = 4711,
					   .value = {UINT64_MAX, 2},
					   .trace_id = {3, 4},
					   .evidence = 5};
	struct snp_ring_cursor cursor = {0};
	struct snp_event e[2];

	snp_event_record(&b->bank[1], &f, (snp_mono_t){6});
	assert_int_equal(snp_segment_events(b->seg, &cursor, e, 2), 1);
	assert_int_equal(e[0].seq, 0);
	assert_int_equal(e[0].ring, 1);
	assert_int_equal(e[0].mono.ns, 6);
	assert_int_equal(e[0].kind, f.kind);
	assert_int_equal(e[0].initiator, f.initiator);
	assert_int_equal(e[0].from, f.from);
	assert_int_equal(e[0].to, f.to);
	assert_int_equal(e[0].reason, f.reason);
	assert_int_equal(e[0].pool, f.pool);
	assert_int_equal(e[0].pool_uid, 1);
	assert_int_equal(e[0].slot, 77);
	assert_int_equal(e[0].incarnation, f.incarnation);
	assert_int_equal(e[0].pid, 4711);
	assert_int_equal(e[0].value[0], UINT64_MAX);
	assert_int_equal(e[0].value[1], 2);
	assert_int_equal(e[0].trace_id[0], 3);
	assert_int_equal(e[0].trace_id[1], 4);
	assert_int_equal(e[0].evidence, 5);
}

static void events_come_ring_by_ring_and_once(void **state)
{
	struct bench *b = *state;
	struct snp_ring_cursor cursor = {0};
	struct snp_event e[16];

	write_events(b, 0, 2);
	write_events(b, 1, 3);
	/* In two goes, to leave off inside of a ring. */
	assert_int_equal(snp_segment_events(b->seg, &cursor, e, 3), 3);
	assert_int_equal(snp_segment_events(b->seg, &cursor, e + 3, 13), 2);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(e[i].ring, i >= 2);
		assert_int_equal(e[i].seq, i >= 2 ? i - 2 : i);
	}
	assert_int_equal(snp_segment_events(b->seg, &cursor, e, 16), 0);
	write_events(b, 0, 1);
	assert_int_equal(snp_segment_events(b->seg, &cursor, e, 16), 1);
	assert_int_equal(e[0].seq, 2);
	assert_int_equal(cursor.lost, 0);
}

static void events_overwritten_before_the_cursor_are_counted(void **state)
{
	struct bench *b = *state;
	struct snp_ring_cursor cursor = {0};
	struct snp_event e[16];

	write_events(b, 0, RING + 3);
	assert_int_equal(snp_segment_events(b->seg, &cursor, e, 16), RING);
	assert_int_equal(e[0].seq, 3);
	assert_int_equal(cursor.lost, 3);
	write_events(b, 0, 2 * RING);
	assert_int_equal(snp_segment_events(b->seg, &cursor, e, 16), RING);
	assert_int_equal(cursor.lost, 3 + RING);
}

static void event_that_is_being_written_is_lost(void **state)
{
	struct bench *b = *state;
	struct snp_ring_cursor cursor = {0};
	struct snp_event e[16];

	write_events(b, 0, 4);
	snp_set(record(b, SNP_REGION_EVNT, 0, 0, 1), 0);
	assert_int_equal(snp_segment_events(b->seg, &cursor, e, 16), 3);
	assert_int_equal(e[1].seq, 2);
	assert_int_equal(cursor.lost, 1);
}

static void event_with_a_wrong_checksum_is_lost(void **state)
{
	struct bench *b = *state;
	size_t words = region(b, SNP_REGION_EVNT, 0)->stride / 8;

	write_events(b, 0, 2);
	/* Each word of the record is under the checksum, the reserved one too. */
	for (size_t i = 1; i < words; i++) {
		struct snp_ring_cursor cursor = {0};
		_Atomic uint64_t *w = record(b, SNP_REGION_EVNT, 0, 0, 0) + i;
		struct snp_event e[16];

		snp_set(w, snp_get(w) ^ 1);
		assert_int_equal(snp_segment_events(b->seg, &cursor, e, 16), 1);
		assert_int_equal(e[0].seq, 1);
		assert_int_equal(cursor.lost, 1);
		snp_set(w, snp_get(w) ^ 1);
	}
}

/* A right copy of another record in the place of this one: the sequence is part of the
 * checksum. */
static void event_of_another_number_is_lost(void **state)
{
	struct bench *b = *state;
	struct snp_ring_cursor cursor = {0};
	struct snp_event e[16];

	write_events(b, 0, 2);
	for (size_t i = 1; i < region(b, SNP_REGION_EVNT, 0)->stride / 8; i++)
		snp_set(record(b, SNP_REGION_EVNT, 0, 0, 0) + i,
			snp_get(record(b, SNP_REGION_EVNT, 0, 0, 1) + i));
	assert_int_equal(snp_segment_events(b->seg, &cursor, e, 16), 1);
	assert_int_equal(e[0].seq, 1);
	assert_int_equal(cursor.lost, 1);
}

static void heads_and_capacities_that_lie_end_the_walk(void **state)
{
	struct bench *b = *state;
	_Atomic uint64_t *head = ring_head(b, SNP_REGION_EVNT, 0, 0);
	struct snp_ring_cursor cursor = {0};
	struct snp_event e[16];

	write_events(b, 0, 3);
	snp_set(head + 1, UINT64_MAX); /* capacity */
	assert_int_equal(snp_segment_events(b->seg, &cursor, e, 16), 3);
	snp_set(head, UINT64_MAX);
	assert_int_equal(snp_segment_events(b->seg, &cursor, e, 16), 0);
	assert_int_equal(cursor.lost, UINT64_MAX - 3);
	/* A head that falls is another ring's: the cursor starts again. */
	snp_set(head, 3);
	assert_int_equal(snp_segment_events(b->seg, &cursor, e, 16), 3);
}

/* ---- spans --------------------------------------------------------------- */

static void spans_return_every_field(void **state)
{
	struct bench *b = *state;
	const struct snp_span_fields f = {
	    .kind = SNP_SPAN_KIND_ATTEMPT,
	    .status = SNP_SPAN_STATUS_UNAVAILABLE,
	    .method = SNP_SPAN_METHOD_POOL_EXECUTE,
	    .flags = SNP_SPAN_FLAGS_EXPORT | 0xff,
	    .start = {10},
	    .end = {20},
	    .queue_ns = 5,
	    .trace_id = {UINT64_MAX, 1},
	    .span_id = 2,
	    .parent_span_id = 3,
	    .pool = b->pool,
	    .tool = b->tool,
	    .slot = 1 + 9,
	    .incarnation = 4,
	    .attempt = 2,
	    .correlation = "caf\xc3\xa9",
	    .session = "caf\xc3\xa9 2",
	};
	struct snp_ring_cursor cursor = {0};
	struct snp_span s;

	snp_span_record(&b->bank[0], &f);
	assert_int_equal(snp_segment_spans(b->seg, &cursor, &s, 1), 1);
	assert_int_equal(s.seq, 0);
	assert_int_equal(s.ring, 0);
	assert_int_equal(s.kind, f.kind);
	assert_int_equal(s.status, f.status);
	assert_int_equal(s.method, f.method);
	assert_int_equal(s.flags, f.flags);
	assert_int_equal(s.start.ns, 10);
	assert_int_equal(s.end.ns, 20);
	assert_int_equal(s.queue_ns, 5);
	assert_int_equal(s.trace_id[0], UINT64_MAX);
	assert_int_equal(s.trace_id[1], 1);
	assert_int_equal(s.span_id, 2);
	assert_int_equal(s.parent_span_id, 3);
	assert_int_equal(s.pool, b->pool);
	assert_int_equal(s.pool_uid, 1);
	assert_int_equal(s.tool, b->tool);
	assert_int_equal(s.tool_uid, 4);
	assert_int_equal(s.slot, 10);
	assert_int_equal(s.incarnation, 4);
	assert_int_equal(s.attempt, 2);
	assert_string_equal(s.correlation, "caf\xc3\xa9");
	assert_string_equal(s.session, "caf\xc3\xa9 2");
}

/* Which of the 17 codes, and the tool's own failure, make a span an error. */
static void t09_span_is_an_error_by_status_and_side(void **state)
{
	static const bool of_server[] = {
	    [SNP_SPAN_STATUS_UNKNOWN] = true,
	    [SNP_SPAN_STATUS_DEADLINE_EXCEEDED] = true,
	    [SNP_SPAN_STATUS_UNIMPLEMENTED] = true,
	    [SNP_SPAN_STATUS_INTERNAL] = true,
	    [SNP_SPAN_STATUS_UNAVAILABLE] = true,
	    [SNP_SPAN_STATUS_DATA_LOSS] = true,
	    [SNP_SPAN_STATUS_TOOL_ERROR] = true,
	    [SNP_SPAN_STATUS_NR] = false,
	};
	struct snp_span s = {0};

	(void)state;
	for (s.status = 0; s.status < SNP_SPAN_STATUS_NR; s.status++) {
		s.kind = SNP_SPAN_KIND_REQUEST;
		s.method = SNP_SPAN_METHOD_POOL_EXECUTE;
		assert_int_equal(snp_span_is_error(&s), of_server[s.status]);
		s.method = SNP_SPAN_METHOD_C_API; /* nobody's server */
		assert_int_equal(snp_span_is_error(&s), s.status != 0);
		s.kind = SNP_SPAN_KIND_ATTEMPT;
		assert_int_equal(snp_span_is_error(&s), s.status != 0);
		s.kind = SNP_SPAN_KIND_QUEUE;
		assert_int_equal(snp_span_is_error(&s), s.status != 0);
	}
}

/* As if the wall clock had been set: the writer's next pair of clocks says so. */
static void step_wall_clock(struct bench *b, int64_t by_ns)
{
	struct snp_fmt_header *h = (struct snp_fmt_header *)(void *)b->map;
	struct snp_fmt_heartbeat *hb = &h->hb[snp_get(&h->hb_seq) & 1];

	snp_set(&hb->real_ns, snp_get(&hb->real_ns) + (uint64_t)by_ns);
	snp_set(&hb->crc, snp__crc32c(hb, offsetof(struct snp_fmt_heartbeat, crc)));
}

/* Kept on the monotonic clock, and both ends converted by the same pair. */
static void t14_clock_step_during_a_span_does_not_turn_it_around(void **state)
{
	static const int64_t steps_ns[] = {-3600 * (int64_t)SNP_NS_PER_S,
					   3600 * (int64_t)SNP_NS_PER_S, 0};
	struct bench *b = *state;
	struct snp_ring_cursor cursor = {0};
	struct snp_span s;

	for (size_t i = 0; i < sizeof(steps_ns) / sizeof(steps_ns[0]); i++) {
		const snp_mono_t start = snp_mono_now();
		const snp_mono_t end = {start.ns + 12345};

		step_wall_clock(b, steps_ns[i]);
		snp_span_record(&b->bank[0],
				&(struct snp_span_fields){.start = start, .end = end});
		assert_int_equal(snp_segment_snapshot(b->seg, &b->snap, NULL), 0);
		assert_int_equal(snp_segment_spans(b->seg, &cursor, &s, 1), 1);
		assert_int_equal(snp_snapshot_wall(b->snap, s.end).ns -
				     snp_snapshot_wall(b->snap, s.start).ns,
				 12345);
	}
}

static void span_with_an_id_that_is_no_text_has_none(void **state)
{
	struct bench *b = *state;
	_Atomic uint64_t *id;
	struct snp_ring_cursor cursor = {0};
	struct snp_span s;

	snp_span_record(&b->bank[0], &(struct snp_span_fields){.correlation = "x"});
	id = record(b, SNP_REGION_SPAN, 0, 0, 0) +
	     offsetof(struct snp_fmt_span, correlation) / 8;
	snp_set(id, 0xff);
	reseal(b, SNP_REGION_SPAN, 0, 0, 0);
	assert_int_equal(snp_segment_spans(b->seg, &cursor, &s, 1), 1);
	assert_string_equal(s.correlation, "");
}

/* ---- evidence ------------------------------------------------------------ */

static void evidence_is_put_together_from_its_parts(void **state)
{
	struct bench *b = *state;
	struct snp_evidence found;
	char *text;
	size_t len;
	uint64_t evidence;

	(void)snp_evidence_record(b->writer, &(struct snp_evidence_fields){0}, "first",
				  5, (snp_mono_t){1});
	evidence = write_long_text(b, &text, &len);
	assert_int_equal(snp_segment_evidence(b->seg, evidence, &found), 0);
	assert_int_equal(found.kind, SNP_EVIDENCE_KIND_STACKS);
	assert_int_equal(found.mono.ns, 6);
	assert_int_equal(found.pool, b->pool);
	assert_int_equal(found.slot, 3);
	assert_int_equal(found.incarnation, 4);
	assert_int_equal(found.pid, 5);
	assert_int_equal(found.len, len);
	assert_memory_equal(found.text, text, len);
	assert_int_equal(found.text[len], '\0');
	free(found.text);
	free(text);
}

static uint64_t write_short_text(struct bench *b)
{
	return snp_evidence_record(b->writer, &(struct snp_evidence_fields){0}, "x", 1,
				   (snp_mono_t){1});
}

static void evidence_that_is_not_there_returns_enoent(void **state)
{
	struct bench *b = *state;
	struct snp_evidence found = {.len = 42};
	char *text;
	size_t len;
	uint64_t evidence = write_long_text(b, &text, &len);

	free(text);
	assert_int_equal(snp_segment_evidence(b->seg, 0, &found), -ENOENT);
	assert_int_equal(snp_segment_evidence(b->seg, evidence + 3, &found), -ENOENT);
	(void)write_short_text(b);
	assert_int_equal(snp_segment_evidence(b->seg, UINT64_MAX, &found), -ENOENT);
	/* Not the first of its parts. */
	assert_int_equal(snp_segment_evidence(b->seg, evidence + 1, &found), -ENOENT);
	/* Its second part is gone, its first one is not. */
	snp_set(record(b, SNP_REGION_EVID, 0, 0, evidence), 0);
	assert_int_equal(snp_segment_evidence(b->seg, evidence, &found), -ENOENT);
	/* Overwritten. */
	for (unsigned i = 0; i < TEXTS; i++)
		(void)write_short_text(b);
	assert_int_equal(snp_segment_evidence(b->seg, evidence, &found), -ENOENT);
	assert_int_equal(found.len, 42);
}

static void evidence_with_counts_that_lie_returns_enoent(void **state)
{
	struct bench *b = *state;
	uint64_t evidence = write_short_text(b);
	_Atomic uint64_t *w = record(b, SNP_REGION_EVID, 0, 0, evidence - 1);
	_Atomic uint64_t *part = w + offsetof(struct snp_fmt_evidence, part) / 8;
	_Atomic uint64_t *length = w + offsetof(struct snp_fmt_evidence, length) / 8;
	const uint64_t lies[] = {0, UINT64_C(2) << 32, UINT64_MAX};
	struct snp_evidence found;

	(void)write_short_text(b); /* what a second part would be */
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		snp_set(part, lies[i]);
		reseal(b, SNP_REGION_EVID, 0, 0, evidence - 1);
		assert_int_equal(snp_segment_evidence(b->seg, evidence, &found),
				 -ENOENT);
	}
	snp_set(part, UINT64_C(1) << 32);
	snp_set(length, SNP_EVID_TEXT_BYTES + 1);
	reseal(b, SNP_REGION_EVID, 0, 0, evidence - 1);
	assert_int_equal(snp_segment_evidence(b->seg, evidence, &found), -ENOENT);
}

static void evidence_that_is_no_text_is_empty(void **state)
{
	struct bench *b = *state;
	uint64_t evidence = write_short_text(b);
	struct snp_evidence found;

	snp_set(record(b, SNP_REGION_EVID, 0, 0, evidence - 1) +
		    offsetof(struct snp_fmt_evidence, text) / 8,
		0xff);
	reseal(b, SNP_REGION_EVID, 0, 0, evidence - 1);
	assert_int_equal(snp_segment_evidence(b->seg, evidence, &found), 0);
	assert_int_equal(found.len, 0);
	assert_string_equal(found.text, "");
	free(found.text);
}

/* ---- beside a writer ----------------------------------------------------- */

struct storm {
	struct bench *b;
	atomic_bool stop;
	uint64_t written;
};

static void *write_storm(void *arg)
{
	struct storm *s = arg;
	struct snp_inflight_fields f = request(s->b, 0);

	for (uint64_t n = 1; !atomic_load(&s->stop); n++) {
		snp_event_record(
		    &s->b->bank[0],
		    &(struct snp_event_fields){.pool = s->b->pool, .value = {n, ~n}},
		    (snp_mono_t){n});
		f.trace_id[0] = n;
		f.trace_id[1] = ~n;
		snp_inflight_begin(s->b->writer, s->b->worker[0], 0, &f);
		s->written = n;
	}
	return NULL;
}

static void no_fault(void *user, const char *text)
{
	(void)user;
	fail_msg("%s", text);
}

static void records_are_whole_beside_a_writer(void **state)
{
	struct storm storm = {.b = *state};
	struct snp_ring_cursor cursor = {0};
	struct snp_inflight f[2];
	struct snp_event e[RING];
	uint64_t found = 0, last = 0;
	pthread_t thread;
	size_t n;

	assert_int_equal(pthread_create(&thread, NULL, write_storm, &storm), 0);
	for (unsigned round = 0; round < 20000 || found < 1000; round++) {
		n = snp_segment_events(storm.b->seg, &cursor, e, RING);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(e[i].value[1], ~e[i].value[0]);
			assert_int_equal(e[i].value[0], e[i].seq + 1);
			assert_true(e[i].value[0] > last);
			last = e[i].value[0];
		}
		found += n;
		if (snp_segment_inflight(storm.b->seg, f, 2) == 1)
			assert_int_equal(f[0].trace_id[1], ~f[0].trace_id[0]);
		if (round % 100 == 0)
			assert_int_equal(
			    snp_segment_audit(storm.b->seg, no_fault, NULL), 0);
	}
	atomic_store(&storm.stop, true);
	pthread_join(thread, NULL);
	found += snp_segment_events(storm.b->seg, &cursor, e, RING);
	assert_int_equal(found + cursor.lost, storm.written);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(events_return_every_field),
	    T(events_come_ring_by_ring_and_once),
	    T(events_overwritten_before_the_cursor_are_counted),
	    T(event_that_is_being_written_is_lost),
	    T(event_with_a_wrong_checksum_is_lost),
	    T(event_of_another_number_is_lost),
	    T(heads_and_capacities_that_lie_end_the_walk),
	    T(spans_return_every_field),
	    T(t09_span_is_an_error_by_status_and_side),
	    T(t14_clock_step_during_a_span_does_not_turn_it_around),
	    T(span_with_an_id_that_is_no_text_has_none),
	    T(evidence_is_put_together_from_its_parts),
	    T(evidence_that_is_not_there_returns_enoent),
	    T(evidence_with_counts_that_lie_returns_enoent),
	    T(evidence_that_is_no_text_is_empty),
	    T(records_are_whole_beside_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
