/* SPDX-License-Identifier: Apache-2.0 */
/* Whole pages: several instances on one, filters, and gzip (P10). */
#include "page.h"

#include <zlib.h>

#include "expo_check.h"
#include "segment_fixture.h"

#define SOURCES 2

struct one {
	struct segment_fixture writer;
	struct snp_segment *seg;
	struct snp_snapshot *snap;
	struct families *families;
	struct own_totals totals;
};

struct fixture {
	struct one one[SOURCES];
	struct page_source sources[SOURCES];
	struct page_room *room;
	struct page page;
	struct snp_buf buf;
	struct expo_doc doc;
};

static const char *const names[SOURCES] = {"a", "b\"c"};

static void open_one(struct one *one, const char *name, struct page_source *ret_source)
{
	struct snp_err err = {0};

	segment_fixture_open(&one->writer, "default", "word_stats");
	segment_fixture_run_worker(&one->writer, 4711);
	if (snp_segment_attach(one->writer.path, &one->seg, &err) < 0 ||
	    snp_segment_snapshot(one->seg, &one->snap, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(
	    families_create(one->snap, FAMILIES_DIAG, name, &one->families), 0);
	*ret_source = (struct page_source){.label = name,
					   .up = true,
					   .totals = &one->totals,
					   .seg = one->seg,
					   .snap = one->snap,
					   .families = one->families};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	for (int i = 0; i < SOURCES; i++)
		open_one(&f->one[i], names[i], &f->sources[i]);
	assert_int_equal(page_room_create(&f->room), 0);
	f->page = (struct page){.filter = &scrape_filter_all,
				.exporter_metrics = true,
				.begin = snp_mono_now(),
				.sources = f->sources,
				.sources_nr = SOURCES};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < SOURCES; i++) {
		families_destroy(&f->one[i].families);
		snp_snapshot_destroy(&f->one[i].snap);
		snp_segment_detach(&f->one[i].seg);
		segment_fixture_close(&f->one[i].writer);
	}
	page_room_destroy(&f->room);
	expo_check_free(&f->doc);
	snp_buf_fini(&f->buf);
	free(f);
	return 0;
}

/* The checker finds a family that is not in one piece. */
static void render(struct fixture *f)
{
	snp_buf_reset(&f->buf);
	page_render(f->room, &f->page, &f->buf);
	assert_false(f->buf.failed);
	expo_check_free(&f->doc);
	expo_check(&f->buf, &f->doc);
}

static void instances_share_each_family(void **state)
{
	struct fixture *f = *state;

	snp_add(&f->one[0].writer.bank.tools[0].requests[0], 3);
	snp_add(&f->one[1].writer.bank.tools[0].requests[0], 4);
	for (int i = 0; i < SOURCES; i++) {
		assert_int_equal(
		    snp_segment_snapshot(f->one[i].seg, &f->one[i].snap, NULL), 0);
		f->sources[i].snap = f->one[i].snap;
	}
	render(f);
	assert_true(expo_value(&f->doc, "snakepit_up{snakepit_instance=\"a\"}") == 1);
	assert_true(expo_value(&f->doc,
			       "snakepit_requests_total{snakepit_instance=\"a\","
			       "pool=\"default\",method=\"word_stats\"}") == 3);
	assert_true(expo_value(&f->doc,
			       "snakepit_requests_total{snakepit_instance=\"b\\\"c\","
			       "pool=\"default\",method=\"word_stats\"}") == 4);
	assert_true(expo_value(&f->doc, "snakepit_log_lines_dropped_total{"
					"snakepit_instance=\"b\\\"c\"}") == 0);
	/* What is about the exporter is there once. */
	assert_true(expo_value(&f->doc, "process_threads") >= 1);
}

static void an_instance_that_is_gone_keeps_its_counts(void **state)
{
	struct fixture *f = *state;

	f->sources[1].part = FAMILIES_LASTING;
	f->sources[1].up = false;
	render(f);
	assert_true(expo_value(&f->doc, "snakepit_up{snakepit_instance=\"b\\\"c\"}") ==
		    0);
	assert_non_null(expo_find(&f->doc,
				  "snakepit_worker_limit{"
				  "snakepit_instance=\"a\",pool=\"default\"}"));
	assert_null(expo_find(&f->doc, "snakepit_worker_limit{"
				       "snakepit_instance=\"b\\\"c\","
				       "pool=\"default\"}"));
	assert_non_null(expo_find(&f->doc, "snakepit_pool_requests_total{"
					   "snakepit_instance=\"b\\\"c\","
					   "pool=\"default\"}"));
}

/* The checker finds a family that begins twice. */
static void what_one_instance_cannot_say_the_other_says_once(void **state)
{
	struct fixture *f = *state;
	struct family *family =
	    families_find(f->sources[0].families, "snakepit_requests_total");

	assert_non_null(family);
	family->checked = family->rejected = true; /* as for an illegal label */
	render(f);
	assert_null(expo_find(&f->doc,
			      "snakepit_requests_total{snakepit_instance=\"a\","
			      "pool=\"default\",method=\"word_stats\"}"));
	assert_non_null(expo_find(&f->doc, "snakepit_requests_total{"
					   "snakepit_instance=\"b\\\"c\","
					   "pool=\"default\",method=\"word_stats\"}"));
}

static void without_instances_there_is_a_page(void **state)
{
	struct fixture *f = *state;

	f->page.sources_nr = 0;
	render(f);
	assert_true(expo_value(&f->doc, "snakepit_up") == 0);
	assert_null(memmem(f->buf.data, f->buf.len, "snakepit_requests", 17));
}

static void p19_filters_leave_families_out(void **state)
{
	static const char *const only[] = {"snakepit_worker_limit", "process_threads"};
	const struct scrape_filter pools = {.groups = 1U << SCRAPE_POOL};
	const struct scrape_filter two = {SCRAPE_GROUPS_ALL, only, 2};
	struct fixture *f = *state;

	f->page.filter = &two;
	render(f);
	assert_int_equal(f->doc.families_nr, 2);
	f->page.filter = &pools;
	render(f);
	for (size_t i = 0; i < f->doc.families_nr; i++) {
		const char *name = f->doc.families[i];

		if (strncmp(name, "snakepit_pool_", 14) != 0 &&
		    strncmp(name, "snakepit_scrape_", 16) != 0 &&
		    strcmp(name, "snakepit_exporter_build_info") != 0)
			assert_string_equal(name, "snakepit_up");
	}
	assert_true(f->doc.families_nr > 8);
}

static void without_exporter_metrics(void **state)
{
	struct fixture *f = *state;

	f->page.exporter_metrics = false;
	render(f);
	assert_null(memmem(f->buf.data, f->buf.len, "process_", 8));
	assert_null(memmem(f->buf.data, f->buf.len, "snakepit_exporter_", 18));
}

static void gunzip(const struct snp_buf *zipped, struct snp_buf *ret)
{
	z_stream stream = {.next_in = (Bytef *)zipped->data,
			   .avail_in = (uInt)zipped->len};
	int r;

	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	snp_buf_reset(ret);
	do {
		stream.avail_out = 4096;
		stream.next_out = (Bytef *)snp_buf_reserve(ret, stream.avail_out);
		assert_non_null(stream.next_out);
		r = inflate(&stream, Z_NO_FLUSH);
		snp_buf_commit(ret, 4096 - stream.avail_out);
	} while (r == Z_OK);
	assert_int_equal(r, Z_STREAM_END);
	assert_int_equal(stream.avail_in, 0);
	assert_int_equal(inflateEnd(&stream), Z_OK);
}

/* Twice with the same memory. */
static void p10_gzip_is_the_same_page(void **state)
{
	static const char *const own[] = {"snakepit_request_failures_total"};
	const struct scrape_filter steady = {SCRAPE_GROUPS_ALL, own, 1};
	struct fixture *f = *state;
	struct snp_buf zipped = {0}, page = {0};

	f->page.filter = &steady;
	render(f);
	f->page.as.gzip = true;
	for (int i = 0; i < 2; i++) {
		snp_buf_reset(&zipped);
		page_render(f->room, &f->page, &zipped);
		assert_false(zipped.failed);
		assert_true(zipped.len < f->buf.len / 2);
		gunzip(&zipped, &page);
		assert_int_equal(page.len, f->buf.len);
		assert_memory_equal(page.data, f->buf.data, page.len);
	}
	snp_buf_fini(&zipped);
	snp_buf_fini(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    CASE(instances_share_each_family),
	    CASE(an_instance_that_is_gone_keeps_its_counts),
	    CASE(what_one_instance_cannot_say_the_other_says_once),
	    CASE(without_instances_there_is_a_page),
	    CASE(p19_filters_leave_families_out),
	    CASE(without_exporter_metrics),
	    CASE(p10_gzip_is_the_same_page),
	};

	return cmocka_run_group_tests_name("prometheus/page", tests, NULL, NULL);
}
