/* SPDX-License-Identifier: Apache-2.0 */
/* Filters and CSV over the scene. */
#include "scene.h"

#include "batch.h"
#include "terms.h"

static struct snp_query *compile(const char *text, const struct snp_query_terms *terms)
{
	struct snp_query *query = NULL;
	struct snp_query_place place;
	struct snp_err err = {0};

	if (snp_query_compile(text, terms, &query, &place, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return query;
}

static void build(struct scene *s, const char *filter, unsigned flags)
{
	struct snp_query *query = compile(filter, &top_worker_terms);
	const struct top_order order = {
	    .sort = {.column = TOP_COLUMN_WORKER_worker, .flags = flags},
	    .filter = query};

	assert_int_equal(0, top_rows_build(&s->rows, &s->frame.look, &order));
	snp_query_free(query);
}

static void a_filter_leaves_the_workers_for_which_it_holds(void **state)
{
	static const struct {
		const char *filter;
		size_t rows;
	} cases[] = {
	    {"worker~/", SCENE_WORKERS_NR},
	    {"status=busy", 4},
	    {"status=busy and rss>1G", 2},
	    {"worker=default/10", 1},
	    {"pid=-", 1},
	    {"heartbeat_age>3s", 2},
	    {"pool=io", 1},
	    {"pool.queue_depth>1000", 0},
	};
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		build(s, cases[i].filter, 0);
		if (s->rows.nr != cases[i].rows)
			fail_msg("%s: %zu", cases[i].filter, s->rows.nr);
	}
}

static void a_pool_without_wanted_workers_has_no_heading(void **state)
{
	struct scene *s = *state;

	build(s, "worker=default/10", TOP_SORT_BY_POOL);
	assert_int_equal(2, s->rows.nr);
	assert_true(s->rows.row[0].worker == TOP_ROW_HEADING);
}

static const char *csv(struct scene *s, bool header, struct snp_buf *out)
{
	const struct top_scene scene = {
	    .frame = &s->frame, .ui = &s->ui, .rows = &s->rows};

	snp_buf_reset(out);
	assert_int_equal(0, top_batch_csv(&scene, header, out));
	snp_buf_putc(out, '\0');
	return out->data;
}

static void csv_is_a_line_a_worker_with_the_names_of_the_columns(void **state)
{
	struct scene *s = *state;
	struct snp_buf out = {0};

	build(s, "worker=default/2 or worker=default/10", 0);
	s->ui.shown[TOP_TABLE_WORKER] =
	    (struct top_shown){3,
			       {TOP_COLUMN_WORKER_worker, TOP_COLUMN_WORKER_pid,
				TOP_COLUMN_WORKER_rss_bytes}};
	assert_string_equal(csv(s, true, &out), "time_ns,worker,pid,rss_bytes\n"
						"1795280601000000000,default/2,11904,"
						"244318208\n"
						"1795280601000000000,default/10,,\n");
	assert_null(strstr(csv(s, false, &out), "time_ns"));
	s->ui.shown[TOP_TABLE_WORKER].nr = 0;
	/* All of them without a choice. */
	for (int id = 0; id < TOP_COLUMN_NR; id++)
		if (top_columns[id].table == TOP_TABLE_WORKER)
			assert_non_null(
			    strstr(csv(s, true, &out), top_columns[id].field));
	s->ui.shown[TOP_TABLE_POOL] = (struct top_shown){1, {TOP_COLUMN_POOL_pool}};
	assert_string_equal(csv(s, false, &out), "1795280601000000000,default\n"
						 "1795280601000000000,ml_infer\n"
						 "1795280601000000000,io\n");
	s->ui.shown[TOP_TABLE_POOL].nr = 0;
	snp_buf_fini(&out);
}

static void the_total_has_the_fields_of_a_pool(void **state)
{
	struct scene *s = *state;
	const struct top_terms_row row = {&s->frame.look.total, NULL};
	struct snp_query *query = compile(
	    "workers_down>0 and queue_percent<50% and queue_depth>=0", &top_pool_terms);

	assert_true(snp_query_matches(query, &row));
	snp_query_free(query);
}

int main(void)
{
#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)
	const struct CMUnitTest tests[] = {
	    SCENE_TEST(a_filter_leaves_the_workers_for_which_it_holds),
	    SCENE_TEST(a_pool_without_wanted_workers_has_no_heading),
	    SCENE_TEST(csv_is_a_line_a_worker_with_the_names_of_the_columns),
	    SCENE_TEST(the_total_has_the_fields_of_a_pool),
	};

	return cmocka_run_group_tests_name("top/batch", tests, NULL, NULL);
}
