/* SPDX-License-Identifier: Apache-2.0 */
/* Events, spans, requests in flight, evidence and threads, in the bytes a reader sees:
 * each word in its place, checksums that readers without memory ordering go by. */
#include "snp_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "crc32c.h"
#include "segment_bytes.h"
#include "snakepit/write.h"

#define RING	 8
#define EVIDENCE 6
#define INFLIGHT 16 /* times 256 bytes: a page, were it the stride of rows */

struct fixture {
	char dir[64];
	struct snp_writer *w;
	struct segment_bytes b;
	struct snp_bank bank;
	uint32_t pool, worker, tool;
};

static uint32_t declare(struct fixture *f, unsigned kind, const char *name)
{
	const struct snp_row_decl decl = {.kind = kind, .pool = f->pool, .name = name};
	uint32_t index = UINT32_MAX;

	assert_int_equal(snp_row_declare(f->w, &decl, &index, NULL), 0);
	return index;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct snp_writer_options o = {.dir = f->dir,
				       .instance = "unit",
				       .pools_max = 2,
				       .workers_max = 3,
				       .tools_max = 2,
				       .banks_max = 2,
				       .events_per_ring = RING,
				       .spans_per_ring = RING,
				       .inflight_per_worker = INFLIGHT,
				       .evidence_max = EVIDENCE};
	struct snp_err err = {0};

	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	if (snp_writer_create(&o, &f->w, &err) < 0)
		fail_msg("%s", err.msg);
	(void)declare(f, SNP_ROW_POOL, "first");
	f->pool = declare(f, SNP_ROW_POOL, "second");
	f->worker = declare(f, SNP_ROW_WORKER, NULL);
	f->tool = declare(f, SNP_ROW_TOOL, "t");
	assert_int_equal(snp_bank_adopt(f->w, &f->bank), 0);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	f->b = segment_bytes_open(snp_writer_path(f->w));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	segment_bytes_close(&f->b);
	snp_writer_close(&f->w);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

/* What format.h says of word 1: the CRC of n + 1 and of words 2 to the end. */
static void assert_record_whole(const void *record, size_t bytes, uint64_t n)
{
	uint64_t words[512], crc;

	assert_true(bytes <= sizeof(words));
	memcpy(words, record, bytes);
	assert_int_equal(words[0], n + 1);
	crc = words[1];
	words[1] = n + 1;
	assert_int_equal(crc, snp__crc32c(&words[1], bytes - sizeof(words[0])));
}

/* ---- events -------------------------------------------------------------- */

static const struct snp_fmt_event *event_at(const struct fixture *f, uint64_t index)
{
	return segment_bytes_entry(&f->b, SNP_REGION_EVNT, 0, f->bank.index, index);
}

static void event_has_every_field_in_its_word(void **state)
{
	struct fixture *f = *state;
	const struct snp_event_fields fields = {.kind = SNP_EVENT_KIND_HEARTBEAT_MISSED,
						.initiator = SNP_INITIATOR_KERNEL,
						.from = SNP_WORKER_STATE_READY,
						.to = SNP_WORKER_STATE_LOST,
						.reason = SNP_MOVE_REASON_SIGNAL,
						.pool = f->pool,
						.slot = 7,
						.incarnation = 8,
						.pid = 9,
						.value = {10, 11},
						.trace_id = {12, 13},
						.evidence = 14};
	const struct snp_fmt_event *e = event_at(f, 0);
	const struct snp_fmt_row *pool =
	    segment_bytes_row(&f->b, SNP_ROW_POOL, f->pool);

	snp_event_record(&f->bank, &fields, (snp_mono_t){6});
	assert_record_whole(e, sizeof(*e), 0);
	assert_int_equal(segment_bytes_word(e, mono_ns), 6);
	assert_int_equal(segment_bytes_word(e, kind),
			 fields.kind | fields.initiator << 16 |
			     (uint64_t)fields.from << 32 | (uint64_t)fields.to << 48);
	assert_int_equal(segment_bytes_word(e, reason), SNP_MOVE_REASON_SIGNAL);
	assert_int_equal(segment_bytes_word(e, pool), f->pool);
	assert_int_equal(segment_bytes_word(e, pool_uid),
			 segment_bytes_word(pool, uid));
	assert_int_not_equal(segment_bytes_word(e, pool_uid), 0);
	assert_int_equal(segment_bytes_word(e, slot), 7);
	assert_int_equal(segment_bytes_word(e, incarnation), 8);
	assert_int_equal(segment_bytes_word(e, pid), 9);
	assert_int_equal(segment_bytes_word(e, value[0]), 10);
	assert_int_equal(segment_bytes_word(e, value[1]), 11);
	assert_int_equal(segment_bytes_word(e, trace_id[0]), 12);
	assert_int_equal(segment_bytes_word(e, trace_id[1]), 13);
	assert_int_equal(segment_bytes_word(e, evidence), 14);
}

static void ring_goes_round_and_overwrites_the_oldest(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_ring *ring =
	    segment_bytes_block(&f->b, SNP_REGION_EVNT, 0, f->bank.index);

	assert_int_equal(ring->capacity, RING);
	for (uint64_t n = 0; n < 2 * RING + 3; n++) {
		snp_event_record(&f->bank, &(struct snp_event_fields){.value = {n}},
				 (snp_mono_t){1});
		assert_int_equal(segment_bytes_word(ring, head), n + 1);
		assert_record_whole(event_at(f, n % RING), sizeof(struct snp_fmt_event),
				    n);
		assert_int_equal(segment_bytes_word(event_at(f, n % RING), value[0]),
				 n);
	}
}

/* An event of no pool, or of nonsense, must not lead the writer out of the segment. */
static void event_of_a_pool_that_cannot_be_has_no_uid(void **state)
{
	struct fixture *f = *state;

	snp_event_record(&f->bank, &(struct snp_event_fields){.pool = UINT32_MAX},
			 (snp_mono_t){1});
	assert_int_equal(segment_bytes_word(event_at(f, 0), pool), UINT32_MAX);
	assert_int_equal(segment_bytes_word(event_at(f, 0), pool_uid), 0);
}

/* ---- spans --------------------------------------------------------------- */

static const struct snp_fmt_span *span_at(const struct fixture *f, uint64_t index)
{
	return segment_bytes_entry(&f->b, SNP_REGION_SPAN, 0, f->bank.index, index);
}

static void span_has_every_field_in_its_word(void **state)
{
	struct fixture *f = *state;
	const struct snp_span_fields fields = {
	    .kind = SNP_SPAN_KIND_ATTEMPT,
	    .status = SNP_SPAN_STATUS_UNAVAILABLE,
	    .method = SNP_SPAN_METHOD_BRIDGE_EXECUTE_TOOL,
	    .flags = SNP_SPAN_FLAGS_EXPORT | 1,
	    .start = {2},
	    .end = {3},
	    .queue_ns = 4,
	    .trace_id = {5, 6},
	    .span_id = 7,
	    .parent_span_id = 8,
	    .pool = f->pool,
	    .tool = f->tool,
	    .slot = 9,
	    .incarnation = 10,
	    .attempt = 11,
	    .correlation = "a-correlation-id",
	    .session = "a-session",
	};
	const struct snp_fmt_span *s = span_at(f, 0);

	snp_span_record(&f->bank, &fields);
	assert_record_whole(s, sizeof(*s), 0);
	assert_int_equal(segment_bytes_word(s, start_mono_ns), 2);
	assert_int_equal(segment_bytes_word(s, end_mono_ns), 3);
	assert_int_equal(segment_bytes_word(s, trace_id[0]), 5);
	assert_int_equal(segment_bytes_word(s, trace_id[1]), 6);
	assert_int_equal(segment_bytes_word(s, span_id), 7);
	assert_int_equal(segment_bytes_word(s, parent_span_id), 8);
	assert_int_equal(segment_bytes_word(s, kind),
			 SNP_SPAN_KIND_ATTEMPT | 14 << 16 | UINT64_C(3) << 32);
	assert_int_equal(segment_bytes_word(s, flags), 0x401);
	assert_int_equal(segment_bytes_word(s, queue_ns), 4);
	assert_int_equal(segment_bytes_word(s, pool), f->pool);
	assert_int_equal(
	    segment_bytes_word(s, pool_uid),
	    segment_bytes_word(segment_bytes_row(&f->b, SNP_ROW_POOL, f->pool), uid));
	assert_int_equal(segment_bytes_word(s, tool), f->tool);
	assert_int_equal(
	    segment_bytes_word(s, tool_uid),
	    segment_bytes_word(segment_bytes_row(&f->b, SNP_ROW_TOOL, f->tool), uid));
	assert_int_not_equal(segment_bytes_word(s, pool_uid),
			     segment_bytes_word(s, tool_uid));
	assert_int_equal(segment_bytes_word(s, slot), 9);
	assert_int_equal(segment_bytes_word(s, incarnation), 10);
	assert_int_equal(segment_bytes_word(s, attempt), 11);
	assert_string_equal((const char *)s->correlation, "a-correlation-id");
	assert_string_equal((const char *)s->session, "a-session");
}

/* What a span keeps of its texts: `kept` bytes, but no part of a character. */
static void assert_cut(struct fixture *f, const char *text, size_t kept)
{
	const struct snp_fmt_ring *ring =
	    segment_bytes_block(&f->b, SNP_REGION_SPAN, 0, f->bank.index);
	uint64_t n = segment_bytes_word(ring, head);
	const struct snp_fmt_span *s = span_at(f, n % RING);
	char expected[SNP_SPAN_CORRELATION_BYTES] = "";
	char session[SNP_SPAN_SESSION_BYTES] = "";

	memcpy(expected, text, kept);
	memcpy(session, text, kept < sizeof(session) ? kept : sizeof(session));
	snp_span_record(
	    &f->bank, &(struct snp_span_fields){.correlation = text, .session = text});
	assert_record_whole(s, sizeof(*s), n);
	assert_memory_equal(s->correlation, expected, sizeof(expected));
	assert_memory_equal(s->session, session, sizeof(session));
}

static void correlation_is_cut_between_characters(void **state)
{
	struct fixture *f = *state;
	char text[SNP_SPAN_CORRELATION_BYTES + 10];

	memset(text, 'c', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_cut(f, text, SNP_SPAN_CORRELATION_BYTES);
	memcpy(text + SNP_SPAN_CORRELATION_BYTES - 1, "\xc3\xa9", 2);
	assert_cut(f, text, SNP_SPAN_CORRELATION_BYTES - 1);
	memcpy(text + SNP_SPAN_CORRELATION_BYTES - 3, "\xf0\x9f\x90\x8d", 4);
	assert_cut(f, text, SNP_SPAN_CORRELATION_BYTES - 3);
	memcpy(text + SNP_SPAN_CORRELATION_BYTES - 4,
	       "\xf0\x9f\x90\x8d"
	       "c",
	       5);
	assert_cut(f, text, SNP_SPAN_CORRELATION_BYTES);
	assert_cut(f, "", 0);
	snp_span_record(&f->bank, &(struct snp_span_fields){.correlation = NULL});
}

/* ---- requests in flight -------------------------------------------------- */

static const struct snp_fmt_inflight *slot_at(const struct fixture *f, uint64_t at)
{
	return segment_bytes_entry(&f->b, SNP_REGION_INFL, SNP_ROW_WORKER, f->worker,
				   at);
}

/* The current copy of a slot, checked as a reader does. */
static const uint64_t *inflight_copy(const struct fixture *f, uint64_t at)
{
	const struct snp_fmt_inflight *slot = slot_at(f, at);
	const uint64_t *copy =
	    (const uint64_t *)slot->copy[segment_bytes_word(slot, seq) & 1];

	assert_int_equal(copy[SNP_INFL_CRC],
			 snp__crc32c(copy, SNP_INFL_WORDS * sizeof(*copy)));
	return copy;
}

static void inflight_slot_holds_the_request_until_its_end(void **state)
{
	struct fixture *f = *state;
	const struct snp_inflight_fields fields = {.start = {1},
						   .deadline = {2},
						   .received = {3},
						   .tool = f->tool + 4,
						   .incarnation = 5,
						   .trace_id = {6, 7},
						   .correlation = "request-1"};
	const uint64_t *copy;

	snp_inflight_begin(f->w, f->worker, INFLIGHT - 1, &fields);
	copy = inflight_copy(f, INFLIGHT - 1);
	assert_int_equal(copy[SNP_INFL_START_MONO_NS], 1);
	assert_int_equal(copy[SNP_INFL_DEADLINE_MONO_NS], 2);
	assert_int_equal(copy[SNP_INFL_RECEIVED_MONO_NS], 3);
	assert_int_equal(copy[SNP_INFL_TOOL], f->tool + 4);
	assert_int_equal(copy[SNP_INFL_INCARNATION], 5);
	assert_int_equal(copy[SNP_INFL_TRACE_ID], 6);
	assert_int_equal(copy[SNP_INFL_TRACE_ID_LO], 7);
	assert_string_equal((const char *)&copy[SNP_INFL_CORRELATION], "request-1");

	snp_inflight_end(f->w, f->worker, INFLIGHT - 1);
	copy = inflight_copy(f, INFLIGHT - 1);
	for (unsigned i = 0; i < SNP_INFL_WORDS; i++)
		assert_int_equal(copy[i], 0);
	/* No other slot was touched. */
	for (uint64_t at = 0; at < INFLIGHT - 1; at++)
		assert_int_equal(segment_bytes_word(slot_at(f, at), seq), 0);
}

static void inflight_look_sees_what_was_begun_and_not_ended(void **state)
{
	struct fixture *f = *state;
	const struct snp_inflight_fields fields = {.start = {5},
						   .deadline = {9},
						   .received = {3},
						   .tool = 1,
						   .incarnation = 7,
						   .trace_id = {0xaa, 0xbb},
						   .correlation = "req-1"};
	char correlation[SNP_INFL_CORRELATION_BYTES + 1];
	struct snp_inflight_fields found;

	assert_false(snp_inflight_look(f->w, f->worker, 0, &found, correlation));
	snp_inflight_begin(f->w, f->worker, 0, &fields);
	assert_true(snp_inflight_look(f->w, f->worker, 0, &found, correlation));
	assert_int_equal(found.start.ns, 5);
	assert_int_equal(found.deadline.ns, 9);
	assert_int_equal(found.received.ns, 3);
	assert_int_equal(found.tool, 1);
	assert_int_equal(found.incarnation, 7);
	assert_int_equal(found.trace_id[0], 0xaa);
	assert_int_equal(found.trace_id[1], 0xbb);
	assert_string_equal(found.correlation, "req-1");
	snp_inflight_end(f->w, f->worker, 0);
	assert_false(snp_inflight_look(f->w, f->worker, 0, &found, correlation));
	assert_false(snp_inflight_look(f->w, f->worker, INFLIGHT, &found, correlation));
}

static void inflight_slots_of_rows_lie_apart(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_region *r =
	    segment_bytes_region(&f->b, SNP_REGION_INFL, SNP_ROW_WORKER);

	assert_int_equal(r->count, INFLIGHT);
	assert_int_equal(r->outer_count, 3);
	assert_true(r->outer_stride > r->len);
	assert_int_not_equal(r->outer_stride % SNP_FMT_PAGE, 0);
}

/* ---- evidence ------------------------------------------------------------ */

static const struct snp_fmt_evidence *part_at(const struct fixture *f, uint64_t n)
{
	return segment_bytes_entry(&f->b, SNP_REGION_EVID, 0, 0, n % EVIDENCE);
}

static uint64_t keep(struct fixture *f, const char *text, size_t len)
{
	const struct snp_evidence_fields fields = {.kind = SNP_EVIDENCE_KIND_STACKS,
						   .pool = f->pool,
						   .slot = 2,
						   .incarnation = 3,
						   .pid = 4};

	return snp_evidence_record(f->w, &fields, text, len, (snp_mono_t){5});
}

/* Put the parts of a text together as readers do; returns its length. */
static size_t assemble(const struct fixture *f, uint64_t evidence, char *ret_text)
{
	uint64_t n = evidence - 1, parts = 1;
	size_t len = 0;

	for (uint64_t i = 0; i < parts; i++) {
		const struct snp_fmt_evidence *e = part_at(f, n + i);
		uint64_t length = segment_bytes_word(e, length);

		assert_record_whole(e, sizeof(*e), n + i);
		assert_int_equal(segment_bytes_word(e, part) & UINT32_MAX, i);
		parts = segment_bytes_word(e, part) >> 32;
		assert_true(length > 0 && length <= SNP_EVID_TEXT_BYTES);
		memcpy(ret_text + len, e->text, length);
		for (uint64_t k = length; k < SNP_EVID_TEXT_BYTES; k++)
			assert_int_equal(((const char *)e->text)[k], 0);
		len += length;
	}
	return len;
}

static void evidence_has_every_field_in_its_word(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_evidence *e = part_at(f, 0);
	char text[SNP_EVID_TEXT_BYTES];

	assert_int_equal(keep(f, "gone", 4), 1);
	assert_int_equal(segment_bytes_word(e, mono_ns), 5);
	assert_int_equal(segment_bytes_word(e, kind), SNP_EVIDENCE_KIND_STACKS);
	assert_int_equal(segment_bytes_word(e, pool), f->pool);
	assert_int_equal(
	    segment_bytes_word(e, pool_uid),
	    segment_bytes_word(segment_bytes_row(&f->b, SNP_ROW_POOL, f->pool), uid));
	assert_int_equal(segment_bytes_word(e, slot), 2);
	assert_int_equal(segment_bytes_word(e, incarnation), 3);
	assert_int_equal(segment_bytes_word(e, pid), 4);
	assert_int_equal(assemble(f, 1, text), 4);
	assert_memory_equal(text, "gone", 4);
	assert_int_equal(keep(f, "", 0), 0);
	assert_int_equal(keep(f, "next", 4), 2);
}

static void evidence_is_split_between_characters(void **state)
{
	struct fixture *f = *state;
	char text[2 * SNP_EVID_TEXT_BYTES], got[sizeof(text)];
	size_t len = SNP_EVID_TEXT_BYTES + 100;

	memset(text, 'x', sizeof(text));
	/* Three bytes over the end of the first part. */
	memcpy(text + SNP_EVID_TEXT_BYTES - 1, "\xe2\x82\xac", 3);
	assert_int_equal(keep(f, text, len), 1);
	assert_int_equal(segment_bytes_word(part_at(f, 0), part), UINT64_C(2) << 32);
	assert_int_equal(segment_bytes_word(part_at(f, 0), length),
			 SNP_EVID_TEXT_BYTES - 1);
	assert_int_equal(assemble(f, 1, got), len);
	assert_memory_equal(got, text, len);
}

static void evidence_that_is_not_utf8_has_question_marks(void **state)
{
	struct fixture *f = *state;
	static const char bytes[] = "a\0b\xff\xc3\xa9\xe2\x82";
	char got[SNP_EVID_TEXT_BYTES];

	assert_int_equal(keep(f, bytes, sizeof(bytes) - 1), 1);
	assert_int_equal(assemble(f, 1, got), sizeof(bytes) - 1);
	assert_memory_equal(got, "a?b?\xc3\xa9??", sizeof(bytes) - 1);
}

/* At most half of the ring, and then the end of the text: that is what happened last.
 */
static void evidence_that_is_too_long_loses_its_head(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_header *h = segment_bytes_header(&f->b);
	enum { LEN = SNP_EVID_TEXT_BYTES * EVIDENCE };
	static char text[LEN], got[LEN];
	size_t len;

	for (size_t i = 0; i < LEN; i++) /* two bytes a character all the way */
		text[i] = i % 2 ? '\xa9' : '\xc3';
	for (uint64_t round = 0; round < 3; round++) {
		assert_int_equal(keep(f, text, LEN), round * EVIDENCE / 2 + 1);
		len = assemble(f, round * EVIDENCE / 2 + 1, got);
		assert_true(len <= SNP_EVID_TEXT_BYTES * EVIDENCE / 2);
		assert_true(len > SNP_EVID_TEXT_BYTES * (EVIDENCE / 2 - 1));
		assert_int_equal(len % 2, 0);
		assert_memory_equal(got, text + LEN - len, len);
		assert_int_equal(segment_bytes_word(h, text_truncated), round + 1);
	}
}

/* ---- texts of workers ---------------------------------------------------- */

static void worker_text_that_is_cut_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_header *h = segment_bytes_header(&f->b);
	char text[SNP_TEXT_BYTES + 1];

	memset(text, 'x', sizeof(text));
	text[SNP_TEXT_BYTES - 1] = '\0';
	snp_worker_text_set(f->w, f->worker, text);
	assert_int_equal(segment_bytes_word(h, text_truncated), 0);
	text[SNP_TEXT_BYTES - 1] = 'x';
	text[SNP_TEXT_BYTES] = '\0';
	snp_worker_text_set(f->w, f->worker, text);
	assert_int_equal(segment_bytes_word(h, text_truncated), 1);
}

/* ---- threads ------------------------------------------------------------- */

static const struct snp_fmt_thread *thread_of(const struct fixture *f, uint64_t bank)
{
	return segment_bytes_entry(&f->b, SNP_REGION_THRD, 0, 0, bank);
}

struct holder {
	struct fixture *f;
	struct snp_bank bank;
	uint64_t tid;
};

static void *hold(void *arg)
{
	struct holder *h = arg;

	assert_int_equal(pthread_setname_np(pthread_self(), "loop \xc3\xa9 123456"), 0);
	snp_bank_name_thread(&h->bank);
	snp_bank_busy(&h->bank, (snp_mono_t){77});
	h->tid = (uint64_t)gettid();
	return NULL;
}

static void thread_that_takes_a_bank_is_named_and_gone_after_release(void **state)
{
	struct fixture *f = *state;
	struct holder h = {.f = f};
	const struct snp_fmt_thread *t;
	pthread_t thread;

	assert_int_equal(snp_bank_adopt(f->w, &h.bank), 0);
	t = thread_of(f, h.bank.index);
	assert_int_equal(segment_bytes_word(t, tid), (uint64_t)gettid());
	assert_int_equal(pthread_create(&thread, NULL, hold, &h), 0);
	pthread_join(thread, NULL);
	assert_int_equal(segment_bytes_word(t, tid), h.tid);
	assert_int_not_equal(h.tid, (uint64_t)gettid());
	assert_memory_equal(t->name, "loop \xc3\xa9 123456\0\0", 16);
	assert_int_equal(segment_bytes_word(t, busy_since_mono_ns), 77);
	snp_bank_idle(&h.bank);
	assert_int_equal(segment_bytes_word(t, busy_since_mono_ns), 0);
	snp_bank_busy(&h.bank, (snp_mono_t){78});
	snp_bank_release(f->w, &h.bank);
	assert_int_equal(segment_bytes_word(t, tid), 0);
	assert_int_equal(segment_bytes_word(t, busy_since_mono_ns), 0);
}

static void bank_adopted_again_goes_on_with_totals_and_rings(void **state)
{
	struct fixture *f = *state;
	const struct snp_tool_cells *cells = segment_bytes_entry(
	    &f->b, SNP_REGION_BANK, SNP_ROW_TOOL, f->bank.index, f->tool);

	for (uint64_t n = 0; n < 3; n++) {
		snp_add(f->bank.tools[f->tool].requests, 5);
		snp_event_record(&f->bank, &(struct snp_event_fields){.pid = n},
				 (snp_mono_t){1});
		snp_bank_release(f->w, &f->bank);
		assert_int_equal(snp_bank_adopt(f->w, &f->bank), 0);
		assert_int_equal(segment_bytes_word(cells, requests[0]), 5 * (n + 1));
		assert_record_whole(event_at(f, n), sizeof(struct snp_fmt_event), n);
	}
}

/* ---- the end ------------------------------------------------------------- */

static void close_leaves_the_reason_and_a_last_image(void **state)
{
	struct fixture *f = *state;
	const struct snp_fmt_header *h = segment_bytes_header(&f->b);
	const struct snp_fmt_snap *half;
	uint64_t before = segment_bytes_word(h, snap_seq), seq;

	snp_writer_set_stop_reason(f->w, SNP_STOP_REASON_REQUESTED);
	snp_writer_close(&f->w);
	assert_int_equal(segment_bytes_word(h, state), SNP_STATE_CLOSED);
	assert_int_equal(segment_bytes_word(h, stop_reason), SNP_STOP_REASON_REQUESTED);
	seq = segment_bytes_word(h, snap_seq);
	assert_int_equal(seq, before + 1);
	half = segment_bytes_block(&f->b, SNP_REGION_SNAP, 0, seq & 1);
	assert_int_equal(half->seq, seq);
	assert_int_equal(half->crc,
			 snp__crc32c(&half->seq, half->length - sizeof(half->crc)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(event_has_every_field_in_its_word),
	    T(ring_goes_round_and_overwrites_the_oldest),
	    T(event_of_a_pool_that_cannot_be_has_no_uid),
	    T(span_has_every_field_in_its_word),
	    T(correlation_is_cut_between_characters),
	    T(inflight_slot_holds_the_request_until_its_end),
	    T(inflight_look_sees_what_was_begun_and_not_ended),
	    T(inflight_slots_of_rows_lie_apart),
	    T(evidence_has_every_field_in_its_word),
	    T(evidence_is_split_between_characters),
	    T(evidence_that_is_not_utf8_has_question_marks),
	    T(evidence_that_is_too_long_loses_its_head),
	    T(worker_text_that_is_cut_is_counted),
	    T(thread_that_takes_a_bank_is_named_and_gone_after_release),
	    T(bank_adopted_again_goes_on_with_totals_and_rings),
	    T(close_leaves_the_reason_and_a_last_image),
	};

	return cmocka_run_group_tests_name("shm/records", tests, NULL, NULL);
}
