/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of adapters: what they may be called, and how readers come to see them. */
#include "snp_test.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "adapter_names.h"
#include "snakepit/read.h"
#include "snakepit/write.h"

#define COUNTER	  SNP_KIND_COUNTER
#define GAUGE	  SNP_KIND_GAUGE
#define HISTOGRAM SNP_KIND_HISTOGRAM

struct fixture {
	char dir[64];
	struct snp_writer *w;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	uint32_t pool, worker;
};

static uint32_t must_declare(struct fixture *f, unsigned kind, uint32_t pool,
			     const char *name)
{
	uint32_t index = UINT32_MAX;
	const struct snp_row_decl decl = {.kind = kind, .pool = pool, .name = name};

	assert_int_equal(snp_row_declare(f->w, &decl, &index, NULL), 0);
	return index;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct snp_writer_options o = {.instance = "unit",
				       .pools_max = 2,
				       .workers_max = 2,
				       .tools_max = 1,
				       .banks_max = 1,
				       .adapter_metrics_max = 5,
				       .reuse_quarantine_ms = 1};

	assert_non_null(f);
	snp_test_tmpdir_make(f->dir, sizeof(f->dir));
	o.dir = f->dir;
	assert_int_equal(snp_writer_create(&o, &f->w, NULL), 0);
	f->pool = must_declare(f, SNP_ROW_POOL, 0, "default");
	f->worker = must_declare(f, SNP_ROW_WORKER, f->pool, NULL);
	assert_int_equal(snp_writer_publish(f->w, NULL), 0);
	assert_int_equal(snp_segment_attach(snp_writer_path(f->w), &f->seg, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
	snp_writer_remove(&f->w);
	snp_test_tmpdir_remove(f->dir);
	free(f);
	return 0;
}

static int metric(struct fixture *f, unsigned kind, const char *name, const char *unit,
		  uint32_t *ret)
{
	const struct snp_adapter_metric m = {kind, name, unit, "What it counts."};

	return snp_adapter_metric(f->w, &m, ret, NULL);
}

static uint32_t must_metric(struct fixture *f, unsigned kind, const char *name,
			    const char *unit)
{
	uint32_t index = UINT32_MAX;

	assert_int_equal(metric(f, kind, name, unit, &index), 0);
	return index;
}

/* Look again, as every reader does. */
static const struct snp_metric *seen(struct fixture *f, const char *name)
{
	snp_snapshot_destroy(&f->snap);
	if (snp_segment_replaced(f->seg)) {
		snp_segment_detach(&f->seg);
		assert_int_equal(
		    snp_segment_attach(snp_writer_path(f->w), &f->seg, NULL), 0);
	}
	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	return snp_snapshot_metric_find(f->snap, name);
}

static struct snp_series only_series(struct fixture *f, const struct snp_metric *m)
{
	struct snp_series_iter it;
	struct snp_series series, more;

	snp_series_iter_init(&it, f->snap, m);
	assert_true(snp_series_next(&it, &series));
	assert_false(snp_series_next(&it, &more));
	return series;
}

/* ---- names --------------------------------------------------------------- */

static void names_are_translated_as_opentelemetry_does(void **state)
{
	static const struct {
		unsigned kind;
		const char *name, *unit, *prom;
	} cases[] = {
	    {COUNTER, "tokens", "{token}", "tokens_total"},
	    {COUNTER, "tokens_total", "{token}", "tokens_total"},
	    {COUNTER, "audio.time", "s", "audio_time_seconds_total"},
	    {COUNTER, "audio_seconds_total", "s", "audio_seconds_total"},
	    {COUNTER, "uploads", "By", "uploads_bytes_total"},
	    {GAUGE, "cache.size", "By", "cache_size_bytes"},
	    {GAUGE, "cache_bytes", "By", "cache_bytes"},
	    {GAUGE, "load", "1", "load_ratio"},
	    {COUNTER, "steps", "1", "steps_total"},
	    {GAUGE, "fill", "%", "fill_percent"},
	    {GAUGE, "loss", "", "loss"},
	    {HISTOGRAM, "embed.duration", "s", "embed_duration_seconds"},
	    {HISTOGRAM, "batch.size", "{item}", "batch_size"},
	};
	char prom[SNP__ADAPTER_PROM_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct snp_adapter_metric m = {cases[i].kind, cases[i].name,
						     cases[i].unit, ""};

		assert_null(snp__adapter_refusal(&m));
		snp__adapter_prom_name(&m, prom);
		assert_string_equal(prom, cases[i].prom);
	}
}

static void what_cannot_be_exported_is_refused(void **state)
{
	static const char name63[] =
	    "a23456789012345678901234567890123456789012345678901234567890123";
	static const struct {
		const char *name, *unit, *help;
	} bad[] = {
	    {"", "", ""},
	    {"9lives", "", ""},
	    {"a-b", "", ""},
	    {"a b", "", ""},
	    {"a\n", "", ""},
	    {"_a", "", ""},
	    {"a_", "", ""},
	    {"a..b", "", ""},
	    {"a._b", "", ""},
	    {"snakepit", "", ""},
	    {"snakepit.requests", "", ""},
	    {"snakepit_x", "", ""},
	    {"process.cpu", "", ""},
	    {"up", "", ""},
	    {"latency.count", "", ""},
	    {"latency.count.total", "", ""},
	    {"target_info", "", ""},
	    {"a", "ms", ""},
	    {"a", "{}", ""},
	    {"a", "{a thing}", ""},
	    {"a", "{a23456789012345678901234}", ""},
	    {"a", "", "\xff"},
	};
	char long_name[65];
	struct snp_adapter_metric m = {COUNTER, name63, "", ""};

	(void)state;
	assert_null(snp__adapter_refusal(&m));
	(void)snprintf(long_name, sizeof(long_name), "%s4", name63);
	m.name = long_name;
	assert_non_null(snp__adapter_refusal(&m));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		m = (struct snp_adapter_metric){COUNTER, bad[i].name, bad[i].unit,
						bad[i].help};
		if (!snp__adapter_refusal(&m))
			fail_msg("'%s' in '%s' is not refused", m.name, m.unit);
	}
	m = (struct snp_adapter_metric){SNP_KIND_STATE, "a", "", ""};
	assert_non_null(snp__adapter_refusal(&m));
	m = (struct snp_adapter_metric){GAUGE, "a_total", "", ""};
	assert_non_null(snp__adapter_refusal(&m));
}

/* ---- declaring ----------------------------------------------------------- */

static void metrics_appear_while_readers_look(void **state)
{
	struct fixture *f = *state;
	const struct snp_metric *m;
	struct snp_series series;
	size_t before;
	uint32_t tokens;

	assert_null(seen(f, "tokens"));
	before = snp_snapshot_metrics_nr(f->snap);
	assert_false(snp_segment_replaced(f->seg));
	tokens = must_metric(f, COUNTER, "tokens", "{token}");
	assert_true(snp_segment_replaced(f->seg));
	snp_adapter_begin(f->w, tokens, f->pool);
	snp_add(snp_adapter_cell(f->w, tokens, f->pool), 7);
	m = seen(f, "tokens");
	assert_non_null(m);
	assert_int_equal(snp_snapshot_metrics_nr(f->snap), before + 1);
	assert_string_equal(m->prom_name, "tokens_total");
	assert_string_equal(m->unit, "{token}");
	assert_string_equal(m->help, "What it counts.");
	series = only_series(f, m);
	assert_int_equal(series.value, 7);
	assert_int_equal(series.labels_nr, 1);
	assert_string_equal(series.labels[0].value, "default");
}

static void a_second_declaration_finds_the_first(void **state)
{
	struct fixture *f = *state;
	uint32_t tokens = must_metric(f, COUNTER, "tokens", "{token}"), other = 0;

	assert_int_equal(must_metric(f, COUNTER, "tokens", "{token}"), tokens);
	assert_int_equal(metric(f, GAUGE, "tokens", "{token}", &other), -EEXIST);
	assert_int_equal(metric(f, COUNTER, "tokens", "By", &other), -EEXIST);
	assert_int_equal(metric(f, COUNTER, "tokens.total", "", &other), -EEXIST);
	assert_int_equal(metric(f, COUNTER, "snakepit", "", &other), -EINVAL);
	assert_int_equal(other, 0);
}

/* A page of OpenMetrics calls the family of a counter without its "_total". */
static void families_of_exporters_are_told_apart(void **state)
{
	struct fixture *f = *state;
	uint32_t other = 0;

	(void)must_metric(f, COUNTER, "jobs.done", "");
	assert_int_equal(metric(f, GAUGE, "jobs_done", "", &other), -EEXIST);
	(void)must_metric(f, GAUGE, "audio_seconds", "");
	assert_int_equal(metric(f, COUNTER, "audio", "s", &other), -EEXIST);
	assert_int_equal(other, 0);
}

static void room_is_bounded(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"a", "b", "c", "d"};
	uint32_t index;

	(void)must_metric(f, HISTOGRAM, "h", "s");
	(void)must_metric(f, HISTOGRAM, "i", "s"); /* two of five */
	assert_int_equal(metric(f, HISTOGRAM, "j", "s", &index), -ENOSPC);
	for (size_t i = 0; i < 3; i++)
		(void)must_metric(f, GAUGE, names[i], "");
	assert_int_equal(metric(f, GAUGE, names[3], "", &index), -ENOSPC);
	assert_non_null(seen(f, "c"));
}

/* Names are foreign: that there is no room must be an answer, not the end. */
static void as_many_as_can_be_have_room_for_the_longest_texts(void **state)
{
	struct fixture *f = *state;
	struct snp_writer_options o = {.instance = "full",
				       .dir = f->dir,
				       .pools_max = 1,
				       .workers_max = 1,
				       .tools_max = 1,
				       .banks_max = 1,
				       .adapter_metrics_max = SNP_ADAPTER_METRICS_MAX};
	char name[SNP_ADAPTER_NAME_BYTES], unit[SNP_ADAPTER_UNIT_BYTES],
	    help[SNP_ADAPTER_HELP_BYTES];
	const struct snp_adapter_metric m = {COUNTER, name, unit, help};
	struct snp_writer *w = NULL;
	uint32_t index;

	assert_int_equal(snp_writer_create(&o, &w, NULL), 0);
	for (int i = 0; i < SNP_ADAPTER_METRICS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%062d", i);
		(void)snprintf(unit, sizeof(unit), "{%021d}", i);
		(void)snprintf(help, sizeof(help), "%0167d", i);
		assert_int_equal(snp_adapter_metric(w, &m, &index, NULL), 0);
	}
	name[0] = 'm';
	assert_int_equal(snp_adapter_metric(w, &m, &index, NULL), -ENOSPC);
	snp_writer_remove(&w);
}

/* Whoever attaches in between finds all that the descriptors refer to. */
static void *declare_all(void *arg)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	struct fixture *f = arg;

	for (size_t i = 0; i < 4; i++)
		(void)must_metric(f, i ? COUNTER : HISTOGRAM, names[i], "{thing}");
	return NULL;
}

static void readers_attach_while_metrics_come(void **state)
{
	struct fixture *f = *state;
	size_t nr, before;
	pthread_t writer;

	(void)seen(f, "a");
	before = snp_snapshot_metrics_nr(f->snap);
	assert_int_equal(pthread_create(&writer, NULL, declare_all, f), 0);
	do {
		struct snp_segment *seg = NULL;
		struct snp_snapshot *snap = NULL;
		struct snp_err err = {0};

		if (snp_segment_attach(snp_writer_path(f->w), &seg, &err) < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(snp_segment_snapshot(seg, &snap, NULL), 0);
		nr = snp_snapshot_metrics_nr(snap);
		snp_snapshot_destroy(&snap);
		snp_segment_detach(&seg);
	} while (nr < before + 4);
	assert_int_equal(pthread_join(writer, NULL), 0);
}

/* ---- cells --------------------------------------------------------------- */

static bool has_series(struct fixture *f, const char *name)
{
	const struct snp_metric *m = seen(f, name);
	struct snp_series_iter it;
	struct snp_series series;

	assert_non_null(m);
	snp_series_iter_init(&it, f->snap, m);
	return snp_series_next(&it, &series);
}

static void a_gauge_is_not_there_until_it_is_set(void **state)
{
	struct fixture *f = *state;
	uint32_t loss = must_metric(f, GAUGE, "loss", "");
	struct snp_series series;
	const double set = 0.25;
	uint64_t word;

	assert_false(has_series(f, "loss"));
	memcpy(&word, &set, sizeof(word));
	snp_set(snp_adapter_cell(f->w, loss, f->worker), word);
	series = only_series(f, seen(f, "loss"));
	assert_true(snp_series_number(f->snap, &series) == set);
	assert_int_equal(series.labels_nr, 2);
	assert_string_equal(series.labels[1].prom_name, "worker");
	snp_adapter_gauges_clear(f->w, f->worker);
	assert_false(has_series(f, "loss"));
}

static void pools_of_other_adapters_do_not_have_it(void **state)
{
	struct fixture *f = *state;
	uint32_t other = must_declare(f, SNP_ROW_POOL, 0, "other");
	uint32_t tokens = must_metric(f, COUNTER, "tokens", "");
	uint32_t wait = must_metric(f, HISTOGRAM, "wait", "s");

	assert_false(has_series(f, "tokens"));
	assert_false(has_series(f, "wait"));
	snp_adapter_begin(f->w, tokens, other);
	snp_adapter_begin(f->w, wait, other);
	assert_int_equal(only_series(f, seen(f, "tokens")).row, other);
	assert_int_equal(only_series(f, seen(f, "wait")).row, other);
	snp_add(snp_adapter_cell(f->w, tokens, other), 3);
	snp_adapter_begin(f->w, tokens, other); /* again, by the next worker */
	assert_int_equal(only_series(f, seen(f, "tokens")).value, 3);
}

static void histograms_count_in_their_unit(void **state)
{
	struct fixture *f = *state;
	uint32_t time = must_metric(f, HISTOGRAM, "wait", "s");
	uint32_t plain = must_metric(f, HISTOGRAM, "batch", "{item}");
	const uint64_t unit = 1000000000;
	const struct snp_metric *m;
	struct snp_series series;

	assert_true(snp_adapter_unit_is_time("s"));
	assert_false(snp_adapter_unit_is_time("{item}"));
	snp_adapter_begin(f->w, time, f->pool);
	snp_adapter_begin(f->w, plain, f->pool);
	snp_hist_record((void *)snp_adapter_cell(f->w, time, f->pool), unit / 4);
	snp_hist_record_long((void *)snp_adapter_cell(f->w, plain, f->pool),
			     100000 * unit);
	m = seen(f, "wait");
	series = only_series(f, m);
	assert_int_equal(series.hist[m->nbuckets + 2], unit / 4);
	assert_int_equal(snp_hist_count_le(m, series.hist, unit / 2), 1);
	assert_int_equal(snp_hist_count_le(m, series.hist, unit / 8), 0);
	m = snp_snapshot_metric_find(f->snap, "batch");
	series = only_series(f, m);
	assert_int_equal(snp_hist_count(m, series.hist), 1);
	assert_int_equal(snp_hist_count_le(m, series.hist, 50000 * unit), 0);
	assert_true(snp_hist_upper_ns(m, m->nbuckets) > 200000 * unit);
	assert_int_equal(m->bounds_ns[m->bounds_nr - 1], 100000 * unit);
}

static void a_recycled_row_starts_anew(void **state)
{
	struct fixture *f = *state;
	uint32_t tokens = must_metric(f, COUNTER, "tokens", ""), second, third;
	uint32_t wait = must_metric(f, HISTOGRAM, "wait", "s");
	struct snp_fmt_hist *hist;
	int rc;
	const struct snp_row_decl decl = {.kind = SNP_ROW_POOL, .name = "third"};

	second = must_declare(f, SNP_ROW_POOL, 0, "second");
	snp_adapter_begin(f->w, tokens, second);
	snp_adapter_begin(f->w, wait, second);
	hist = (void *)snp_adapter_cell(f->w, wait, second);
	snp_add(snp_adapter_cell(f->w, tokens, second), 7);
	snp_hist_record(hist, 1);
	snp_row_retire(f->w, SNP_ROW_POOL, second, SNP_RETIRE_REASON_NONE);
	do /* the quarantine is a millisecond */
		rc = snp_row_declare(f->w, &decl, &third, NULL);
	while (rc == -ENOSPC);
	assert_int_equal(rc, 0);
	assert_int_equal(third, second);
	assert_false(has_series(f, "tokens"));
	assert_false(has_series(f, "wait"));
	snp_adapter_begin(f->w, wait, third);
	assert_int_equal(snp_get(&hist->bucket[0]), 0);
	assert_int_equal(snp_get(&hist->sum), 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_translated_as_opentelemetry_does),
	    cmocka_unit_test(what_cannot_be_exported_is_refused),
	    T(metrics_appear_while_readers_look),
	    T(a_second_declaration_finds_the_first),
	    T(families_of_exporters_are_told_apart),
	    T(room_is_bounded),
	    T(as_many_as_can_be_have_room_for_the_longest_texts),
	    T(readers_attach_while_metrics_come),
	    T(a_gauge_is_not_there_until_it_is_set),
	    T(pools_of_other_adapters_do_not_have_it),
	    T(histograms_count_in_their_unit),
	    T(a_recycled_row_starts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
