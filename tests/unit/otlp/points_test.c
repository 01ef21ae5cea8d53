/* SPDX-License-Identifier: Apache-2.0 */
/* O02, O04, O25: what one metric becomes, and what its points say. */
#include "instrument.h"
#include "points.h"

#include <float.h>
#include <math.h>

#include "segment_fixture.h"

#define NS_PER_S   1000000000.0
#define LATENCY	   "snakepit.heartbeat.latency"
#define CUMULATIVE false
#define DELTA	   true

/* ---- instruments --------------------------------------------------------- */

static const struct {
	uint8_t kind;
	enum otlp_shape shape;
	bool delta[3]; /* by preference */
} kinds[] = {
    {SNP_KIND_COUNTER, OTLP_SHAPE_SUM, {CUMULATIVE, DELTA, CUMULATIVE}},
    {SNP_KIND_UPDOWN, OTLP_SHAPE_UPDOWN, {CUMULATIVE, CUMULATIVE, CUMULATIVE}},
    {SNP_KIND_GAUGE, OTLP_SHAPE_GAUGE, {CUMULATIVE, CUMULATIVE, CUMULATIVE}},
    {SNP_KIND_HISTOGRAM, OTLP_SHAPE_HISTOGRAM, {CUMULATIVE, DELTA, DELTA}},
    {SNP_KIND_STATE, OTLP_SHAPE_UPDOWN, {CUMULATIVE, CUMULATIVE, CUMULATIVE}},
    {SNP_KIND_TIMESTAMP, OTLP_SHAPE_GAUGE, {CUMULATIVE, CUMULATIVE, CUMULATIVE}},
    {SNP_KIND_INFO, OTLP_SHAPE_GAUGE, {CUMULATIVE, CUMULATIVE, CUMULATIVE}},
};

static void o04_temporality_of_each_kind_by_preference(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (unsigned p = OTLP_CUMULATIVE; p <= OTLP_LOWMEMORY; p++) {
			const struct otlp_metrics_options options = {
			    .temporality = (enum otlp_temporality)p};
			const struct snp_metric metric = {.kind = kinds[i].kind,
							  .name = "a",
							  .cells = 1,
							  .enum_values_nr = 2};
			struct otlp_instrument it;

			assert_true(otlp_instrument_of(&metric, &options, &it));
			assert_int_equal(it.shape, kinds[i].shape);
			assert_int_equal(it.delta, kinds[i].delta[p]);
		}
}

static void metrics_that_cannot_be_carried_are_refused(void **state)
{
	static const struct {
		const char *name;
		bool ok;
	} cases[] = {
	    {"a", true},   {"A.b-c_d/e9", true}, {"", false},	       {"1a", false},
	    {"_a", false}, {"a b", false},	 {"a\xC3\xA4", false}, {".a", false},
	};
	const struct otlp_metrics_options options = {0};
	struct snp_metric metric = {.kind = SNP_KIND_COUNTER, .cells = 1};
	struct otlp_instrument it;
	char longest[257] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		metric.name = cases[i].name;
		assert_int_equal(otlp_instrument_of(&metric, &options, &it),
				 cases[i].ok);
	}
	memset(longest, 'a', 256);
	metric.name = longest;
	assert_false(otlp_instrument_of(&metric, &options, &it));
	longest[255] = '\0';
	assert_true(otlp_instrument_of(&metric, &options, &it));
	metric.kind = 99;
	assert_false(otlp_instrument_of(&metric, &options, &it));
	metric = (struct snp_metric){.kind = SNP_KIND_STATE, .name = "a", .cells = 1};
	assert_false(otlp_instrument_of(&metric, &options, &it));
}

/* ---- histograms: fixture ------------------------------------------------- */

struct fixture {
	struct segment_fixture writer;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	const struct snp_metric *metric;
	struct otlp_maker maker;
	uint64_t words[SNP_HIST_WORDS + 1];
	struct otlp_hist hist;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct snp_err err = {0};

	if (!f)
		return -1;
	segment_fixture_open(&f->writer, "default", "word_stats");
	if (snp_segment_attach(f->writer.path, &f->seg, &err) < 0 ||
	    snp_segment_snapshot(f->seg, &f->snap, &err) < 0)
		fail_msg("%s", err.msg);
	f->metric = snp_snapshot_metric_find(f->snap, LATENCY);
	assert_non_null(f->metric);
	assert_int_equal(f->metric->nbuckets + 3, SNP_HIST_WORDS + 1);
	f->hist = (struct otlp_hist){.metric = f->metric,
				     .words = f->words,
				     .used = {0, f->metric->nbuckets + 2}};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	otlp_maker_fini(&f->maker);
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	segment_fixture_close(&f->writer);
	free(f);
	return 0;
}

static const struct otlp_point interval = {.start = 1, .time = 2};

/* What the writer does with a duration. */
static void record(struct fixture *f, uint64_t ns)
{
	uint32_t word = 0;

	while (word <= f->metric->nbuckets && ns > f->metric->upper_ns[word])
		word++;
	f->words[word]++;
	f->words[SNP_HIST_WORDS] += ns;
}

static const otlp_exponential_point *exponential_of(struct fixture *f)
{
	const otlp_exponential_point *point =
	    otlp_point_exponential(&f->maker, &interval, &f->hist);

	assert_false(f->maker.failed);
	return point;
}

/* ---- O02 ----------------------------------------------------------------- */

static void o02_a_sum_of_zero_is_there(void **state)
{
	struct fixture *f = *state;
	const otlp_explicit_point *point =
	    otlp_point_explicit(&f->maker, &interval, &f->hist);
	uint8_t bytes[1024];
	size_t len;
	bool seen = false;

	assert_int_equal(point->count, 0);
	assert_int_equal(
	    point->optional_sum_case,
	    OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__OPTIONAL_SUM_SUM);
	assert_true(point->sum == 0);
	assert_true(exponential_of(f)->sum == 0);
	assert_int_equal(
	    exponential_of(f)->optional_sum_case,
	    OPENTELEMETRY__PROTO__METRICS__V1__EXPONENTIAL_HISTOGRAM_DATA_POINT__OPTIONAL_SUM_SUM);
	/* And on the wire: field 5, 64 bits. */
	assert_true(protobuf_c_message_get_packed_size(&point->base) < sizeof(bytes));
	len = protobuf_c_message_pack(&point->base, bytes);
	for (size_t i = 0; i + 9 <= len; i++)
		seen |= memcmp(bytes + i, "\x29\0\0\0\0\0\0\0\0", 9) == 0;
	assert_true(seen);
}

/* ---- O25 ----------------------------------------------------------------- */

/* The specification's formula, in full: the bucket (base^i, base^(i+1)] a number is in.
 * A power of two is the upper bound of its bucket. */
static int64_t index_of(double value, int scale)
{
	int64_t per_octave = INT64_C(1) << scale;
	int exponent;
	double fraction = frexp(value, &exponent); /* in [0.5, 1) */
	int64_t low = ((int64_t)exponent - 1) * per_octave;

	if (fraction == 0.5)
		return low - 1;
	return low + (int64_t)ceil(log2(fraction * 2) * (double)per_octave) - 1;
}

static void o25_formula_at_its_extremes(void **state)
{
	(void)state;
	for (int e = -1074; e <= 1023; e++)
		for (int scale = 0; scale <= 8; scale++)
			assert_int_equal(index_of(ldexp(1, e), scale),
					 (INT64_C(1) << scale) * e - 1);
	assert_int_equal(index_of(DBL_TRUE_MIN, 3), -1074 * 8 - 1);
	assert_int_equal(index_of(nextafter(DBL_MIN, 0), 0), -1023);
	assert_int_equal(index_of(DBL_MAX, 3), 1024 * 8 - 1);
	assert_int_equal(index_of(nextafter(1, 2), 3), 0);
	assert_int_equal(index_of(nextafter(1, 0), 3), -1);
}

/* Durations at, and one nanosecond around, the bounds of every bucket. */
static void o25_durations_are_in_the_buckets_of_the_formula(void **state)
{
	struct fixture *f = *state;

	for (uint32_t word = 0; word <= f->metric->nbuckets; word++)
		for (int around = -1; around <= 1; around++) {
			uint64_t ns = f->metric->upper_ns[word] + (uint64_t)around;
			int64_t index = index_of((double)ns / NS_PER_S, 3);
			const otlp_exponential_point *point;

			memset(f->words, 0, sizeof(f->words));
			record(f, ns);
			point = exponential_of(f);
			assert_int_equal(point->scale, 3);
			assert_int_equal(point->count, 1);
			if (index < f->metric->idx_min) {
				assert_int_equal(point->zero_count, 1);
				assert_true((double)ns / NS_PER_S <=
					    point->zero_threshold);
				continue;
			}
			assert_int_equal(point->positive->n_bucket_counts, 1);
			assert_int_equal(point->positive->offset, index);
			assert_true(point->sum == (double)ns / NS_PER_S);
		}
}

static void o25_powers_of_two_are_the_last_of_their_bucket(void **state)
{
	struct fixture *f = *state;

	record(f, UINT64_C(1) << 0); /* far below the first bucket */
	for (uint64_t s = 1; s <= 4096; s *= 2)
		record(f, s * (uint64_t)NS_PER_S);
	record(f, UINT64_MAX);
	assert_int_equal(exponential_of(f)->zero_count, 1);
	assert_int_equal(exponential_of(f)->scale, 3);
	assert_int_equal(exponential_of(f)->positive->offset, -1);
	for (size_t i = 0; i <= 96; i++)
		assert_int_equal(exponential_of(f)->positive->bucket_counts[i],
				 i % 8 == 0);
	/* What lies beyond is at least in the bucket behind the last. */
	assert_int_equal(exponential_of(f)->positive->n_bucket_counts, 98);
	assert_int_equal(exponential_of(f)->positive->bucket_counts[97], 1);
}

/* All buckets in use are more than may be sent: two become one, and none is lost. */
static void o25_a_wide_histogram_is_sent_coarser(void **state)
{
	struct fixture *f = *state;
	const otlp_exponential_point *point;
	uint64_t sum = 0;

	for (uint32_t word = 1; word <= f->metric->nbuckets; word++)
		f->words[word] = 1;
	point = exponential_of(f);
	assert_int_equal(point->scale, 2);
	assert_int_equal(point->positive->offset, f->metric->idx_min / 2);
	assert_int_equal(point->positive->n_bucket_counts, 128);
	for (size_t i = 0; i < 128; i++) {
		assert_int_equal(point->positive->bucket_counts[i], 2);
		sum += point->positive->bucket_counts[i];
	}
	assert_int_equal(sum + point->zero_count, point->count);
}

static void empty_histograms_have_no_buckets(void **state)
{
	struct fixture *f = *state;

	assert_null(exponential_of(f)->positive);
	assert_int_equal(exponential_of(f)->count, 0);
	f->words[0] = 3;
	assert_null(exponential_of(f)->positive);
	assert_int_equal(exponential_of(f)->count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    cmocka_unit_test(o04_temporality_of_each_kind_by_preference),
	    cmocka_unit_test(metrics_that_cannot_be_carried_are_refused),
	    CASE(o02_a_sum_of_zero_is_there),
	    cmocka_unit_test(o25_formula_at_its_extremes),
	    CASE(o25_durations_are_in_the_buckets_of_the_formula),
	    CASE(o25_powers_of_two_are_the_last_of_their_bucket),
	    CASE(o25_a_wide_histogram_is_sent_coarser),
	    CASE(empty_histograms_have_no_buckets),
	};

	return cmocka_run_group_tests_name("otlp/points", tests, NULL, NULL);
}
