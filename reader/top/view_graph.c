/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "view_parts.h"

/* One row: 9 levels. */
static const char ascii_ramp[] = "_.-=+*#%@";

/* Eighths of a cell that a value of 0..max fills in `rows` rows; -1 = unknown. Anything
 * above 0 shows. */
static int level_of(double value, double max, int rows)
{
	int full = rows * 8, level;

	if (isnan(value))
		return -1;
	if (max <= 0 || value <= 0)
		return 0;
	level = (int)lround(value / max * full);
	return level < 1 ? 1 : level > full ? full : level;
}

static uint32_t block(int eighths, bool ascii)
{
	if (ascii)
		return eighths < 3 ? '.' : eighths < 6 ? ':' : '#';
	return 0x2580 + (uint32_t)eighths; /* U+2581 ... U+2588 */
}

static uint32_t line_glyph(int level, bool ascii)
{
	if (ascii)
		return (
		    unsigned char)ascii_ramp[level * ((int)sizeof(ascii_ramp) - 2) / 8];
	return block(level > 0 ? level : 1, false);
}

/* The newest sample stands at the right. */
static void draw(const struct top_frame *frame, struct top_grid *grid,
		 struct view_area area, enum top_series series)
{
	double max = top_frame_max(frame, TOP_ALL_POOLS, series, (unsigned)area.cols);

	for (int x = 0; x < area.cols; x++) {
		unsigned back = (unsigned)(area.cols - 1 - x);
		const struct top_pool_point *point =
		    top_frame_pool_at(frame, TOP_ALL_POOLS, back);
		double value = top_frame_value(frame, TOP_ALL_POOLS, series, back);
		int level = level_of(value, max, area.rows);
		int col = area.col + x, bottom = area.row + area.rows - 1;

		if (point && point->gap) {
			for (int y = 0; y < area.rows; y++)
				top_grid_fill(grid, area.row + y, col, 1, TOP_DIM,
					      grid->ascii ? '|' : 0x2502);
			continue;
		}
		if (level < 0)
			continue;
		if (area.rows == 1 || level == 0) {
			top_grid_fill(grid, bottom, col, 1,
				      level > 0 ? TOP_GRAPH : TOP_DIM,
				      line_glyph(level, grid->ascii));
			continue;
		}
		for (int y = 0; level > 0; y++, level -= 8)
			top_grid_fill(grid, bottom - y, col, 1, TOP_GRAPH,
				      block(level < 8 ? level : 8, grid->ascii));
	}
}

static void describe_peak(char out[64], const struct top_scene *scene,
			  enum top_series series, int cols)
{
	const struct snp_pool_stat *total = &scene->frame->look.total;
	double max = top_frame_max(scene->frame, TOP_ALL_POOLS, series,
				   cols > 0 ? (unsigned)cols : 0);
	char peak[TOP_FORMAT_BYTES], limit[TOP_FORMAT_BYTES];

	top_format_rate(peak, max, 5);
	if (series == TOP_SERIES_REQ) {
		(void)snprintf(out, 64, " peak %s/s", peak);
		return;
	}
	top_format_count(peak, (uint64_t)max, 5);
	top_format_count(limit, total->queue_limit, 5);
	(void)snprintf(out, 64, " peak %s/%s", peak, limit);
}

static const char *series_name(enum top_series series)
{
	return series == TOP_SERIES_REQ ? "req/s" : "queue";
}

#define PEAK_COLS 14

void view_graph_line(const struct top_scene *scene, struct top_grid *grid, int row,
		     enum top_series series)
{
	struct top_pen pen = {
	    .grid = grid, .row = row, .col = 1, .end = grid->cols - 1};
	int cols = grid->cols - 8 - PEAK_COLS - 1;
	char peak[64];

	top_pen_put(&pen, TOP_DIM, series_name(series));
	if (cols < 8)
		cols = grid->cols - 8;
	else {
		describe_peak(peak, scene, series, cols);
		(void)top_grid_put(grid, row, 8 + cols, PEAK_COLS, TOP_DIM, peak);
	}
	draw(scene->frame, grid,
	     (struct view_area){.row = row, .col = 7, .rows = 1, .cols = cols}, series);
}

void view_graph_area(const struct top_scene *scene, struct top_grid *grid,
		     struct view_area area, enum top_series series)
{
	struct top_pen pen = {.grid = grid,
			      .row = area.row,
			      .col = area.col,
			      .end = area.col + area.cols};
	char peak[64];

	describe_peak(peak, scene, series, area.cols);
	top_pen_put(&pen, TOP_ACCENT, series_name(series));
	top_pen_put_right(&pen, TOP_DIM, peak);
	area.row++;
	area.rows--;
	draw(scene->frame, grid, area, series);
}
