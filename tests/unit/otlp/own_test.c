/* SPDX-License-Identifier: Apache-2.0 */
/* What the program says of itself, cumulative and delta, and for people. */
#include "own.h"

#include <string.h>

#include "snp_test.h"

typedef Opentelemetry__Proto__Metrics__V1__ResourceMetrics resource_metrics;
typedef Opentelemetry__Proto__Metrics__V1__Metric otlp_metric;
typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint number_point;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint histogram_point;

struct fixture {
	struct otlp_identity *identity;
	struct otlp_resource *resource;
	struct otlp_own *own;
	struct otlp_maker maker;
	struct otlp_own_look look;
	const resource_metrics *encoded;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(otlp_identity_create(NULL, NULL, &f->identity), 0);
	f->resource = otlp_resource_of_self(f->identity);
	for (int i = 0; i < OTLP_SIGNAL_NR; i++) {
		f->look.has[i] = true;
		f->look.exporter[i] = "exporter";
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	otlp_own_destroy(&f->own);
	otlp_maker_fini(&f->maker);
	otlp_resource_drop(&f->resource);
	otlp_identity_destroy(&f->identity);
	free(f);
	return 0;
}

static void begin(struct fixture *f, enum otlp_temporality temporality)
{
	assert_int_equal(
	    otlp_own_create(f->resource, temporality, (snp_wall_t){100}, &f->own), 0);
}

static void encode(struct fixture *f, uint64_t now_ns)
{
	size_t points = 0;

	otlp_maker_reset(&f->maker);
	f->look.now.ns = now_ns;
	f->encoded = otlp_own_encode(f->own, &f->look, &f->maker, &points);
	assert_non_null(f->encoded);
	assert_true(points > 0);
}

static const otlp_metric *metric_of(struct fixture *f, const char *name)
{
	const otlp_metric *found = NULL;

	for (size_t i = 0; i < f->encoded->scope_metrics[0]->n_metrics; i++) {
		otlp_metric *metric = f->encoded->scope_metrics[0]->metrics[i];

		if (strcmp(metric->name, name) != 0)
			continue;
		assert_null(found); /* each name once */
		found = metric;
	}
	assert_non_null(found);
	return found;
}

/* That with this error.type, or with none. */
static const number_point *point_of(const otlp_metric *metric, const char *error)
{
	for (size_t i = 0; i < metric->sum->n_data_points; i++) {
		const number_point *point = metric->sum->data_points[i];
		const char *type = NULL;

		for (size_t a = 0; a < point->n_attributes; a++)
			if (strcmp(point->attributes[a]->key, "error.type") == 0)
				type = point->attributes[a]->value->string_value;
		if (error ? type && strcmp(type, error) == 0 : !type)
			return point;
	}
	fail_msg("no point of error.type %s", error ? error : "(none)");
	return NULL;
}

static void account(struct otlp_tally *tally, uint64_t sent, uint64_t dropped,
		    const char *error)
{
	struct otlp_report report = {
	    .sent = sent, .dropped = dropped, .duration_ns = SNP_NS_PER_S / 2};

	(void)snprintf(report.error, sizeof(report.error), "%s", error);
	otlp_tally_add(tally, &report);
}

#define EXPORTED "otel.sdk.exporter.span.exported"
#define DURATION "otel.sdk.exporter.operation.duration"

static void cumulative_figures_start_with_the_program(void **state)
{
	struct fixture *f = *state;
	struct otlp_records_counts *spans = &f->look.records[OTLP_TRACES];
	const histogram_point *time;

	begin(f, OTLP_CUMULATIVE);
	spans->taken = 12;
	spans->waiting = 5;
	spans->dropped = 3;
	account(&spans->tally, 4, 0, "");
	account(&spans->tally, 0, 2, "503");
	account(&spans->tally, 0, 1, "503");
	for (uint64_t now = 200; now <= 300; now += 100) {
		encode(f, now);
		otlp_own_acknowledge(f->own);
		assert_int_equal(point_of(metric_of(f, EXPORTED), NULL)->as_int, 4);
		assert_int_equal(point_of(metric_of(f, EXPORTED), "503")->as_int, 3);
		assert_int_equal(
		    point_of(metric_of(f, EXPORTED), NULL)->start_time_unix_nano, 100);
		assert_int_equal(point_of(metric_of(f, EXPORTED), NULL)->time_unix_nano,
				 now);
	}
	assert_int_equal(
	    point_of(metric_of(f, "otel.sdk.processor.span.processed"), NULL)->as_int,
	    7);
	assert_int_equal(
	    point_of(metric_of(f, "otel.sdk.processor.span.processed"), "queue_full")
		->as_int,
	    3);
	/* One metric of all three exporters. */
	assert_int_equal(metric_of(f, DURATION)->histogram->n_data_points, 3);
	time = metric_of(f, DURATION)->histogram->data_points[0];
	assert_int_equal(time->count, 3);
	assert_true(time->sum == 1.5);
}

static void delta_figures_wait_for_their_acknowledgement(void **state)
{
	struct fixture *f = *state;
	struct otlp_tally *tally = &f->look.records[OTLP_TRACES].tally;
	const number_point *point;

	begin(f, OTLP_DELTA);
	account(tally, 4, 0, "");
	encode(f, 200); /* was not received */
	account(tally, 2, 0, "");
	encode(f, 300);
	point = point_of(metric_of(f, EXPORTED), NULL);
	assert_int_equal(point->as_int, 6);
	assert_int_equal(point->start_time_unix_nano, 100);
	otlp_own_acknowledge(f->own);
	account(tally, 1, 0, "");
	encode(f, 400);
	point = point_of(metric_of(f, EXPORTED), NULL);
	assert_int_equal(point->as_int, 1);
	assert_int_equal(point->start_time_unix_nano, 300);
	/* What goes up and down is never a delta. */
	assert_int_equal(metric_of(f, "otel.sdk.exporter.span.inflight")
			     ->sum->aggregation_temporality,
			 2);
}

/* Intervals are not empty and do not overlap then either. */
static void a_clock_that_is_set_back_turns_no_interval_around(void **state)
{
	static const enum otlp_temporality both[] = {OTLP_CUMULATIVE, OTLP_DELTA};
	struct fixture *f = *state;
	const number_point *point;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t last = 100;

		begin(f, both[i]);
		for (uint64_t now = 300; now >= 50; now -= 50) {
			encode(f, now);
			point = point_of(metric_of(f, EXPORTED), NULL);
			assert_int_equal(point->start_time_unix_nano,
					 both[i] == OTLP_DELTA ? last : 100);
			assert_true(point->time_unix_nano > last);
			last = point->time_unix_nano;
			otlp_own_acknowledge(f->own);
		}
		otlp_own_destroy(&f->own);
	}
}

static void a_signal_that_is_not_sent_has_no_figures(void **state)
{
	struct fixture *f = *state;

	begin(f, OTLP_CUMULATIVE);
	f->look.has[OTLP_TRACES] = f->look.has[OTLP_LOGS] = false;
	encode(f, 200);
	for (size_t i = 0; i < f->encoded->scope_metrics[0]->n_metrics; i++)
		assert_null(
		    strstr(f->encoded->scope_metrics[0]->metrics[i]->name, "span"));
}

/* There are more kinds of errors than places: none is lost. */
static void tally_counts_every_error(void **state)
{
	struct otlp_tally tally = {0};
	uint64_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < 2 * OTLP_TALLY_ERRORS; i++) {
		char error[16];

		(void)snprintf(error, sizeof(error), "%u", 400 + i);
		account(&tally, 1, 2, error);
	}
	for (unsigned i = 0; i < tally.errors_nr; i++)
		sum += tally.errors[i].items;
	assert_int_equal(tally.errors_nr, OTLP_TALLY_ERRORS);
	assert_string_equal(tally.errors[OTLP_TALLY_ERRORS - 1].type, "_OTHER");
	assert_int_equal(sum, tally.not_sent);
	assert_int_equal(tally.not_sent, 4 * OTLP_TALLY_ERRORS);
	assert_int_equal(tally.sent, 2 * OTLP_TALLY_ERRORS);
}

static void text_says_what_became_of_everything(void **state)
{
	struct fixture *f = *state;
	struct snp_buf text = {0};

	f->look.has[OTLP_LOGS] = false;
	f->look.records[OTLP_TRACES].dropped = 7;
	f->look.tail.spans_lost = 8;
	account(&f->look.records[OTLP_TRACES].tally, 5, 6, "400");
	account(&f->look.points, 9, 0, "");
	otlp_own_text(&f->look, &text);
	snp_buf_putc(&text, '\0');
	assert_string_equal(text.data, "spans: 5 sent, 6 failed, 0 waiting, 7 dropped "
				       "from a full queue, 8 lost in the segment; data "
				       "points: 9 sent, 0 failed");
	snp_buf_fini(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(cumulative_figures_start_with_the_program),
	    TEST(delta_figures_wait_for_their_acknowledgement),
	    TEST(a_clock_that_is_set_back_turns_no_interval_around),
	    TEST(a_signal_that_is_not_sent_has_no_figures),
	    TEST(tally_counts_every_error),
	    TEST(text_says_what_became_of_everything),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
