/* SPDX-License-Identifier: Apache-2.0 */
/* A frame, from the segment to the screen, with each allocation and system call failing
 * in turn. */
#include "fault.h"

#include "batch.h"
#include "segment_fixture.h"
#include "source.h"
#include "view.h"

static struct segment_fixture writer;

/* What is drawn depends on the clock; how much of it there is does not. */
static int draw(const struct top_frame *frame, uint64_t *ret_result)
{
	struct top_rows rows = {0};
	struct top_ui ui;
	struct snp_buf out = {0};
	struct top_scene scene = {.frame = frame, .ui = &ui, .rows = &rows};
	struct top_order order;
	int rc;

	top_ui_init(&ui);
	order = top_ui_order(&ui);
	rc = top_rows_build(&rows, &frame->look, &order);
	if (rc == 0)
		rc = top_batch_text(&scene, TOP_ONCE_COLS, true, &out);
	*ret_result = 0;
	for (size_t i = 0; rc == 0 && i < out.len; i++)
		*ret_result += out.data[i] == '\n';
	snp_buf_reset(&out);
	if (rc == 0)
		rc = top_batch_json(&scene, &out);
	if (rc == 0)
		rc = top_batch_csv(&scene, true, &out);
	snp_buf_fini(&out);
	top_rows_fini(&rows);
	top_ui_fini(&ui);
	return rc;
}

static int watch(void *user, uint64_t *ret_result, struct snp_err *err)
{
	struct top_source *source = NULL;
	struct top_frame copy = {0};
	int rc = fault_say(top_source_live(user, &source), err);

	for (int tick = 0; tick < 2 && rc == 0; tick++) {
		rc = top_source_tick(source);
		if (rc < 0)
			(void)snp_err_set(err, rc, "%s",
					  top_source_frame(source)->problem);
	}
	if (rc == 0)
		rc = fault_say(top_frame_copy(&copy, top_source_frame(source)), err);
	if (rc == 0)
		rc = fault_say(draw(&copy, ret_result), err);
	top_frame_fini(&copy);
	top_source_destroy(&source);
	return rc;
}

static void a_frame_is_whole_or_says_its_problem(void **state)
{
	struct snp_segment *one = NULL, *two = NULL;

	(void)state;
	/* The guard of maps keeps the places that it has once had. */
	assert_int_equal(snp_segment_attach(writer.path, &one, NULL), 0);
	assert_int_equal(snp_segment_attach(writer.path, &two, NULL), 0);
	snp_segment_detach(&one);
	snp_segment_detach(&two);
	fault_drive(watch, writer.path, writer.dir);
}

static int set_up(void **state)
{
	(void)state;
	segment_fixture_open(&writer, "default", "word_stats");
	segment_fixture_run_worker(&writer, 4711);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	segment_fixture_close(&writer);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_frame_is_whole_or_says_its_problem),
	};

	return cmocka_run_group_tests_name("fault", tests, set_up, tear_down);
}
