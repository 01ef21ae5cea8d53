/* SPDX-License-Identifier: Apache-2.0 */
/* snakepit/testing.h: what it finds, and what it says when it does not. */
#include "snakepit/testing.h"

#include "segment_fixture.h"

#define SOON_MS 20 /* what is waited for never comes */

static struct segment_fixture fixture;

static void count_requests(uint64_t n)
{
	snp_add(&fixture.bank.tools[0].requests[0], n);
}

static double value_of(const char *metric, const char *labels)
{
	struct snp_err err = {0};
	double value = -1;

	if (snp_test_value(fixture.path, metric, labels, &value, &err) < 0)
		fail_msg("%s", err.msg);
	return value;
}

static void value_sums_series_that_have_the_labels(void **state)
{
	static const char name[] = "snakepit.requests";

	(void)state;
	count_requests(3);
	assert_float_equal(value_of(name, NULL), 3, 0);
	assert_float_equal(value_of(name, "pool=default,method=word_stats"), 3, 0);
	assert_float_equal(value_of(name, "snakepit.pool.name=default"), 3, 0);
	assert_float_equal(value_of(name, "pool=default,method=other"), 0, 0);
	assert_float_equal(value_of(name, "pool=defaul"), 0, 0);
	assert_float_equal(value_of(name, "pool"), 0, 0);
	assert_float_equal(value_of("snakepit.request.duration", NULL), 0, 0);
}

static void value_of_what_is_not_there_says_so(void **state)
{
	struct snp_err err = {0};
	double value = -1;

	(void)state;
	assert_int_equal(
	    snp_test_value(fixture.path, "snakepit.reqests", NULL, &value, &err),
	    -EINVAL);
	assert_string_equal(err.msg, "no metric snakepit.reqests");
	assert_int_equal(
	    snp_test_value("/nowhere/x.seg", "snakepit.requests", NULL, &value, &err),
	    -ENOENT);
	assert_float_equal(value, -1, 0);
}

static void rises_returns_once_it_has(void **state)
{
	(void)state;
	count_requests(1);
	assert_int_equal(snp_test_rises(fixture.path, "snakepit.requests", NULL, 4,
					SNP_TEST_DEADLINE_MS, NULL),
			 0);
}

static void rises_says_what_it_was_last(void **state)
{
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(snp_test_rises(fixture.path, "snakepit.requests",
					"pool=default", 5, SOON_MS, &err),
			 -ETIMEDOUT);
	assert_string_equal(
	    err.msg, "snakepit.requests{pool=default} is 4 and not 5 after 20 ms");
	assert_int_equal(
	    snp_test_rises(fixture.path, "none", NULL, 5, SNP_TEST_DEADLINE_MS, &err),
	    -EINVAL);
	assert_int_equal(
	    snp_test_rises("/nowhere/x.seg", "none", NULL, 5, SOON_MS, &err), -ENOENT);
}

static void record(enum snp_enum_SPAN_KIND kind, const char *correlation, uint64_t ns)
{
	const struct snp_span_fields fields = {.kind = kind,
					       .start = {1},
					       .end = {1 + ns},
					       .pool = 0,
					       .tool = 0,
					       .correlation = correlation};

	snp_span_record(&fixture.bank, &fields);
}

static void span_is_that_of_the_request(void **state)
{
	struct snp_span span;

	(void)state;
	record(SNP_SPAN_KIND_REQUEST, "other", 1);
	record(SNP_SPAN_KIND_ATTEMPT, "t-1", 2);
	record(SNP_SPAN_KIND_REQUEST, "t-1", 3);
	assert_int_equal(
	    snp_test_span(fixture.path, "t-1", SNP_TEST_DEADLINE_MS, &span, NULL), 0);
	assert_int_equal(span.kind, SNP_SPAN_KIND_REQUEST);
	assert_int_equal(span.end.ns - span.start.ns, 3);
}

static void span_that_never_comes_says_so(void **state)
{
	struct snp_span span;
	struct snp_err err = {0};

	(void)state;
	assert_int_equal(snp_test_span(fixture.path, "t-2", SOON_MS, &span, &err),
			 -ETIMEDOUT);
	assert_string_equal(err.msg, "no span of a request 't-2' after 20 ms");
	assert_int_equal(snp_test_span("/nowhere/x.seg", "t-2", SOON_MS, &span, &err),
			 -ENOENT);
}

/* Lines as the runtime writes them, the last one not to its end yet. */
static const char log_text[] =
    "{\"msg\":\"request finished\",\"correlation_id\":\"t-1\"}\n"
    "not of ours\n"
    "{\"msg\":\"tool finished\",\"correlation_id\":\"t-3\"}\n"
    "{\"msg\":\"half\",\"correlation_id\":\"t-4\"}";

static void log_has_lines_that_are_complete(void **state)
{
	struct snp_err err = {0};
	char path[] = "/tmp/snp-log-XXXXXX", wanted[128];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, log_text, strlen(log_text)), strlen(log_text));
	assert_int_equal(snp_test_log(path, "t-1", SNP_TEST_DEADLINE_MS, NULL), 0);
	assert_int_equal(snp_test_log(path, "t-3", SNP_TEST_DEADLINE_MS, NULL), 0);
	assert_int_equal(snp_test_log(path, "t", SOON_MS, NULL), -ETIMEDOUT);
	assert_int_equal(snp_test_log(path, "t-4", SOON_MS, &err), -ETIMEDOUT);
	(void)snprintf(wanted, sizeof(wanted), "no line about 't-4' in %s after 20 ms",
		       path);
	assert_string_equal(err.msg, wanted);
	assert_int_equal(write(fd, "\n", 1), 1);
	assert_int_equal(snp_test_log(path, "t-4", SNP_TEST_DEADLINE_MS, NULL), 0);
	(void)close(fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(snp_test_log(path, "t-1", SOON_MS, &err), -ENOENT);
}

static int set_up(void **state)
{
	(void)state;
	segment_fixture_open(&fixture, "default", "word_stats");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	segment_fixture_close(&fixture);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(value_sums_series_that_have_the_labels),
	    cmocka_unit_test(value_of_what_is_not_there_says_so),
	    cmocka_unit_test(rises_returns_once_it_has),
	    cmocka_unit_test(rises_says_what_it_was_last),
	    cmocka_unit_test(span_is_that_of_the_request),
	    cmocka_unit_test(span_that_never_comes_says_so),
	    cmocka_unit_test(log_has_lines_that_are_complete),
	};

	return cmocka_run_group_tests_name("testing", tests, set_up, tear_down);
}
