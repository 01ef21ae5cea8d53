/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include "expo_check.h"
#include "model/log.h"
#include "segment_fixture.h"

#define REQUESTS "snakepit_requests_total{pool=\"default\",method=\"word_stats\"}"
#define SUCCESS	 "snakepit_scrape_collector_success{collector=\"segment\"}"

static const struct negotiated as = {.format = EXPO_TEXT};

/* ---- fixture ------------------------------------------------------------- */

struct fixture {
	struct segment_fixture writer;
	struct collector *collector;
	struct collector_body *body;
	struct expo_doc doc;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *names[1];
	const struct collector_options options = {
	    .names = names,
	    .names_nr = 1,
	    .groups = SCRAPE_GROUPS_ALL,
	    .exporter_metrics = true,
	};

	if (!f)
		return -1;
	snp_log_set_level(SNP_LOG_ERROR); /* what is tested here would warn a lot */
	segment_fixture_open(&f->writer, "default", "word_stats");
	names[0] = f->writer.path;
	assert_int_equal(collector_create(&options, &f->collector), 0);
	*state = f;
	return 0;
}

static void give_back(struct fixture *f)
{
	expo_check_free(&f->doc);
	if (f->body)
		collector_give_back(f->body);
	f->body = NULL;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	give_back(f);
	collector_destroy(&f->collector);
	segment_fixture_close(&f->writer);
	free(f);
	return 0;
}

static void scrape(struct fixture *f)
{
	give_back(f);
	f->body = collector_scrape(f->collector, &as, &scrape_filter_all);
	assert_non_null(f->body);
	expo_check(&f->body->text, &f->doc);
}

/* ---- cases --------------------------------------------------------------- */

static void scrape_live_runtime_is_up(void **state)
{
	struct fixture *f = *state;
	char why[SNP_ERR_MSG_BYTES];

	snp_add(&f->writer.bank.tools[0].requests[0], 7);
	scrape(f);
	assert_true(expo_value(&f->doc, "snakepit_up") == 1);
	assert_true(expo_value(&f->doc, SUCCESS) == 1);
	assert_true(expo_value(&f->doc, REQUESTS) == 7);
	assert_true(expo_value(&f->doc, "snakepit_build_info{format=\"1.0\"}") == 1);
	assert_true(expo_value(&f->doc,
			       "snakepit_metric_overflows_total{limit=\"rows\"}") == 0);
	assert_true(expo_value(&f->doc, "snakepit_shm_torn_reads_total") == 0);
	assert_true(expo_value(&f->doc, "snakepit_shm_last_update_timestamp_seconds") >
		    1.7e9);
	assert_true(expo_value(&f->doc, "process_open_fds") > 2);
	assert_true(expo_value(&f->doc, "process_threads") >= 1);
	assert_true(expo_value(&f->doc, "process_resident_memory_bytes") > 100000);
	assert_true(expo_value(&f->doc, "process_virtual_memory_bytes") >
		    expo_value(&f->doc, "process_resident_memory_bytes"));
	assert_true(expo_value(&f->doc, "process_cpu_seconds_total") > 0);
	assert_true(collector_ready(f->collector, why));
}

static void scrape_dead_runtime_keeps_counters_alone(void **state)
{
	struct fixture *f = *state;
	char why[SNP_ERR_MSG_BYTES];

	snp_add(&f->writer.bank.tools[0].requests[0], 7);
	segment_fixture_run_worker(&f->writer, 4711);
	scrape(f);
	assert_true(
	    expo_value(&f->doc, "snakepit_workers{pool=\"default\",state=\"idle\"}") ==
	    1);
	snp_writer_abandon(&f->writer.writer);
	scrape(f);
	assert_true(expo_value(&f->doc, "snakepit_up") == 0);
	assert_true(expo_value(&f->doc, REQUESTS) == 7);
	assert_null(
	    expo_find(&f->doc, "snakepit_workers{pool=\"default\",state=\"idle\"}"));
	assert_false(collector_ready(f->collector, why));
	assert_string_equal(why, "runtime is dead");
}

static void scrape_without_segment_is_down_and_recovers(void **state)
{
	struct fixture *f = *state;
	char why[SNP_ERR_MSG_BYTES] = "";
	char away[160];

	(void)snprintf(away, sizeof(away), "%s.away", f->writer.path);
	assert_int_equal(rename(f->writer.path, away), 0);
	scrape(f);
	assert_true(expo_value(&f->doc, "snakepit_up") == 0);
	assert_true(expo_value(&f->doc, SUCCESS) == 0);
	assert_null(expo_find(&f->doc, "snakepit_build_info{format=\"1.0\"}"));
	assert_false(collector_ready(f->collector, why));
	assert_non_null(strstr(why, f->writer.path));
	assert_int_equal(rename(away, f->writer.path), 0);
	scrape(f);
	assert_true(expo_value(&f->doc, "snakepit_up") == 1);
	assert_true(expo_value(&f->doc, REQUESTS) == 0);
}

static void scrape_restarted_runtime_starts_anew(void **state)
{
	struct fixture *f = *state;
	double started;

	snp_add(&f->writer.bank.tools[0].requests[0], 7);
	scrape(f);
	started = expo_value(&f->doc, "snakepit_start_time_seconds");
	segment_fixture_restart(&f->writer);
	snp_add(&f->writer.bank.tools[0].requests[0], 2);
	scrape(f);
	assert_true(expo_value(&f->doc, "snakepit_up") == 1);
	assert_true(expo_value(&f->doc, REQUESTS) == 2);
	assert_true(expo_value(&f->doc, "snakepit_start_time_seconds") > started);
}

static void scrape_reuses_its_memory(void **state)
{
	struct fixture *f = *state;
	struct collector_body *first, *second;
	const char *data;

	scrape(f);
	first = f->body;
	data = f->body->text.data;
	scrape(f);
	assert_ptr_equal(f->body, first);
	assert_ptr_equal(f->body->text.data, data);
	/* A body that is still being sent is not touched. */
	second = collector_scrape(f->collector, &as, &scrape_filter_all);
	assert_non_null(second);
	assert_ptr_not_equal(second, first);
	assert_ptr_not_equal(second->text.data, data);
	collector_give_back(second);
}

/* However many ask, the runtime is looked at 20 times at once and 100 times a second;
 * what was not seen at first is seen soon. */
static void scrape_looks_at_the_runtime_within_bounds(void **state)
{
	struct fixture *f = *state;
	snp_mono_t begin = snp_mono_now(), end;
	double seen = -1, last = 0;
	unsigned looks = 0;

	for (int i = 0; i < 500; i++) {
		snp_add(&f->writer.bank.tools[0].requests[0], 1);
		scrape(f);
		last = expo_value(&f->doc, REQUESTS);
		assert_true(last >= seen);
		looks += last > seen;
		seen = last;
	}
	end = snp_mono_now();
	assert_true(looks >= 20);
	assert_true(looks <= 21 + snp_mono_since_ns(end, begin) / 10000000);
	while (expo_value(&f->doc, REQUESTS) < 500) {
		assert_true(snp_mono_since_ns(snp_mono_now(), end) < 10 * SNP_NS_PER_S);
		scrape(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    CASE(scrape_live_runtime_is_up),
	    CASE(scrape_dead_runtime_keeps_counters_alone),
	    CASE(scrape_without_segment_is_down_and_recovers),
	    CASE(scrape_restarted_runtime_starts_anew),
	    CASE(scrape_reuses_its_memory),
	    CASE(scrape_looks_at_the_runtime_within_bounds),
	};

	return cmocka_run_group_tests_name("prometheus/collector", tests, NULL, NULL);
}
