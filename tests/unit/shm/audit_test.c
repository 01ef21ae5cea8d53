/* SPDX-License-Identifier: Apache-2.0 */
/* Faults in records are found, and what only looks like one is not taken for one. */
#include "rings_bench.h"

static unsigned faults;
static char last_fault[128];

static void note_fault(void *user, const char *text)
{
	(void)user;
	faults++;
	(void)snprintf(last_fault, sizeof(last_fault), "%s", text);
}

static uint64_t audit(const struct bench *b)
{
	uint64_t found;

	faults = 0;
	found = snp_segment_audit(b->seg, note_fault, NULL);
	assert_int_equal(found, faults);
	return found;
}

/* ---- audit --------------------------------------------------------------- */

static void audit_finds_nothing_in_what_is_whole(void **state)
{
	struct bench *b = *state;
	struct snp_inflight_fields one = request(b, 100);
	char *text;
	size_t len;

	write_events(b, 0, 3 * RING);
	snp_span_record(&b->bank[1], &(struct snp_span_fields){.pool = b->pool});
	(void)write_long_text(b, &text, &len);
	free(text);
	snp_inflight_begin(b->writer, b->worker[0], 0, &one);
	for (uint64_t i = 0; i < 2 * HISTORY_S; i++)
		sample_at(b, i);
	assert_int_equal(audit(b), 0);
}

/* What a writer that died inside a record leaves behind is no fault. */
static void audit_knows_the_record_that_was_being_written(void **state)
{
	struct bench *b = *state;

	write_events(b, 0, RING + 2);
	snp_set(record(b, SNP_REGION_EVNT, 0, 0, 2), 0); /* of RING + 2, to be */
	assert_int_equal(audit(b), 0);
	snp_set(record(b, SNP_REGION_EVNT, 0, 0, 3), 0);
	assert_int_equal(audit(b), 1);
	assert_string_equal(last_fault, "events, ring 0: record 3 is not whole");
}

static void audit_finds_damage_in_every_ring(void **state)
{
	struct bench *b = *state;
	const uint32_t rings[][2] = {{SNP_REGION_EVNT, 0},
				     {SNP_REGION_SPAN, 0},
				     {SNP_REGION_EVID, 0},
				     {SNP_REGION_HIST, SNP_ROW_POOL},
				     {SNP_REGION_HIST, SNP_ROW_WORKER}};
	char *text;
	size_t len;

	write_events(b, 0, 1);
	snp_span_record(&b->bank[0], &(struct snp_span_fields){.pool = b->pool});
	(void)write_long_text(b, &text, &len);
	free(text);
	sample_at(b, 0);
	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
		_Atomic uint64_t *w = record(b, rings[i][0], rings[i][1], 0, 0);

		assert_int_equal(audit(b), 0);
		snp_set(w + 2, snp_get(w + 2) ^ 1);
		assert_int_equal(audit(b), 1);
		snp_set(w + 2, snp_get(w + 2) ^ 1);
	}
}

static void audit_says_what_is_wrong_with_a_request_in_flight(void **state)
{
	struct bench *b = *state;
	struct snp_inflight_fields one = request(b, 100);
	struct snp_fmt_inflight *slot = inflight_slot(b, b->worker[1], 1);

	snp_inflight_begin(b->writer, b->worker[1], 1, &one);
	snp_set(&slot->copy[snp_get(&slot->seq) & 1][SNP_INFL_INCARNATION], 101);
	assert_int_equal(audit(b), 1);
	assert_string_equal(last_fault,
			    "request in flight, worker row 1, slot 1: is not whole");
	one.received.ns = one.start.ns + 1;
	snp_inflight_begin(b->writer, b->worker[1], 1, &one);
	assert_int_equal(audit(b), 1);
	assert_non_null(strstr(last_fault, "started before it was received"));
	one = request(b, 100);
	one.tool = 2;
	snp_inflight_begin(b->writer, b->worker[1], 1, &one);
	assert_int_equal(audit(b), 1);
	assert_non_null(strstr(last_fault, "names a tool that cannot be"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(audit_finds_nothing_in_what_is_whole),
	    T(audit_knows_the_record_that_was_being_written),
	    T(audit_finds_damage_in_every_ring),
	    T(audit_says_what_is_wrong_with_a_request_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
