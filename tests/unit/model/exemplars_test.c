/* SPDX-License-Identifier: Apache-2.0 */
/* P09, the pure side: which of the requests that ended stands for a bucket. */
#include "model/exemplars.h"

#include "segment_fixture.h"

#define SAMPLED	  1U
#define MS	  UINT64_C(1000000)
#define BUCKET_1S 9 /* (0.75 s, 1 s] of the metric's bounds */

/* ---- fixture ------------------------------------------------------------- */

struct fixture {
	struct segment_fixture writer;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct snp_exemplars *exemplars;
	snp_mono_t now;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct snp_err err = {0};

	if (!f)
		return -1;
	segment_fixture_open(&f->writer, "default", "word_stats");
	if (snp_segment_attach(f->writer.path, &f->seg, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(snp_exemplars_create(SNP_EXEMPLARS_SAMPLED, &f->exemplars), 0);
	f->now = snp_mono_now();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snp_exemplars_destroy(&f->exemplars);
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	segment_fixture_close(&f->writer);
	free(f);
	return 0;
}

static struct snp_span_fields request_of(const struct fixture *f, uint64_t trace,
					 uint64_t ns)
{
	return (struct snp_span_fields){.kind = SNP_SPAN_KIND_REQUEST,
					.flags = SAMPLED,
					.start = {f->now.ns - ns},
					.end = f->now,
					.trace_id = {trace, ~trace},
					.span_id = trace + 1};
}

/* A request that took `ns` ends, `later_ms` after the one before. */
static void end_request(struct fixture *f, uint64_t trace, uint64_t ns,
			uint64_t later_ms)
{
	struct snp_span_fields span;

	f->now = snp_mono_add_ms(f->now, later_ms);
	span = request_of(f, trace, ns);
	snp_span_record(&f->writer.bank, &span);
}

/* The exemplar of the bucket up to a second; NULL when there are none at all. */
static const struct snp_exemplar *look(struct fixture *f)
{
	struct snp_series series = {0};
	const struct snp_exemplar *buckets;

	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	snp_exemplars_look(f->exemplars, f->seg, f->snap);
	series.metric = snp_snapshot_metric_find(f->snap, "snakepit.request.duration");
	assert_non_null(series.metric);
	assert_int_equal(series.metric->bounds_ns[BUCKET_1S], 1000 * MS);
	buckets = snp_exemplars_of(f->exemplars, f->snap, &series);
	return buckets ? &buckets[BUCKET_1S] : NULL;
}

/* ---- cases --------------------------------------------------------------- */

static void p09_slower_takes_the_place_of_faster(void **state)
{
	struct fixture *f = *state;

	assert_null(look(f));
	end_request(f, 1, 800 * MS, 1);
	assert_int_equal(look(f)->trace_id[0], 1);
	end_request(f, 2, 790 * MS, 1);
	assert_int_equal(look(f)->trace_id[0], 1);
	end_request(f, 3, 900 * MS, 1);
	end_request(f, 4, 850 * MS, 1);
	assert_int_equal(look(f)->trace_id[0], 3);
	assert_int_equal(look(f)->trace_id[1], ~UINT64_C(3));
	assert_int_equal(look(f)->span_id, 4);
	assert_int_equal(look(f)->value_ns, 900 * MS);
}

static void p09_old_gives_way_to_any(void **state)
{
	struct fixture *f = *state;

	end_request(f, 1, 900 * MS, 1);
	end_request(f, 2, 800 * MS, 60000);
	assert_int_equal(look(f)->trace_id[0], 1);
	end_request(f, 3, 800 * MS, 1);
	assert_int_equal(look(f)->trace_id[0], 3);
}

/* What a server would refuse as out of order. */
static void p09_never_back_in_time(void **state)
{
	struct fixture *f = *state;

	end_request(f, 1, 800 * MS, 10);
	f->now.ns -= 20 * MS;
	end_request(f, 2, 900 * MS, 0);
	assert_int_equal(look(f)->trace_id[0], 1);
}

static void p09_bounds_belong_to_their_bucket(void **state)
{
	struct fixture *f = *state;

	end_request(f, 1, 1000 * MS, 1);
	assert_int_equal(look(f)->trace_id[0], 1);
	end_request(f, 2, 1000 * MS + 1, 1);
	assert_int_equal(look(f)->trace_id[0], 1);
	assert_int_equal(look(f)[1].trace_id[0], 2);
	end_request(f, 3, 750 * MS, 1);
	assert_int_equal(look(f)[-1].trace_id[0], 3);
	end_request(f, 4, UINT64_C(1000000) * MS, 1);
	assert_int_equal(look(f)[18 - BUCKET_1S].trace_id[0], 4);
}

static void p09_only_sampled_requests_of_the_tool_count(void **state)
{
	struct fixture *f = *state;
	struct snp_span_fields span = request_of(f, 1, 900 * MS);

	span.flags = 0;
	snp_span_record(&f->writer.bank, &span);
	span = request_of(f, 2, 900 * MS);
	span.kind = SNP_SPAN_KIND_ATTEMPT;
	snp_span_record(&f->writer.bank, &span);
	span = request_of(f, 0, 900 * MS);
	span.trace_id[1] = 0;
	snp_span_record(&f->writer.bank, &span);
	span = request_of(f, 3, 900 * MS);
	span.tool = 3; /* no such row */
	snp_span_record(&f->writer.bank, &span);
	assert_null(look(f));
}

static void any_trace_will_do_where_so_asked(void **state)
{
	struct fixture *f = *state;
	struct snp_span_fields span = request_of(f, 1, 900 * MS);

	snp_exemplars_destroy(&f->exemplars);
	assert_int_equal(snp_exemplars_create(SNP_EXEMPLARS_TRACED, &f->exemplars), 0);
	span.flags = 0;
	snp_span_record(&f->writer.bank, &span);
	assert_int_equal(look(f)->trace_id[0], 1);
}

static void ids_are_lower_case_hex(void **state)
{
	const struct snp_exemplar exemplar = {
	    .trace_id = {UINT64_C(0x0af7651916cd43dd), UINT64_C(0x8448eb211c80319c)},
	    .span_id = UINT64_C(0x00f067aa0ba902b7),
	};
	char trace[33] = "", span[17] = "";

	(void)state;
	snp_exemplar_trace_hex(&exemplar, trace);
	snp_exemplar_span_hex(&exemplar, span);
	assert_string_equal(trace, "0af7651916cd43dd8448eb211c80319c");
	assert_string_equal(span, "00f067aa0ba902b7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    CASE(p09_slower_takes_the_place_of_faster),
	    CASE(p09_old_gives_way_to_any),
	    CASE(p09_never_back_in_time),
	    CASE(p09_bounds_belong_to_their_bucket),
	    CASE(p09_only_sampled_requests_of_the_tool_count),
	    CASE(any_trace_will_do_where_so_asked),
	    cmocka_unit_test(ids_are_lower_case_hex),
	};

	return cmocka_run_group_tests_name("model/exemplars", tests, NULL, NULL);
}
