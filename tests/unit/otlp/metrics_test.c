/* SPDX-License-Identifier: Apache-2.0 */
/* O03: the times of points, whatever clocks do. (What requests hold, and how they
 * follow on one another, is in tests/integration/test_otlp_metrics.py.) */
#include "metrics.h"
#include "otlp/metrics_service.pb-c.h"

#include "segment_fixture.h"

#define REQUESTS "snakepit.requests"
#define HOUR_NS	 (UINT64_C(3600) * 1000000000)

typedef Opentelemetry__Proto__Metrics__V1__Metric pb_metric;
typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint pb_point;

struct fixture {
	struct segment_fixture writer;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct otlp_metrics *metrics;
	Opentelemetry__Proto__Resource__V1__Resource resource;
	snp_wall_t now;
};

static void create(struct fixture *f, const struct otlp_metrics_options *options)
{
	const struct otlp_origin origin = {&f->resource, "schema"};

	otlp_metrics_destroy(&f->metrics);
	assert_int_equal(
	    otlp_metrics_create(f->seg, f->snap, &origin, options, &f->metrics), 0);
}

static int setup(void **state)
{
	const struct otlp_metrics_options defaults = {.from_start = true};
	struct fixture *f = calloc(1, sizeof(*f));
	struct snp_err err = {0};

	if (!f)
		return -1;
	segment_fixture_open(&f->writer, "default", "word_stats");
	if (snp_segment_attach(f->writer.path, &f->seg, &err) < 0 ||
	    snp_segment_snapshot(f->seg, &f->snap, &err) < 0)
		fail_msg("%s", err.msg);
	opentelemetry__proto__resource__v1__resource__init(&f->resource);
	f->now = snp_wall_now();
	create(f, &defaults);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	otlp_metrics_destroy(&f->metrics);
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	segment_fixture_close(&f->writer);
	free(f);
	return 0;
}

/* ---- looking ------------------------------------------------------------- */

/* A collection at f->now, and in it a metric; NULL when it has none. */
static const pb_metric *collect_metric(struct fixture *f, const char *name)
{
	const Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest
	    *request;
	struct otlp_metrics_look look = {.now = f->now};
	struct otlp_batch batch;
	size_t items = 0;
	const pb_metric *found = NULL;

	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	look.snap = f->snap;
	assert_int_equal(otlp_metrics_collect(f->metrics, &look, &batch), 1);
	assert_int_equal(batch.signal, OTLP_METRICS);
	request = (const void *)batch.request;
	assert_int_equal(request->n_resource_metrics, 1);
	assert_int_equal(request->resource_metrics[0]->n_scope_metrics, 1);
	for (size_t i = 0;
	     i < request->resource_metrics[0]->scope_metrics[0]->n_metrics; i++) {
		const pb_metric *metric =
		    request->resource_metrics[0]->scope_metrics[0]->metrics[i];

		/* All types begin alike. */
		assert_true(metric->gauge->n_data_points > 0);
		items += metric->gauge->n_data_points;
		if (strcmp(metric->name, name) == 0)
			found = metric;
	}
	assert_int_equal(batch.items, items);
	return found;
}

/* The point of the one tool. */
static const pb_point *collect(struct fixture *f)
{
	const pb_metric *metric = collect_metric(f, REQUESTS);

	return metric ? metric->sum->data_points[0] : NULL;
}

static void call(struct fixture *f)
{
	snp_add(f->writer.bank.tools[0].requests, 1);
}

/* ---- cases --------------------------------------------------------------- */

static void o03_cumulative_points_have_one_start(void **state)
{
	struct fixture *f = *state;
	const struct snp_segment_info *info = snp_segment_info(f->seg);
	uint64_t start = collect(f)->start_time_unix_nano;

	assert_true(start >= info->start_wall.ns);
	assert_true(start < f->now.ns);
	for (int i = 1; i <= 3; i++) {
		f->now.ns += HOUR_NS;
		assert_int_equal(collect(f)->start_time_unix_nano, start);
		assert_int_equal(collect(f)->time_unix_nano, f->now.ns + 1);
		f->now.ns += 10;
	}
}

/* Another exporter says the same. */
static void o03_start_is_not_the_exporters(void **state)
{
	struct fixture *f = *state;
	uint64_t start = collect(f)->start_time_unix_nano;

	create(f, &(struct otlp_metrics_options){0});
	f->now.ns += HOUR_NS;
	assert_int_equal(collect(f)->start_time_unix_nano, start);
}

static void o03_delta_points_follow_the_acknowledged(void **state)
{
	struct fixture *f = *state;
	uint64_t end;

	create(f, &(struct otlp_metrics_options){.temporality = OTLP_DELTA,
						 .from_start = true});
	call(f);
	assert_int_equal(collect(f)->as_int, 1);
	otlp_metrics_acknowledge(f->metrics);
	end = f->now.ns;
	for (int i = 1; i <= 3; i++) { /* none of which arrives */
		f->now.ns += HOUR_NS;
		call(f);
		assert_int_equal(collect(f)->as_int, i);
		assert_int_equal(collect(f)->start_time_unix_nano, end);
	}
	otlp_metrics_acknowledge(f->metrics);
	otlp_metrics_acknowledge(f->metrics); /* of nothing new */
	end = collect(f)->start_time_unix_nano;
	assert_true(end >= f->now.ns);
	assert_int_equal(collect(f)->as_int, 0);
}

/* Whoever was there before us has reported what was counted before. */
static void o03_first_delta_of_an_exporter_is_none(void **state)
{
	struct fixture *f = *state;
	uint64_t first = f->now.ns;

	create(f, &(struct otlp_metrics_options){.temporality = OTLP_DELTA});
	call(f);
	assert_null(collect(f));
	call(f);
	f->now.ns += HOUR_NS;
	assert_int_equal(collect(f)->as_int, 1);
	assert_int_equal(collect(f)->start_time_unix_nano, first);
}

static void o03_a_clock_set_back_inverts_nothing(void **state)
{
	struct fixture *f = *state;
	const pb_point *point = collect(f);
	uint64_t last = point->time_unix_nano, start = point->start_time_unix_nano;

	f->now.ns -= HOUR_NS;
	point = collect(f);
	assert_true(point->time_unix_nano > last);
	assert_int_equal(point->start_time_unix_nano, start);

	/* An exporter that never saw the time before. */
	create(f, &(struct otlp_metrics_options){0});
	point = collect(f);
	assert_int_equal(point->start_time_unix_nano, start);
	assert_int_equal(point->time_unix_nano, start + 1);
}

/* A restarted runtime has a start of its own, and nothing to subtract. */
static void o03_a_restarted_runtime_begins_anew(void **state)
{
	struct fixture *f = *state;
	uint64_t start;

	create(f, &(struct otlp_metrics_options){.temporality = OTLP_DELTA,
						 .from_start = true});
	for (int i = 0; i < 5; i++)
		call(f);
	assert_int_equal(collect(f)->as_int, 5);
	otlp_metrics_acknowledge(f->metrics);
	start = snp_segment_info(f->seg)->start_wall.ns;
	segment_fixture_restart(&f->writer);
	otlp_metrics_destroy(&f->metrics);
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	assert_int_equal(snp_segment_attach(f->writer.path, &f->seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	create(f, &(struct otlp_metrics_options){.temporality = OTLP_DELTA,
						 .from_start = true});
	call(f);
	f->now = snp_wall_now();
	assert_int_equal(collect(f)->as_int, 1);
	assert_true(collect(f)->start_time_unix_nano > start);
}

/* The writer counts an observation before it adds to the sum, and we look between. */
static void o02_a_sum_that_comes_late_waits_for_an_observation(void **state)
{
	struct fixture *f = *state;
	struct snp_fmt_hist *latency = &f->writer.bank.pools[0].heartbeat_latency[0];
	static const double sums[] = {0, 0, 3};
	static const uint64_t counts[] = {1, 0, 1};

	create(f, &(struct otlp_metrics_options){.temporality = OTLP_DELTA,
						 .from_start = true});
	for (unsigned i = 0; i < 3; i++) {
		const Opentelemetry__Proto__Metrics__V1__HistogramDataPoint *point;

		if (i != 1)
			snp_add(&latency->bucket[160], 1);
		if (i != 0)
			snp_add(&latency->sum, i * UINT64_C(1000000000));
		f->now.ns += HOUR_NS;
		point = collect_metric(f, "snakepit.heartbeat.latency")
			    ->histogram->data_points[0];
		assert_int_equal(point->count, counts[i]);
		assert_true(point->sum == sums[i]);
		otlp_metrics_acknowledge(f->metrics);
	}
}

/* ---- metrics of adapters ------------------------------------------------- */

static _Atomic uint64_t *declare(struct fixture *f, unsigned kind, const char *name,
				 const char *unit)
{
	const struct snp_adapter_metric metric = {kind, name, unit, ""};
	uint32_t index = 0;

	assert_int_equal(snp_adapter_metric(f->writer.writer, &metric, &index, NULL),
			 0);
	if (kind != SNP_KIND_GAUGE)
		snp_adapter_begin(f->writer.writer, index, 0);
	return snp_adapter_cell(f->writer.writer, index, 0);
}

static void attach_anew(struct fixture *f)
{
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	assert_int_equal(snp_segment_attach(f->writer.path, &f->seg, NULL), 0);
	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	assert_int_equal(otlp_metrics_rebind(f->metrics, f->seg, f->snap), 0);
}

/* The schema grows while we look: what was told goes on, what is new starts from zero.
 */
static void metrics_that_come_later_start_from_zero(void **state)
{
	struct fixture *f = *state;
	_Atomic uint64_t *tokens, *loss;
	const pb_metric *metric;
	uint64_t end;

	create(f, &(struct otlp_metrics_options){.temporality = OTLP_DELTA});
	call(f);
	(void)collect(f);
	otlp_metrics_acknowledge(f->metrics);
	end = f->now.ns;
	tokens = declare(f, SNP_KIND_COUNTER, "tokens", "{token}");
	loss = declare(f, SNP_KIND_GAUGE, "loss", "");
	snp_add(tokens, 7);
	call(f);
	attach_anew(f);
	f->now.ns += HOUR_NS;
	assert_int_equal(collect(f)->as_int, 1);
	assert_int_equal(collect(f)->start_time_unix_nano, end);
	metric = collect_metric(f, "tokens");
	assert_int_equal(metric->sum->data_points[0]->as_int, 7);
	assert_int_equal(metric->sum->data_points[0]->n_attributes, 1);
	assert_null(collect_metric(f, "loss")); /* not set yet */
	snp_set(loss, UINT64_C(0x3FE0000000000000));
	metric = collect_metric(f, "loss");
	assert_true(metric->gauge->data_points[0]->as_double == 0.5);
}

static void histograms_that_are_not_of_time_are_in_their_unit(void **state)
{
	struct fixture *f = *state;
	_Atomic uint64_t *batch = declare(f, SNP_KIND_HISTOGRAM, "batch", "{item}");
	const pb_metric *metric;

	snp_hist_record_long((void *)batch, 32 * SNP_NS_PER_S);
	attach_anew(f);
	metric = collect_metric(f, "batch");
	assert_string_equal(metric->unit, "{item}");
	assert_int_equal(metric->histogram->data_points[0]->count, 1);
	assert_true(metric->histogram->data_points[0]->sum == 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    CASE(o03_cumulative_points_have_one_start),
	    CASE(o03_start_is_not_the_exporters),
	    CASE(o03_delta_points_follow_the_acknowledged),
	    CASE(o03_first_delta_of_an_exporter_is_none),
	    CASE(o03_a_clock_set_back_inverts_nothing),
	    CASE(o02_a_sum_that_comes_late_waits_for_an_observation),
	    CASE(o03_a_restarted_runtime_begins_anew),
	    CASE(metrics_that_come_later_start_from_zero),
	    CASE(histograms_that_are_not_of_time_are_in_their_unit),
	};

	return cmocka_run_group_tests_name("otlp/metrics", tests, NULL, NULL);
}
