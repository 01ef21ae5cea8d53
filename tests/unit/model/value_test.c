/* SPDX-License-Identifier: Apache-2.0 */
#include "model/value.h"

#include <string.h>

#include "model/number.h"
#include "segment_fixture.h"

/* ---- helpers ------------------------------------------------------------- */

/* Values of metrics a test makes up; only MONO_NS looks at the snapshot. */
static void assert_value(struct snp_metric metric, uint64_t stored, const char *want)
{
	struct snp_series series = {.metric = &metric, .value = stored};
	char got[SNP_NUMBER_BYTES + 1];

	got[snp_value_text(got, NULL, &series)] = '\0';
	assert_string_equal(got, want);
}

static uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

#define METRIC(kind_, vtype_, exp_)                                                    \
	((struct snp_metric){                                                          \
	    .kind = SNP_KIND_##kind_, .vtype = SNP_VT_##vtype_, .unit_exp = (exp_)})

/* ---- cases --------------------------------------------------------------- */

static void text_of_each_stored_type(void **state)
{
	(void)state;
	assert_value(METRIC(COUNTER, U64, 0), UINT64_MAX, "18446744073709551615");
	assert_value(METRIC(COUNTER, U64, -9), 1, "0.000000001");
	assert_value(METRIC(COUNTER, U64, -9), 12345678901, "12.345678901");
	assert_value(METRIC(GAUGE, I64, 0), (uint64_t)INT64_MIN,
		     "-9223372036854775808");
	assert_value(METRIC(GAUGE, I64, -3), (uint64_t)-1500, "-1.5");
	assert_value(METRIC(GAUGE, F64, 0), bits_of(0.1), "0.1");
	assert_value(METRIC(TIMESTAMP, REAL_NS, -9), 1700000000123456789u,
		     "1700000000.123456789");
	assert_value(METRIC(TIMESTAMP, REAL_NS, -9), 0, "0");
	assert_value(METRIC(INFO, NONE, 0), 0, "1");
	assert_value(METRIC(STATE, U64, 0), 4, "4");
	/* From a hostile segment: terminates, and stays within its bytes. */
	assert_value(METRIC(GAUGE, U64, INT32_MIN), 1,
		     "0.000000000000000000000000000001");
}

static void text_of_monotonic_time_is_wall_time(void **state)
{
	struct segment_fixture writer;
	struct snp_segment *seg = NULL;
	struct snp_snapshot *snap = NULL;
	const struct snp_metric *metric;
	struct snp_series_iter it;
	struct snp_series series;
	char text[SNP_NUMBER_BYTES + 1];
	uint64_t before, after;

	(void)state;
	segment_fixture_open(&writer, "default", "word_stats");
	before = snp_wall_now().ns / SNP_NS_PER_S;
	snp_set(&snp_worker_row(writer.writer, 0)->hot.last_pong[0], snp_mono_now().ns);
	after = snp_wall_now().ns / SNP_NS_PER_S;
	assert_int_equal(snp_segment_attach(writer.path, &seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(seg, &snap, NULL), 0);
	metric =
	    snp_snapshot_metric_find(snap, "snakepit.heartbeat.last_pong.timestamp");
	assert_non_null(metric);
	snp_series_iter_init(&it, snap, metric);
	assert_true(snp_series_next(&it, &series));
	text[snp_value_text(text, snap, &series)] = '\0';
	assert_in_range(strtoull(text, NULL, 10), before - 1, after + 1);
	series.value = 0; /* never */
	text[snp_value_text(text, snap, &series)] = '\0';
	assert_string_equal(text, "0");
	snp_snapshot_destroy(&snap);
	snp_segment_detach(&seg);
	segment_fixture_close(&writer);
}

static void kind_has_a_name(void **state)
{
	struct snp_metric unknown = {.kind = 200};
	struct snp_metric counter = {.kind = SNP_KIND_COUNTER};

	(void)state;
	assert_string_equal(snp_metric_kind_name(&counter), "counter");
	assert_string_equal(snp_metric_kind_name(&unknown), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_of_each_stored_type),
	    cmocka_unit_test(text_of_monotonic_time_is_wall_time),
	    cmocka_unit_test(kind_has_a_name),
	};

	return cmocka_run_group_tests_name("model/value", tests, NULL, NULL);
}
