/* SPDX-License-Identifier: Apache-2.0 */
/* A frame, from the segment to the screen, and recordings of them, with each allocation
 * and system call failing in turn. */
#include "fault.h"

#include "batch.h"
#include "record.h"
#include "segment_fixture.h"
#include "source.h"
#include "view.h"

#define FRAMES 3

static struct segment_fixture writer;
static char recorded[sizeof(writer.path) + sizeof(".rec")];

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

static int read_frame(struct top_recording *recording, uint64_t index,
		      struct snp_err *err)
{
	int rc = top_recording_read(recording, index, index);

	if (rc < 0)
		(void)snp_err_set(err, rc, "%s",
				  top_recording_frame(recording)->problem);
	/* What failed once is over with the read in which it did. */
	if (rc < 0 && !fault.persistent) {
		rc = top_recording_read(recording, index, index);
		assert_int_equal(rc, 0);
	}
	return rc;
}

static int replay(void *user, uint64_t *ret_result, struct snp_err *err)
{
	struct top_recording *recording = NULL;
	int rc = top_recording_open(user, &recording, err);

	for (uint64_t i = 0; i < FRAMES && rc == 0; i++)
		rc = read_frame(recording, i, err);
	if (rc == 0)
		*ret_result = top_recording_frame(recording)->events.nr;
	top_recording_close(&recording);
	return rc;
}

static void a_recording_is_read_whole_or_says_why_not(void **state)
{
	(void)state;
	fault_drive(replay, recorded, writer.dir);
}

static void record(void)
{
	struct top_source *source = NULL;
	struct snp_err err = {0};

	(void)snprintf(recorded, sizeof(recorded), "%s.rec", writer.path);
	assert_int_equal(top_source_live(writer.path, &source), 0);
	assert_int_equal(top_source_tick(source), 0);
	assert_int_equal(top_source_record(source, recorded, &err), 0);
	for (unsigned i = 1; i < FRAMES; i++)
		assert_int_equal(top_source_tick(source), 0);
	assert_int_equal(top_source_record_end(source, &err), 0);
	top_source_destroy(&source);
}

static int set_up(void **state)
{
	(void)state;
	segment_fixture_open(&writer, "default", "word_stats");
	segment_fixture_run_worker(&writer, 4711);
	record();
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
	    cmocka_unit_test(a_recording_is_read_whole_or_says_why_not),
	};

	return cmocka_run_group_tests_name("fault", tests, set_up, tear_down);
}
