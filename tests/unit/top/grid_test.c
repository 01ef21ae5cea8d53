/* SPDX-License-Identifier: Apache-2.0 */
#include "snp_test.h"

#include <locale.h>
#include <string.h>

#include "grid.h"

static int utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static char *text_of(const struct top_grid *grid)
{
	struct snp_buf text = {0};

	top_grid_text(grid, &text);
	snp_buf_putc(&text, '\0');
	assert_false(text.failed);
	return text.data;
}

static void assert_text(const struct top_grid *grid, const char *want)
{
	char *text = text_of(grid);

	assert_string_equal(want, text);
	free(text);
}

static void put_outside_does_nothing(void **state)
{
	struct top_grid grid = {0};

	(void)state;
	assert_int_equal(0, top_grid_reset(&grid, 2, 3));
	assert_int_equal(0, top_grid_put(&grid, -1, 0, 9, TOP_NORMAL, "x"));
	assert_int_equal(0, top_grid_put(&grid, 2, 0, 9, TOP_NORMAL, "x"));
	assert_int_equal(0, top_grid_put(&grid, 0, 3, 9, TOP_NORMAL, "x"));
	assert_int_equal(0, top_grid_put(&grid, 0, -1, 9, TOP_NORMAL, "x"));
	top_grid_fill(&grid, 1, -5, 20, TOP_NORMAL, '#');
	assert_text(&grid, "\n###\n");
	top_grid_fini(&grid);
}

static void put_clips_at_width_and_edge(void **state)
{
	struct top_grid grid = {0};

	(void)state;
	assert_int_equal(0, top_grid_reset(&grid, 1, 6));
	assert_int_equal(3, top_grid_put(&grid, 0, 0, 3, TOP_NORMAL, "abcdef"));
	assert_int_equal(2, top_grid_put(&grid, 0, 4, 99, TOP_NORMAL, "xyz"));
	assert_text(&grid, "abc xy\n");
	top_grid_fini(&grid);
}

static void put_wide_character_is_never_cut(void **state)
{
	struct top_grid grid = {0};

	(void)state;
	assert_int_equal(0, top_grid_reset(&grid, 1, 5));
	assert_int_equal(4, top_grid_put(&grid, 0, 0, 5, TOP_NORMAL,
					 "\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97"));
	assert_int_equal(2, top_grid_cell(&grid, 0, 2)->width);
	assert_int_equal(0, top_grid_cell(&grid, 0, 3)->width);
	assert_text(&grid, "\xe4\xb8\xad\xe6\x96\x87\n");
	/* Half of one overwritten: the other half is blank, the next one whole. */
	assert_int_equal(1, top_grid_put(&grid, 0, 1, 1, TOP_NORMAL, "x"));
	assert_text(&grid, " x\xe6\x96\x87\n");
	assert_int_equal(1, top_grid_put(&grid, 0, 2, 1, TOP_NORMAL, "y"));
	assert_text(&grid, " xy\n");
	top_grid_fini(&grid);
}

static void put_strips_controls_and_marks(void **state)
{
	struct top_grid grid = {0};
	const char *hostile = "a\x1b[2Jb\x07\n\x7f"
			      "c\xc2\x85"
			      "d\xe2\x80\xae"
			      "e\xcc\x81"
			      "f";

	(void)state;
	assert_int_equal(0, top_grid_reset(&grid, 1, 20));
	assert_int_equal(9, top_grid_put(&grid, 0, 0, 20, TOP_NORMAL, hostile));
	assert_text(&grid, "a[2Jbcdef\n");
	top_grid_fini(&grid);
}

static void put_invalid_utf8_shows_question_marks(void **state)
{
	struct top_grid grid = {0};

	(void)state;
	assert_int_equal(0, top_grid_reset(&grid, 1, 20));
	(void)top_grid_put(&grid, 0, 0, 20, TOP_NORMAL, "a\xff\xc3(\xe2\x82");
	assert_text(&grid, "a?\?(?\?\n");
	top_grid_fini(&grid);
}

static void put_ascii_only_replaces_the_rest(void **state)
{
	struct top_grid grid = {.ascii = true};

	(void)state;
	assert_int_equal(0, top_grid_reset(&grid, 1, 20));
	assert_int_equal(4, top_grid_put(&grid, 0, 0, 20, TOP_NORMAL,
					 "a\xc3\xa4\xe4\xb8\xad"
					 "b"));
	assert_text(&grid, "a?\?b\n");
	top_grid_fini(&grid);
}

static void reset_to_nothing_is_fine(void **state)
{
	struct top_grid grid = {0};

	(void)state;
	assert_int_equal(0, top_grid_reset(&grid, 0, 0));
	assert_int_equal(0, top_grid_put(&grid, 0, 0, 5, TOP_NORMAL, "x"));
	assert_null(top_grid_cell(&grid, 0, 0));
	assert_text(&grid, "");
	top_grid_fini(&grid);
}

static void pen_right_keeps_whole_words_or_nothing(void **state)
{
	struct top_grid grid = {0};
	struct top_pen pen = {.grid = &grid, .end = 10};

	(void)state;
	assert_int_equal(0, top_grid_reset(&grid, 1, 10));
	top_pen_put(&pen, TOP_NORMAL, "abc");
	top_pen_put_right(&pen, TOP_NORMAL, "12345678");
	top_pen_put_right(&pen, TOP_NORMAL, "1234");
	assert_int_equal(6, pen.end);
	assert_false(top_pen_put_whole(&pen, TOP_NORMAL, "wxyz"));
	assert_true(top_pen_put_whole(&pen, TOP_NORMAL, "xyz"));
	assert_text(&grid, "abcxyz1234\n");
	top_grid_fini(&grid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(put_outside_does_nothing),
	    cmocka_unit_test(put_clips_at_width_and_edge),
	    cmocka_unit_test(put_wide_character_is_never_cut),
	    cmocka_unit_test(put_strips_controls_and_marks),
	    cmocka_unit_test(put_invalid_utf8_shows_question_marks),
	    cmocka_unit_test(put_ascii_only_replaces_the_rest),
	    cmocka_unit_test(reset_to_nothing_is_fine),
	    cmocka_unit_test(pen_right_keeps_whole_words_or_nothing),
	};

	return cmocka_run_group_tests_name("top/grid", tests, utf8, NULL);
}
