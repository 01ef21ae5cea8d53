/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "heat.h"
#include "view_parts.h"

#define SCALE_COLS 7  /* "1.2ms " at the left */
#define SUM_COLS   8  /* requests of the row, at the right */
#define TIMES_ROWS 10 /* from so many rows on the last one tells the time */

/* Which octaves a map shows in how many rows: the slowest on top. */
struct window {
	int first, end, per_row, rows;
};

static struct window window_of(const struct top_heat *heat, int rows)
{
	struct window w = {.rows = rows, .per_row = 1};
	int missing;

	top_heat_range(heat, &w.first, &w.end);
	while (w.end - w.first > rows * w.per_row)
		w.per_row++;
	/* A map of few octaves has some more around them, to be read at all. */
	missing = rows * w.per_row - (w.end - w.first);
	w.end = view_min(w.end + (missing + 1) / 2, SNP_HIST_OCTAVES);
	w.first = view_max(w.end - rows * w.per_row, 0);
	w.rows = view_min(rows, (SNP_HIST_OCTAVES - w.first) / w.per_row);
	return w;
}

/* The octaves of row `y`, 0 being the uppermost: [first, first + per_row). */
static int row_first(const struct window *w, int y)
{
	return w->first + (w->rows - 1 - y) * w->per_row;
}

static uint64_t count_in(const struct top_heat *heat, const struct window *w, int col,
			 int y)
{
	uint64_t sum = 0;

	for (int o = row_first(w, y); o < row_first(w, y) + w->per_row; o++)
		if (o < SNP_HIST_OCTAVES)
			sum += top_heat_count(heat, col, o);
	return sum;
}

static uint32_t glyph(int level, bool ascii)
{
	static const char plain[TOP_HEAT_LEVELS + 1] = " .,:+*#%@";
	static const uint32_t shades[TOP_HEAT_LEVELS] = {
	    ' ', 0xb7, 0x2591, 0x2591, 0x2592, 0x2592, 0x2593, 0x2593, 0x2588};

	return ascii ? (unsigned char)plain[level] : shades[level];
}

static enum top_style heat_style(int level)
{
	return level <= 2   ? TOP_HEAT_LOW
	       : level <= 4 ? TOP_HEAT_MID
	       : level <= 6 ? TOP_HEAT_HIGH
			    : TOP_HEAT_TOP;
}

/* Where the paths of the quantiles go through a column: octaves, -1 = nothing ended.
 * The higher quantile is the one that matters. */
static const struct {
	double q;
	char mark;
} paths[] = {{0.99, '9'}, {0.95, '5'}, {0.50, 'm'}};
#define PATHS (sizeof(paths) / sizeof(*paths))

static char path_at(const int octave[PATHS], const struct window *w, int y)
{
	for (size_t i = 0; i < PATHS; i++)
		if (octave[i] >= row_first(w, y) &&
		    octave[i] < row_first(w, y) + w->per_row)
			return paths[i].mark;
	return 0;
}

static void draw_cell(const struct view *v, int row, int col, int level, char mark)
{
	if (mark)
		top_grid_fill(v->grid, row, col, 1, TOP_STRONG, (unsigned char)mark);
	else
		top_grid_fill(v->grid, row, col, 1, heat_style(level),
			      glyph(level, v->grid->ascii));
}

static uint64_t largest(const struct top_heat *heat, const struct window *w)
{
	uint64_t max = 0;

	for (int x = 0; x < heat->cols; x++) {
		for (int y = 0; y < w->rows; y++) {
			uint64_t n = count_in(heat, w, x, y);

			max = n > max ? n : max;
		}
	}
	return max;
}

static void draw_map(const struct view *v, struct view_area area,
		     const struct top_heat *heat, const struct window *w)
{
	uint64_t max = largest(heat, w);

	for (int x = 0; x < heat->cols; x++) {
		int octave[PATHS];

		for (size_t i = 0; i < PATHS; i++)
			octave[i] = top_heat_quantile(heat, x, paths[i].q);
		for (int y = 0; y < w->rows; y++) {
			if (heat->gap[x])
				top_grid_fill(v->grid, area.row + y, area.col + x, 1,
					      TOP_DIM, v->grid->ascii ? '|' : 0x2502);
			else
				draw_cell(v, area.row + y, area.col + x,
					  top_heat_level(count_in(heat, w, x, y), max),
					  path_at(octave, w, y));
		}
	}
}

static void draw_scale(const struct view *v, struct view_area area,
		       const struct top_heat *heat, const struct window *w)
{
	for (int y = 0; y < w->rows; y++) {
		int last = row_first(w, y) + w->per_row - 1;
		char text[TOP_FORMAT_BYTES];
		struct top_pen pen = {.grid = v->grid,
				      .row = area.row + y,
				      .col = area.col,
				      .end = area.col + SCALE_COLS - 1};

		if (last >= SNP_HIST_OCTAVES - 1)
			(void)snprintf(text, sizeof(text), "more");
		else
			top_format_latency(text, top_heat_upper_ns(last), 6);
		top_pen_put_right(&pen, TOP_DIM, text);
		pen.col = area.col + area.cols - SUM_COLS;
		pen.end = area.col + area.cols;
		top_format_count(text, count_in(heat, w, -1, y), 6);
		if (area.cols >= 40)
			top_pen_put_right(&pen, TOP_DIM, text);
	}
}

void view_heat(const struct view *v, struct view_area area, size_t pool)
{
	int cols = area.cols - SCALE_COLS - (area.cols >= 40 ? SUM_COLS : 0);
	struct view_area map = {.row = area.row + 1,
				.col = area.col + SCALE_COLS,
				.rows = area.rows - 1,
				.cols = cols};
	struct top_pen pen = {.grid = v->grid,
			      .row = area.row,
			      .col = area.col,
			      .end = area.col + area.cols};
	struct top_heat heat;
	struct window w;

	if (cols < 4 || area.rows < 2)
		return;
	map.rows -= area.rows >= TIMES_ROWS;
	top_heat_of(&heat, v->scene->frame, pool, cols, TOP_HISTORY_S);
	map.col += cols - heat.cols;
	w = window_of(&heat, map.rows);
	(void)(top_pen_put_whole(&pen, TOP_ACCENT,
				 pool == TOP_ALL_POOLS
				     ? "latency, all pools, 10 min"
				     : v->scene->frame->look.pools[pool].name) &&
	       top_pen_put_whole(&pen, TOP_DIM, "  m p50  5 p95  9 p99"));
	if (w.end == w.first) {
		(void)top_grid_put(v->grid, map.row, map.col, cols, TOP_DIM,
				   "no request ended yet");
		return;
	}
	draw_map(v, map, &heat, &w);
	area.row++;
	draw_scale(v, area, &heat, &w);
	if (area.rows < TIMES_ROWS)
		return;
	map.row += map.rows;
	view_times(v, map, heat.step * (unsigned)heat.cols);
}
