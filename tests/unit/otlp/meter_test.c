/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of a live segment through the meter to a receiver of the test's, which
 * adds up what it is told. */
#include "meter.h"

#include <fcntl.h>
#include <unistd.h>

#include "otlp/metrics_service.pb-c.h"
#include "segment_fixture.h"
#include "snakepit/format.h"

/* ---- a receiver that adds up --------------------------------------------- */

typedef Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest
    export_request;
typedef Opentelemetry__Proto__Metrics__V1__Metric otlp_metric;

static int64_t told; /* requests, in delta points */

static void add_metric(const otlp_metric *metric)
{
	if (strcmp(metric->name, "snakepit.requests") != 0)
		return;
	for (size_t i = 0; i < metric->sum->n_data_points; i++)
		told += metric->sum->data_points[i]->as_int;
}

static int add_load(struct otlp_transport *t, const struct otlp_batch *batch)
{
	const export_request *request = (const export_request *)batch->request;

	(void)t;
	for (size_t r = 0; r < request->n_resource_metrics; r++) {
		Opentelemetry__Proto__Metrics__V1__ScopeMetrics *scope =
		    request->resource_metrics[r]->scope_metrics[0];

		for (size_t m = 0; m < scope->n_metrics; m++)
			add_metric(scope->metrics[m]);
	}
	return 0;
}

static int add_open(enum otlp_signal signal, const struct otlp_endpoint *endpoint,
		    struct otlp_transport **ret_transport, struct snp_err *err)
{
	(void)signal;
	(void)endpoint;
	(void)err;
	*ret_transport = NULL;
	return 0;
}

static void add_close(struct otlp_transport *t)
{
	(void)t;
}

static void add_attempt(struct otlp_transport *t, const _Atomic uint64_t *until,
			struct otlp_answer *ret_answer)
{
	(void)t;
	(void)until;
	*ret_answer = (struct otlp_answer){.outcome = OTLP_TAKEN};
}

static const struct otlp_transport_ops adding = {
    .open = add_open,
    .close = add_close,
    .load = add_load,
    .attempt = add_attempt,
};

/* ---- fixture ------------------------------------------------------------- */

struct fixture {
	struct segment_fixture segment;
	struct otlp_endpoint endpoint;
	struct otlp_identity *identity;
	struct otlp_resource *self;
	struct otlp_own *own;
	struct otlp_sender *sender;
	struct otlp_meter *meter;
};

static void look(void *user, struct otlp_own_look *look)
{
	(void)user;
	look->exporter[OTLP_METRICS] = "exporter";
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct otlp_meter_options options = {
	    .metrics = {.temporality = OTLP_DELTA}, .interval_ms = 1000, .look = look};

	assert_non_null(f);
	told = 0;
	snp_log_set_level(SNP_LOG_NR); /* what is said is not this test's business */
	segment_fixture_open(&f->segment, "default", "word_stats");
	f->endpoint.url = (char *)(size_t) "http://r";
	assert_int_equal(otlp_identity_create(NULL, NULL, &f->identity), 0);
	f->self = otlp_resource_of_self(f->identity);
	assert_int_equal(otlp_own_create(f->self, OTLP_DELTA, snp_wall_now(), &f->own),
			 0);
	assert_int_equal(
	    otlp_sender_create(OTLP_METRICS, &f->endpoint, &adding, &f->sender, NULL),
	    0);
	options.instance = f->segment.path;
	options.identity = f->identity;
	options.sender = f->sender;
	options.own = f->own;
	assert_int_equal(otlp_meter_create(&options, &f->meter), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	otlp_meter_destroy(&f->meter);
	otlp_sender_destroy(&f->sender);
	otlp_own_destroy(&f->own);
	otlp_resource_drop(&f->self);
	otlp_identity_destroy(&f->identity);
	segment_fixture_close(&f->segment);
	free(f);
	return 0;
}

static void serve(struct fixture *f, uint64_t requests)
{
	snp_add(f->segment.bank.tools[0].requests, requests);
}

/* Turn the bits of the heartbeat around, without which no snapshot is taken. */
static void flip_heartbeat(const struct fixture *f)
{
	unsigned char bytes[sizeof(((struct snp_fmt_header *)0)->hb)];
	const off_t at = offsetof(struct snp_fmt_header, hb);
	int fd = open(f->segment.path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), at), sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)~bytes[i];
	assert_int_equal(pwrite(fd, bytes, sizeof(bytes), at), sizeof(bytes));
	(void)close(fd);
}

/* Whether there was a runtime to look at. */
static bool look_once(struct fixture *f)
{
	bool has_runtime = false;

	assert_int_equal(otlp_meter_once(f->meter, &has_runtime), 0);
	return has_runtime;
}

/* ---- cases --------------------------------------------------------------- */

static void o21_what_a_younger_runtime_counted_is_told_once(void **state)
{
	struct fixture *f = *state;

	segment_fixture_restart(&f->segment);
	serve(f, 5);
	assert_true(look_once(f));
	assert_int_equal(told, 5);
	serve(f, 2);
	assert_true(look_once(f));
	assert_int_equal(told, 7);
}

/* A snapshot that could not be taken is no reason to begin again. */
static void o21_a_look_that_fails_repeats_and_loses_nothing(void **state)
{
	struct fixture *f = *state;

	segment_fixture_restart(&f->segment);
	serve(f, 5);
	assert_true(look_once(f));
	serve(f, 1);
	flip_heartbeat(f);
	assert_false(look_once(f));
	assert_int_equal(told, 5);
	flip_heartbeat(f);
	serve(f, 1);
	assert_true(look_once(f));
	assert_int_equal(told, 7);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(o21_what_a_younger_runtime_counted_is_told_once),
	    TEST(o21_a_look_that_fails_repeats_and_loses_nothing),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
