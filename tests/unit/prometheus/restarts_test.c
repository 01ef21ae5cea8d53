/* SPDX-License-Identifier: Apache-2.0 */
/* P17: ten thousand restarts of a worker, as a scraper sees them. */
#include "collector.h"

#include "expo_check.h"
#include "model/log.h"
#include "segment_fixture.h"

#define RESTARTS    10000
#define SCRAPE_EACH 50

#define RESTARTED "snakepit_worker_restarts_total{pool=\"default\",worker=\"0\"}"
#define STARTED	  "snakepit_worker_start_time_seconds{pool=\"default\",worker=\"0\"}"

struct fixture {
	struct segment_fixture writer;
	struct collector *collector;
	struct collector_body *body;
	struct expo_doc doc; /* of `body` */
};

static void scrape(struct fixture *f)
{
	static const struct negotiated text = {.format = EXPO_TEXT};

	f->body = collector_scrape(f->collector, &text, &scrape_filter_all);
	assert_non_null(f->body);
	expo_check(&f->body->text, &f->doc);
}

static void forget(struct fixture *f)
{
	expo_check_free(&f->doc);
	if (f->body)
		collector_give_back(f->body);
	f->body = NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *names[1];
	const struct collector_options options = {.names = names,
						  .names_nr = 1,
						  .levels = FAMILIES_DIAG,
						  .groups = SCRAPE_GROUPS_ALL};

	if (!f)
		return -1;
	snp_log_set_level(SNP_LOG_ERROR);
	segment_fixture_open(&f->writer, "default", "word_stats");
	names[0] = f->writer.path;
	assert_int_equal(collector_create(&options, &f->collector), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	forget(f);
	collector_destroy(&f->collector);
	segment_fixture_close(&f->writer);
	free(f);
	return 0;
}

/* The worker of the slot is retired and has a successor, which does some work. */
static void restart(struct fixture *f, uint64_t which)
{
	const struct snp_row_decl slot = {.kind = SNP_ROW_WORKER};
	struct snp_worker_row *row = snp_worker_row(f->writer.writer, 0);

	snp_row_retire(f->writer.writer, SNP_ROW_WORKER, 0, SNP_RETIRE_REASON_REMOVED);
	assert_int_equal(snp_row_revive(f->writer.writer, &slot, 0), 0);
	segment_fixture_run_worker(&f->writer, 4711 + which);
	snp_add(&row->sup.restarts[0], 1);
	snp_add(&row->hot.pings[0], 3);
}

static bool is_counter(const struct expo_sample *sample)
{
	size_t len = strlen(sample->name);

	return len > 6 && strcmp(sample->name + len - 6, "_total") == 0 &&
	       strncmp(sample->name, "snakepit_shm_", 13) != 0;
}

/* Every counter there was is there, and not lower. */
static void check_counters(const struct fixture *before, const struct fixture *now)
{
	for (size_t i = 0; i < before->doc.samples_nr; i++) {
		const struct expo_sample *old = &before->doc.samples[i];
		char series[1024];

		if (!is_counter(old))
			continue;
		(void)snprintf(series, sizeof(series), "%.*s", (int)old->series_len,
			       old->series);
		if (expo_value(&now->doc, series) < old->value)
			fail_msg("%s fell", series);
	}
}

static void p17_restarts_never_lower_a_counter_nor_add_a_series(void **state)
{
	struct fixture *f = *state, before = {0};
	snp_mono_t begin = snp_mono_now();
	size_t series = 0;

	restart(f, 0);
	for (uint64_t i = 1; i <= RESTARTS; i++) {
		restart(f, i);
		if (i % SCRAPE_EACH != 0)
			continue;
		scrape(f);
		if (series == 0)
			series = f->doc.samples_nr;
		assert_int_equal(f->doc.samples_nr, series);
		check_counters(&before, f);
		forget(&before);
		before = (struct fixture){.body = f->body, .doc = f->doc};
		f->body = NULL;
		f->doc = (struct expo_doc){0};
	}
	forget(&before);
	/* Who scrapes this often may see it some milliseconds late. */
	do {
		assert_true(snp_mono_since_ns(snp_mono_now(), begin) <
			    60 * SNP_NS_PER_S);
		forget(f);
		scrape(f);
	} while (expo_value(&f->doc, RESTARTED) != RESTARTS + 1);
}

static void p17_gauges_of_a_retired_worker_go_at_once(void **state)
{
	struct fixture *f = *state;

	restart(f, 0);
	scrape(f);
	assert_non_null(expo_find(&f->doc, STARTED));
	forget(f);
	snp_row_retire(f->writer.writer, SNP_ROW_WORKER, 0, SNP_RETIRE_REASON_REMOVED);
	scrape(f);
	assert_null(expo_find(&f->doc, STARTED));
	assert_true(expo_value(&f->doc, RESTARTED) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    CASE(p17_restarts_never_lower_a_counter_nor_add_a_series),
	    CASE(p17_gauges_of_a_retired_worker_go_at_once),
	};

	return cmocka_run_group_tests_name("prometheus/restarts", tests, NULL, NULL);
}
