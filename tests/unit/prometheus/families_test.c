/* SPDX-License-Identifier: Apache-2.0 */
#include "families.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "expo_check.h"
#include "page.h"
#include "segment_fixture.h"

#define DURATION "snakepit_request_duration_seconds"

/* ---- fixture ------------------------------------------------------------- */

struct fixture {
	struct segment_fixture writer;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct families *families;
	struct own_totals totals;
	struct page_room *room;
	struct snp_buf page;
	struct expo_doc doc;
};

static void attach(struct fixture *f, enum families_levels levels)
{
	struct snp_err err = {0};

	if (snp_segment_attach(f->writer.path, &f->seg, &err) < 0)
		fail_msg("%s", err.msg);
	if (snp_segment_snapshot(f->seg, &f->snap, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(page_room_create(&f->room), 0);
	assert_int_equal(families_create(f->snap, levels, NULL, &f->families), 0);
}

static void detach(struct fixture *f)
{
	families_destroy(&f->families);
	page_room_destroy(&f->room);
	snp_snapshot_destroy(&f->snap);
	snp_segment_detach(&f->seg);
}

/* Render the present contents and read the page strictly. */
static void render(struct fixture *f, enum families_part part)
{
	struct page_source source = {.up = true,
				     .totals = &f->totals,
				     .part = part,
				     .seg = f->seg,
				     .families = f->families};
	const struct page page = {
	    .filter = &scrape_filter_all, .sources = &source, .sources_nr = 1};

	assert_int_equal(snp_segment_snapshot(f->seg, &f->snap, NULL), 0);
	expo_check_free(&f->doc);
	snp_buf_reset(&f->page);
	source.snap = f->snap;
	page_render(f->room, &page, &f->page);
	expo_check(&f->page, &f->doc);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	segment_fixture_open(&f->writer, "default", "word_stats");
	attach(f, FAMILIES_DEFAULT);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	detach(f);
	segment_fixture_close(&f->writer);
	expo_check_free(&f->doc);
	snp_buf_fini(&f->page);
	free(f);
	return 0;
}

/* Replace one string in the file by another of the same length, behind everybody's
 * back. */
static void patch_file(const char *path, const char *from, const char *to)
{
	size_t len = strlen(from);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	char *bytes;
	const char *at;

	assert_true(fd >= 0);
	assert_int_equal(strlen(to), len);
	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, (size_t)st.st_size, 0), st.st_size);
	/* The string with its NUL: not a longer one that begins like it. */
	at = memmem(bytes, (size_t)st.st_size, from, len + 1);
	assert_non_null(at);
	assert_int_equal(pwrite(fd, to, len, at - bytes), len);
	free(bytes);
	(void)close(fd);
}

/* What the supervisor does when a slot goes away: the row's generation says tombstone.
 */
static void retire_worker(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint64_t gen = SNP_GEN_TOMBSTONE;
	struct snp_fmt_header header;
	struct snp_fmt_region region = {0};

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	for (uint64_t i = 0; i < header.dir_count; i++) {
		assert_int_equal(pread(fd, &region, sizeof(region),
				       (off_t)(header.dir_off + i * sizeof(region))),
				 sizeof(region));
		if (region.type == SNP_REGION_ROWD && region.kind == SNP_ROW_WORKER)
			break;
	}
	assert_int_equal(region.type, SNP_REGION_ROWD);
	assert_int_equal(pwrite(fd, &gen, sizeof(gen), (off_t)region.off), sizeof(gen));
	(void)close(fd);
}

/* ---- scalars ------------------------------------------------------------- */

static void render_scalars_have_their_values(void **state)
{
	struct fixture *f = *state;
	struct snp_bank *bank = &f->writer.bank;
	double age;

	snp_add(&bank->tools[0].requests[0], UINT64_C(9007199254740992));
	snp_add(&bank->tools[0].failures[SNP_FAILURE_CODE_INTERNAL], 3);
	snp_set(&snp_worker_row(f->writer.writer, 0)->sup.cpu[0], 1500000000);
	snp_set(&snp_worker_row(f->writer.writer, 0)->hot.last_pong[0],
		snp_mono_now().ns);
	segment_fixture_run_worker(&f->writer, 4711);
	render(f, FAMILIES_ALL);

	assert_true(expo_value(&f->doc,
			       "snakepit_requests_total{pool=\"default\","
			       "method=\"word_stats\"}") == 9007199254740992.0);
	assert_true(expo_value(&f->doc,
			       "snakepit_request_failures_total{pool=\"default\","
			       "method=\"word_stats\",code=\"INTERNAL\"}") == 3);
	assert_true(expo_value(&f->doc, "snakepit_worker_cpu_time_seconds_total{"
					"pool=\"default\",worker=\"0\"}") == 1.5);
	assert_true(
	    expo_value(&f->doc, "snakepit_workers{pool=\"default\",state=\"idle\"}") ==
	    1);
	age = (double)snp_wall_now().ns / 1e9 -
	      expo_value(&f->doc, "snakepit_heartbeat_last_pong_timestamp_seconds{"
				  "pool=\"default\",worker=\"0\"}");
	assert_true(age > -1 && age < 60);
	assert_true(expo_value(&f->doc,
			       "snakepit_worker_info{pool=\"default\",worker=\"0\","
			       "worker_id=\"default/0#1\",pid=\"4711\","
			       "adapter=\"demo.Adapter\",python_version=\"\"}") == 1);
}

static void render_family_without_series_has_no_header(void **state)
{
	struct fixture *f = *state;

	render(f, FAMILIES_ALL); /* the worker has no process: no info series */
	assert_null(memmem(f->page.data, f->page.len, "snakepit_worker_info", 20));
}

static void render_lasting_leaves_the_present_out(void **state)
{
	struct fixture *f = *state;

	segment_fixture_run_worker(&f->writer, 4711);
	snp_add(&f->writer.bank.tools[0].requests[0], 5);
	render(f, FAMILIES_LASTING);
	assert_true(expo_value(&f->doc, "snakepit_requests_total{pool=\"default\","
					"method=\"word_stats\"}") == 5);
	assert_true(expo_value(&f->doc, "snakepit_start_time_seconds") > 0);
	assert_non_null(expo_find(&f->doc, DURATION "_count{pool=\"default\","
						    "method=\"word_stats\"}"));
	for (size_t i = 0; i < f->doc.samples_nr; i++) {
		const char *name = f->doc.samples[i].name;

		assert_string_not_equal(name, "snakepit_workers");
		assert_string_not_equal(name, "snakepit_worker_info");
		assert_string_not_equal(name, "snakepit_worker_memory_usage_bytes");
		assert_string_not_equal(name, "snakepit_heartbeat_missed");
		assert_string_not_equal(name, "snakepit_pool_queue_depth");
	}
}

static void render_retired_row_keeps_its_counters_alone(void **state)
{
	struct fixture *f = *state;

	snp_add(&snp_worker_row(f->writer.writer, 0)->hot.pings[0], 3);
	segment_fixture_run_worker(&f->writer, 4711);
	render(f, FAMILIES_ALL);
	assert_non_null(expo_find(&f->doc, "snakepit_heartbeat_missed{pool=\"default\","
					   "worker=\"0\"}"));
	retire_worker(f->writer.path);
	render(f, FAMILIES_ALL);
	assert_null(expo_find(&f->doc, "snakepit_heartbeat_missed{pool=\"default\","
				       "worker=\"0\"}"));
	assert_true(expo_value(&f->doc, "snakepit_heartbeat_pings_total{"
					"pool=\"default\",worker=\"0\"}") == 3);
}

static void render_diag_adds_states_one_line_each(void **state)
{
	struct fixture *f = *state;
	unsigned set = 0;

	render(f, FAMILIES_ALL);
	assert_null(expo_find(&f->doc, "snakepit_worker_state{pool=\"default\","
				       "worker=\"0\",state=\"ready\"}"));
	detach(f);
	attach(f, FAMILIES_DIAG);
	segment_fixture_run_worker(&f->writer, 4711);
	render(f, FAMILIES_ALL);
	assert_true(expo_value(&f->doc, "snakepit_worker_state{pool=\"default\","
					"worker=\"0\",state=\"ready\"}") == 1);
	for (size_t i = 0; i < f->doc.samples_nr; i++)
		if (strcmp(f->doc.samples[i].name, "snakepit_worker_state") == 0)
			set += f->doc.samples[i].value == 1;
	assert_int_equal(set, 1);
}

static void render_hostile_names_come_back(void **state)
{
	static const char pool[] = "\"} 1\n# TYPE evil counter\\\x01\x7f\xC3\xA4";
	struct segment_fixture writer = {0};
	struct snp_buf got = {0};
	struct fixture f = {0};
	bool found = false;

	(void)state;
	segment_fixture_open(&writer, pool, "tool\\");
	f.writer = writer;
	attach(&f, FAMILIES_DEFAULT);
	render(&f, FAMILIES_ALL);
	for (size_t i = 0; i < f.doc.samples_nr; i++) {
		if (strcmp(f.doc.samples[i].name, "snakepit_requests_total") != 0)
			continue;
		assert_true(expo_label_value(&f.doc.samples[i], "pool", &got));
		assert_int_equal(got.len, sizeof(pool) - 1);
		assert_memory_equal(got.data, pool, got.len);
		found = true;
	}
	assert_true(found);
	snp_buf_fini(&got);
	expo_check_free(&f.doc);
	snp_buf_fini(&f.page);
	detach(&f);
	segment_fixture_close(&f.writer);
}

/* ---- what the segment may not make us say -------------------------------- */

static void create_illegal_name_is_rejected(void **state)
{
	struct fixture *f = *state;

	detach(f);
	patch_file(f->writer.path, "snakepit_worker_limit", "snakepit_worker-limit");
	attach(f, FAMILIES_DEFAULT);
	assert_int_equal(f->families->rejected, 1);
	render(f, FAMILIES_ALL);
	assert_null(memmem(f->page.data, f->page.len, "worker-limit", 12));
}

static void create_name_used_twice_is_rejected(void **state)
{
	struct fixture *f = *state;

	detach(f);
	patch_file(f->writer.path, "snakepit_session_active",
		   "snakepit_requests_total");
	attach(f, FAMILIES_DEFAULT);
	assert_int_equal(f->families->rejected, 1);
	render(f, FAMILIES_ALL); /* the checker would find a second TYPE */
}

static void create_name_of_the_exporter_is_rejected(void **state)
{
	struct fixture *f = *state;

	detach(f);
	patch_file(f->writer.path, "snakepit_request_active",
		   "process_the_first_famil");
	attach(f, FAMILIES_DEFAULT);
	assert_int_equal(f->families->rejected, 1);
}

static void create_name_of_a_histogram_sample_is_rejected(void **state)
{
	struct fixture *f = *state;

	detach(f);
	patch_file(f->writer.path, "snakepit_worker_cpu_time_seconds_total",
		   "snakepit_heartbeat_latency_seconds_sum");
	attach(f, FAMILIES_DEFAULT);
	assert_int_equal(f->families->rejected, 1);
	render(f, FAMILIES_ALL);
}

static void render_illegal_label_rejects_the_family(void **state)
{
	struct fixture *f = *state;

	detach(f);
	patch_file(f->writer.path, "method", "met-od");
	attach(f, FAMILIES_DEFAULT);
	render(f, FAMILIES_ALL);
	assert_true(f->families->rejected > 0);
	assert_null(memmem(f->page.data, f->page.len, "snakepit_requests_total", 23));
	assert_non_null(
	    memmem(f->page.data, f->page.len, "snakepit_pool_requests_total", 28));
}

/* ---- histograms ---------------------------------------------------------- */

/* The smallest bucket bound at or above the value: where the value is counted. */
static uint64_t bucket_upper(const struct snp_metric *metric, uint64_t ns)
{
	for (uint32_t i = 0; i <= metric->nbuckets; i++)
		if (ns <= snp_hist_upper_ns(metric, i))
			return snp_hist_upper_ns(metric, i);
	return UINT64_MAX;
}

static uint64_t random_ns(void)
{
	uint64_t bits =
	    ((uint64_t)rand() << 31 ^ (uint64_t)rand()) & UINT64_C(0xFFFFFFFFFFF);

	return bits >> (rand() % 40);
}

static void histogram_random_values_match_brute_force(void **state)
{
	enum { VALUES = 20000 };
	struct fixture *f = *state;
	const struct snp_metric *metric;
	uint64_t *uppers = calloc(VALUES, sizeof(*uppers));
	uint64_t sum = 0;
	char series[256];

	assert_non_null(uppers);
	metric = snp_snapshot_metric_find(f->snap, "snakepit.request.duration");
	assert_non_null(metric);
	srand(42);
	for (int i = 0; i < VALUES; i++) {
		/* Every bound of the metric itself is among the values. */
		uint64_t ns =
		    i < (int)metric->bounds_nr ? metric->bounds_ns[i] : random_ns();

		snp_hist_record(&f->writer.bank.tools[0].duration[0], ns);
		uppers[i] = bucket_upper(metric, ns);
		sum += ns;
	}
	render(f, FAMILIES_ALL);
	for (uint32_t b = 0; b < metric->bounds_nr; b++) {
		uint64_t want = 0;
		bool found = false;

		for (int i = 0; i < VALUES; i++)
			want += uppers[i] <= metric->bounds_ns[b];
		/* Bounds in the order they are printed, found by their number. */
		for (size_t i = 0; i < f->doc.samples_nr && !found; i++) {
			struct snp_buf le = {0};

			if (strcmp(f->doc.samples[i].name, DURATION "_bucket") != 0)
				continue;
			assert_true(expo_label_value(&f->doc.samples[i], "le", &le));
			snp_buf_putc(&le, '\0');
			found =
			    strtod(le.data, NULL) == (double)metric->bounds_ns[b] / 1e9;
			if (found)
				assert_true(f->doc.samples[i].value == (double)want);
			snp_buf_fini(&le);
		}
		assert_true(found);
	}
	(void)snprintf(series, sizeof(series),
		       DURATION "_%s{pool=\"default\",method=\"word_stats\"}", "count");
	assert_true(expo_value(&f->doc, series) == VALUES);
	(void)snprintf(series, sizeof(series),
		       DURATION "_%s{pool=\"default\",method=\"word_stats\"}", "sum");
	assert_true(expo_value(&f->doc, series) == (double)((long double)sum / 1e9L));
	free(uppers);
}

/* P12 */
static void histogram_bounds_are_spelled_canonically(void **state)
{
	static const char *const spelled[] = {"0.005", "0.075", "0.5",	 "1.0",
					      "7.5",   "10.0",	"300.0", "+Inf"};
	struct fixture *f = *state;
	char series[256];

	render(f, FAMILIES_ALL);
	for (size_t i = 0; i < sizeof(spelled) / sizeof(spelled[0]); i++) {
		(void)snprintf(series, sizeof(series),
			       DURATION
			       "_bucket{pool=\"default\",method=\"word_stats\","
			       "le=\"%s\"}",
			       spelled[i]);
		assert_true(expo_value(&f->doc, series) == 0);
	}
}

struct hammer {
	struct snp_bank *bank;
	_Atomic int stop;
};

static void *hammer_run(void *user)
{
	struct hammer *hammer = user;
	uint64_t x = 88172645463325252u;

	while (!atomic_load_explicit(&hammer->stop, memory_order_relaxed)) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		snp_hist_record(&hammer->bank->tools[0].duration[0],
				x >> (24 + x % 24));
		snp_hist_record(&hammer->bank->pools[0].queue_wait[0],
				x >> (24 + x % 24));
	}
	return NULL;
}

/* P08. The checker asserts +Inf == _count and ascending buckets for each page. */
static void histogram_beside_a_writer_is_consistent(void **state)
{
	struct fixture *f = *state;
	struct hammer hammer = {.bank = &f->writer.bank};
	double before = 0, count;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, hammer_run, &hammer), 0);
	for (int i = 0; i < 500 || before == 0; i++) {
		render(f, FAMILIES_ALL);
		count = expo_value(&f->doc, DURATION "_count{pool=\"default\","
						     "method=\"word_stats\"}");
		assert_true(count >= before);
		before = count;
	}
	atomic_store(&hammer.stop, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    CASE(render_scalars_have_their_values),
	    CASE(render_family_without_series_has_no_header),
	    CASE(render_lasting_leaves_the_present_out),
	    CASE(render_retired_row_keeps_its_counters_alone),
	    CASE(render_diag_adds_states_one_line_each),
	    cmocka_unit_test(render_hostile_names_come_back),
	    CASE(create_illegal_name_is_rejected),
	    CASE(create_name_used_twice_is_rejected),
	    CASE(create_name_of_the_exporter_is_rejected),
	    CASE(create_name_of_a_histogram_sample_is_rejected),
	    CASE(render_illegal_label_rejects_the_family),
	    CASE(histogram_random_values_match_brute_force),
	    CASE(histogram_bounds_are_spelled_canonically),
	    CASE(histogram_beside_a_writer_is_consistent),
	};

	return cmocka_run_group_tests_name("prometheus/families", tests, NULL, NULL);
}
