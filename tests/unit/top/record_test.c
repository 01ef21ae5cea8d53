/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings: what was recorded is drawn again just as it was, and what is damaged is
 * said to be, with what is before it still there. */
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "crc32c.h"
#include "record.h"
#include "record_codec.h"
#include "record_delta.h"
#include "record_file.h"
#include "source.h"

#define FRAMES 5

struct fixture {
	struct scene *scene;
	char path[128];
	struct snp_buf pictures[FRAMES];
};

static void picture(const struct fixture *f, const struct top_frame *frame,
		    struct snp_buf *out)
{
	struct top_rows rows = {0};
	struct top_grid grid = {.ascii = true};
	struct top_viewport viewport = {0};
	const struct top_order order = top_ui_order(&f->scene->ui);
	struct top_scene scene = {.frame = frame, .ui = &f->scene->ui, .rows = &rows};

	assert_int_equal(0, top_rows_build(&rows, &frame->look, &order));
	assert_int_equal(0, top_grid_reset(&grid, 45, 160));
	top_view(&scene, &grid, &viewport);
	top_grid_text(&grid, out);
	assert_false(out->failed);
	top_grid_fini(&grid);
	top_rows_fini(&rows);
}

/* What a second brings: other numbers, a point of history, an event. */
static void next_second(struct fixture *f, unsigned i)
{
	struct top_frame *frame = &f->scene->frame;
	struct top_history_who who = {.row = frame->look.pools[0].row};
	struct snp_told_event event = *top_eventlog_at(&frame->events, 0);
	struct top_pool_point point = {
	    .at.ns = (frame->second + 1) * SNP_NS_PER_S, .run = 2, .req_s = 1000 * i};

	frame->wall.ns += SNP_NS_PER_S;
	frame->clock = frame->wall;
	frame->look.pools[0].queue_depth += i;
	frame->look.workers[i].rss_bytes += 4096;
	frame->look.workers[i].active += 1;
	(void)snprintf(who.pool, sizeof(who.pool), "%s", frame->look.pools[0].name);
	assert_int_equal(0, top_history_put_pool(f->scene->history, &who,
						 frame->second + 1, &point));
	frame->second++;
	event.wall = frame->wall;
	top_eventlog_add(&frame->events, &event);
	frame->inflight[0] = (struct top_inflight){.worker = i,
						   .pool = frame->look.workers[i].pool,
						   .method = "run",
						   .age_ns = i,
						   .left_ns = SNP_UNKNOWN};
	frame->inflight_nr = frame->inflight_all = 1;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct top_recorder *recorder = NULL;
	struct snp_err err = {0};
	void *scene = NULL;

	assert_non_null(f);
	assert_int_equal(0, scene_open(&scene));
	f->scene = scene;
	(void)snprintf(f->path, sizeof(f->path), "%s/a.rec", f->scene->dir);
	if (top_recorder_open(f->path, &recorder, &err) < 0)
		fail_msg("%s", err.msg);
	/* As it says of itself when it is replayed. */
	f->scene->frame.origin = TOP_ORIGIN_RECORDING;
	f->scene->frame.record_nr = FRAMES;
	for (unsigned i = 0; i < FRAMES; i++) {
		f->scene->frame.record_at = i;
		if (i > 0)
			next_second(f, i);
		assert_int_equal(0, top_recorder_add(recorder, &f->scene->frame, &err));
		picture(f, &f->scene->frame, &f->pictures[i]);
	}
	top_recorder_close(&recorder);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	void *scene = f->scene;

	for (unsigned i = 0; i < FRAMES; i++)
		snp_buf_fini(&f->pictures[i]);
	(void)scene_close(&scene);
	free(f);
	return 0;
}

static void assert_picture(const struct fixture *f, const struct top_frame *frame,
			   unsigned i)
{
	struct snp_buf now = {0};

	picture(f, frame, &now);
	snp_buf_putc(&now, '\0');
	if (now.len != f->pictures[i].len + 1 ||
	    memcmp(now.data, f->pictures[i].data, now.len - 1) != 0)
		fail_msg("frame %u is now\n%s", i, now.data);
	snp_buf_fini(&now);
}

static struct top_source *open_source(const struct fixture *f)
{
	struct top_source *source = NULL;
	struct snp_err err = {0};

	if (top_source_replay(f->path, &source, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(0, err.code);
	return source;
}

/* ---- cases --------------------------------------------------------------- */

static void each_frame_is_drawn_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct top_source *source = open_source(f);

	for (unsigned i = 0; i < FRAMES; i++) {
		assert_int_equal(0, top_source_tick(source));
		assert_picture(f, top_source_frame(source), i);
		assert_int_equal(i + 1 < FRAMES ? SNP_NS_PER_S : 0,
				 top_source_pace_ns(source));
	}
	assert_false(top_source_goes_on(source));
	assert_int_equal(0, top_source_tick(source));
	assert_picture(f, top_source_frame(source), FRAMES - 1);
	top_source_destroy(&source);
}

static void seek_goes_back_and_forth_in_its_time(void **state)
{
	struct fixture *f = *state;
	struct top_source *source = open_source(f);

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(0, top_source_tick(source));
	assert_int_equal(0, top_source_seek(source, 2 * SNP_NS_PER_S));
	assert_int_equal(2 * SNP_NS_PER_S, top_source_frame(source)->rewound_ns);
	assert_int_equal(1, top_source_frame(source)->record_at);
	assert_int_equal(0, top_source_seek(source, 3600 * SNP_NS_PER_S));
	assert_int_equal(0, top_source_frame(source)->record_at);
	/* No frame is there: on the way forward it is the one behind. */
	assert_int_equal(0, top_source_seek(source, 5 * SNP_NS_PER_S / 2));
	assert_int_equal(1, top_source_frame(source)->record_at);
	assert_int_equal(0, top_source_seek(source, 0));
	assert_picture(f, top_source_frame(source), 3);
	assert_int_equal(0, top_source_tick(source));
	assert_picture(f, top_source_frame(source), 4);
	top_source_destroy(&source);
}

static void recording_is_not_written_over(void **state)
{
	struct fixture *f = *state;
	struct top_recorder *recorder = NULL;
	struct snp_err err = {0};

	assert_int_equal(-EEXIST, top_recorder_open(f->path, &recorder, &err));
	assert_non_null(strstr(err.msg, f->path));
	assert_null(recorder);
}

/* ---- damage -------------------------------------------------------------- */

static void change_byte(const struct fixture *f, off_t at)
{
	int fd = open(f->path, O_RDWR);
	unsigned char byte;

	assert_true(fd >= 0);
	assert_int_equal(1, pread(fd, &byte, 1, at));
	byte ^= 0x40;
	assert_int_equal(1, pwrite(fd, &byte, 1, at));
	assert_int_equal(0, close(fd));
}

static off_t size_of(const struct fixture *f)
{
	struct stat st;

	assert_int_equal(0, stat(f->path, &st));
	return st.st_size;
}

static void damaged_end_is_named_and_the_rest_is_shown(void **state)
{
	struct fixture *f = *state;
	struct top_source *source = NULL;
	struct snp_err err = {0};

	change_byte(f, size_of(f) - 3);
	assert_int_equal(0, top_source_replay(f->path, &source, &err));
	assert_int_equal(-EBADMSG, err.code);
	assert_non_null(strstr(err.msg, "frame 5 at byte"));
	assert_non_null(
	    strstr(err.msg, "damaged (checksum); the 4 before it are whole"));
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(0, top_source_tick(source));
	assert_int_equal(3, top_source_frame(source)->record_at);
	assert_false(top_source_goes_on(source));
	top_source_destroy(&source);
}

static void recording_cut_at_any_byte_has_the_frames_before_it(void **state)
{
	struct fixture *f = *state;
	off_t size = size_of(f);

	for (off_t len = size - 1; len >= 0; len -= 1 + len / 50) {
		struct top_recording *recording = NULL;
		struct snp_err err = {0};
		int rc;

		assert_int_equal(0, truncate(f->path, len));
		rc = top_recording_open(f->path, &recording, &err);
		assert_true(rc == 0 || rc == -EBADMSG);
		assert_true(rc == 0 || *err.msg);
		if (rc < 0)
			continue;
		assert_in_range(top_recording_frames(recording), 1, FRAMES - 1);
		assert_int_equal(
		    0, top_recording_read(recording,
					  top_recording_frames(recording) - 1, 0));
		top_recording_close(&recording);
	}
}

static void head_says_what_does_not_fit(void **state)
{
	static const struct {
		off_t at;
		const char *says;
	} cases[] = {{HEAD_MAGIC, "is no recording of snakepit-top"},
		     {HEAD_VERSION, "its head is damaged"},
		     {HEAD_LAYOUT, "its head is damaged"}};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct top_recording *recording = NULL;
		struct snp_err err = {0};

		change_byte(f, cases[i].at);
		assert_int_equal(-EBADMSG,
				 top_recording_open(f->path, &recording, &err));
		assert_non_null(strstr(err.msg, cases[i].says));
		change_byte(f, cases[i].at);
	}
}

/* With a checksum that is right, as another version would have written it. */
static void head_of_another_version_says_both(void **state)
{
	static const struct {
		off_t at;
		const char *says;
	} cases[] = {{HEAD_VERSION, "is of format 65 (snakepit-top " SNP_VERSION
				    "), this snakepit-top " SNP_VERSION " reads 1"},
		     {HEAD_LAYOUT, "whose frames have other fields"}};
	struct fixture *f = *state;
	unsigned char head[TOP_RECORD_HEAD_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct top_recording *recording = NULL;
		struct snp_err err = {0};
		int fd;

		change_byte(f, cases[i].at);
		fd = open(f->path, O_RDWR);
		assert_true(fd >= 0);
		assert_int_equal(sizeof(head), pread(fd, head, sizeof(head), 0));
		record_put(head + HEAD_CRC, snp__crc32c(head, HEAD_CRC), 4);
		assert_int_equal(sizeof(head), pwrite(fd, head, sizeof(head), 0));
		assert_int_equal(0, close(fd));
		assert_int_equal(-EPROTO,
				 top_recording_open(f->path, &recording, &err));
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s", err.msg);
		change_byte(f, cases[i].at);
	}
}

static void what_is_no_file_is_no_recording(void **state)
{
	struct fixture *f = *state;
	struct top_recording *recording = NULL;
	struct snp_err err = {0};

	assert_int_equal(-EBADMSG, top_recording_open(f->scene->dir, &recording, &err));
	assert_non_null(strstr(err.msg, "no regular file"));
	assert_int_equal(-ENOENT, top_recording_open("/nowhere", &recording, &err));
}

/* ---- deltas -------------------------------------------------------------- */

static void delta_makes_one_text_of_another(void **state)
{
	static const char *const texts[] = {"",
					    "a",
					    "the same",
					    "the sane",
					    "the",
					    "the same but longer than before",
					    "something else altogether"};
	const size_t nr = sizeof(texts) / sizeof(*texts);

	(void)state;
	for (size_t i = 0; i < nr * nr; i++) {
		struct snp_buf before = {0}, after = {0}, delta = {0};

		snp_buf_puts(&before, texts[i / nr]);
		snp_buf_puts(&after, texts[i % nr]);
		top_delta_make(&before, &after, &delta);
		assert_true(top_delta_apply(
		    &before, after.len, (const unsigned char *)delta.data, delta.len));
		assert_int_equal(after.len, before.len);
		if (after.len > 0)
			assert_memory_equal(after.data, before.data, after.len);
		snp_buf_fini(&before);
		snp_buf_fini(&after);
		snp_buf_fini(&delta);
	}
}

static void delta_of_something_else_is_refused(void **state)
{
	static const struct {
		unsigned char bytes[12];
		size_t len;
	} cases[] = {{{9, 0}, 2},	    /* beyond the end */
		     {{0, 4, 'a', 'b'}, 4}, /* more bytes than there are */
		     {{0, 2, 'a', 'b'}, 4}, /* does not reach the end */
		     {{0x80}, 1},	    /* a number without an end */
		     {{4}, 1}};		    /* half a pair */

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snp_buf image = {0};

		snp_buf_puts(&image, "abcd");
		assert_false(top_delta_apply(&image, 4, cases[i].bytes, cases[i].len));
		snp_buf_fini(&image);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(each_frame_is_drawn_as_it_was),
	    T(seek_goes_back_and_forth_in_its_time),
	    T(recording_is_not_written_over),
	    T(damaged_end_is_named_and_the_rest_is_shown),
	    T(recording_cut_at_any_byte_has_the_frames_before_it),
	    T(head_says_what_does_not_fit),
	    T(head_of_another_version_says_both),
	    T(what_is_no_file_is_no_recording),
	    cmocka_unit_test(delta_makes_one_text_of_another),
	    cmocka_unit_test(delta_of_something_else_is_refused),
	};

	return cmocka_run_group_tests_name("top/record", tests, NULL, NULL);
}
